"""Whether the dry run tells the truth: ten small studies estimated, then run, with pruning and without.

The studies differ in everything that time depends on: the length of the history, folds, horizon, architecture, widths,
look-backs, batches, epochs and trials. Each runs on one worker for each core. What the estimate assumes of trainings
and of pruning was set on studies of other seeds.
"""

import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import optuna

from kallos_data import DatabaseConfig, ingest_frame, simulate_market
from kallos_tune import StudyData, TuningSettings, estimate_study, load_study_data, tune_on

from ._market import ASSET, SIGNAL, TARGET, small_space
from ._measuring import print_table, write_results

SEED: Final = 2000
PACKAGES: Final = ("darts", "optuna", "pytorch-lightning", "torch")


@dataclass(frozen=True)
class Case:
    """A study: how long its history is, its architecture, and what differs from the settings that ship."""

    steps: int
    model: str
    trials: int
    widths: tuple[int, int]
    look_back: tuple[int, int]
    more: dict[str, Any] = field(default_factory=dict)

    def settings(self, seed: int, workers: int) -> TuningSettings:
        """Return the settings of the study."""
        narrowest, widest = self.widths
        space = small_space(widest, narrowest=narrowest, look_back=self.look_back, batch_sizes=(32, 64, 128))
        return TuningSettings.of(space=space, seed=seed, workers=workers, **self.more)


CASES: Final = (
    Case(400, "gru", 8, (8, 32), (10, 30), {"max_epochs": 10, "target_folds": 3}),
    Case(600, "gru", 10, (8, 24), (10, 20), {"max_epochs": 8, "target_folds": 2}),
    Case(300, "gru", 8, (16, 32), (10, 20), {"max_epochs": 12}),
    Case(400, "lstm", 8, (8, 32), (10, 20), {"max_epochs": 12, "target_folds": 2}),
    Case(500, "lstm", 10, (8, 16), (5, 20), {"max_epochs": 15, "patience": 3, "target_folds": 3}),
    Case(400, "tcn", 8, (8, 16), (20, 40), {"max_epochs": 8, "target_folds": 2}),
    Case(500, "gru", 8, (16, 48), (10, 20), {"max_epochs": 6, "target_folds": 2, "purge": 4}),
    Case(400, "gru", 12, (8, 24), (5, 15), {"max_epochs": 12, "target_folds": 2, "sampler": "random"}),
    Case(400, "gru", 8, (8, 24), (10, 20), {"max_epochs": 8, "target_folds": 3, "likelihood": "quantile"}),
    Case(900, "gru", 8, (8, 24), (5, 15), {"max_epochs": 5, "target_folds": 2, "window": "rolling"}),
)
QUICK: Final = (Case(400, "gru", 2, (4, 8), (5, 10), {"max_epochs": 1, "target_folds": 2}),)


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = run_cases(QUICK if quick else CASES, SEED)
    within = {pruner: sum(row[f"{pruner}: within"] == "yes" for row in rows) for pruner in ("halving", "none")}
    print_table("Estimates and durations of studies, seconds", {f"study {n}": row for n, row in enumerate(rows, 1)})
    print(f"within: {within['halving']} of {len(rows)} with pruning, {within['none']} of {len(rows)} without")
    write_results(results_file, {"studies": rows, "within": within}, PACKAGES)


def run_cases(cases: tuple[Case, ...], seed: int) -> list[dict[str, Any]]:
    workers = len(os.sched_getaffinity(0))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        config = DatabaseConfig.of(f"sqlite:///{folder}/studies.db")
        for number, case in enumerate(cases):
            asset = f"{ASSET}{number}"
            report = ingest_frame(simulate_market(case.steps, signal=SIGNAL, seed=seed + number), asset, config)
            end = report.last.date().isoformat()
            data = load_study_data(asset, end, config, TARGET, settings=case.settings(seed + number, workers))
            if number == 0:
                # Workers' imports, like those of this process, are in no time.
                run(data.settings.changed(max_epochs=1, pruner="none"), data, case, "imports", config, n_trials=2)
            rows.append(row_of(data, case, str(number), config))
            print(f"study {number + 1}: {rows[-1]}", flush=True)
    return rows


def row_of(data: StudyData, case: Case, name: str, config: DatabaseConfig) -> dict[str, Any]:
    """Estimate a study, run it with pruning and without, and say whether it took as long as was said."""
    began = time.perf_counter()
    estimate = estimate_study(data, case.model, case.trials)
    row: dict[str, Any] = {"model": case.model, "trials": case.trials, "steps": case.steps}
    row["estimated in, s"] = round(time.perf_counter() - began, 1)
    for pruner, (low, middle, high) in (("halving", estimate.pruned), ("none", estimate.unpruned)):
        seconds = run(data.settings.changed(pruner=pruner), data, case, f"{name} {pruner}", config)
        row |= {
            f"{pruner}: from": round(low, 1),
            f"{pruner}: about": round(middle, 1),
            f"{pruner}: to": round(high, 1),
            f"{pruner}: took": round(seconds, 1),
            f"{pruner}: within": "yes" if low <= seconds <= high else "no",
        }
    return row


def run(
    settings: TuningSettings,
    data: StudyData,
    case: Case,
    name: str,
    config: DatabaseConfig,
    *,
    n_trials: int | None = None,
) -> float:
    """Run a study on data that are loaded, and return the seconds that it took."""
    data = load_study_data(data.asset_id, data.end_date, config, TARGET, settings=settings)
    began = time.perf_counter()
    tune_on(data, case.model, name, n_trials or case.trials, config)
    return time.perf_counter() - began
