"""How long five members take on two cores, against one member on one."""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import optuna

from kallos_data import DatabaseConfig
from kallos_tune import ForecasterSettings, Recipe, run_tuning, train_forecaster

from ._families import make_market
from ._many_markets import Size
from ._market import ASSET, TARGET

NETWORKS: Final[dict[str, dict[str, Any]]] = {
    "32 units, 1 layer": {"hidden_dim": 32, "n_rnn_layers": 1, "batch_size": 64, "input_chunk_length": 30},
    "64 units, 2 layers": {"hidden_dim": 64, "n_rnn_layers": 2, "batch_size": 64, "input_chunk_length": 50},
}
ONE: Final = ForecasterSettings(members=1, members_from="seeds", workers=1)
FIVE: Final = ForecasterSettings(members=5, members_from="seeds", workers=2)


def training_times(size: Size, *, n_rounds: int, n_networks: int | None = None) -> dict[str, dict[str, Any]]:
    """Train one and five members in turn, each in a process of its own, as a command is one; a column a network."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        market = make_market(Path(folder), "signal-0.05", 0, size.n_steps, size.hold_out)
        study = run_tuning(
            ASSET, market.end_date, market.config, None, "gru", "times", TARGET, market.groups, 1,
            settings=size.settings(0),
        )  # fmt: skip
        recipe = Recipe.of_study(study)
        return {
            name: _column(_of_network(recipe, params, size.max_epochs), Path(folder) / "model", market.config, n_rounds)
            for name, params in list(NETWORKS.items())[:n_networks]
        }


def _of_network(recipe: Recipe, params: Mapping[str, Any], epochs: int) -> Recipe:
    best = recipe.candidates[0]
    return replace(recipe, candidates=(replace(best, params={**best.params, **params}, best_epochs=(epochs,)),))


def _column(recipe: Recipe, folder: Path, config: DatabaseConfig, n_rounds: int) -> dict[str, Any]:
    rounds = [[_timed(recipe, folder, config, settings) for settings in (ONE, FIVE)] for _ in range(n_rounds)]
    column: dict[str, Any] = {"rounds": n_rounds}
    for place, what in enumerate(("whole process", "training alone")):
        one, five = ([each[arm][place] for each in rounds] for arm in (0, 1))
        ratios = [of_five / of_one for of_one, of_five in zip(one, five, strict=True)]
        column |= {
            f"{what}: one, s": round(statistics.median(one), 1),
            f"{what}: five, s": round(statistics.median(five), 1),
            f"{what}: times": f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        }
    return column


def _timed(recipe: Recipe, folder: Path, config: DatabaseConfig, settings: ForecasterSettings) -> tuple[float, float]:
    """Return the seconds from start to end of a process that trains, and those of the training in it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    started = time.perf_counter()
    process = context.Process(target=_train, args=(recipe, folder, config, settings, theirs))
    process.start()
    theirs.close()
    # Where the process dies, this end of the pipe says so.
    seconds = ours.recv()
    process.join()
    return time.perf_counter() - started, seconds


def _train(
    recipe: Recipe, folder: Path, config: DatabaseConfig, settings: ForecasterSettings, told: Connection
) -> None:
    started = time.perf_counter()
    train_forecaster(recipe, folder, config, settings=settings, overwrite=True)
    told.send(time.perf_counter() - started)
