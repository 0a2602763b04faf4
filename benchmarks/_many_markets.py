"""Studies of many markets, one a core: their size, and a file of finished ones that a killed run goes on from."""

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna

from kallos_tune import TuningSettings

from ._families import FAMILIES
from ._market import small_space

Record = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large each market and its study are."""

    n_steps: int = 700
    hold_out: int = 184
    n_trials: int = 20
    max_epochs: int = 20
    widest: int = 48

    def settings(self, seed: int) -> TuningSettings:
        """Return the settings of a study; what is not said here is as ``tune`` has it."""
        space = small_space(self.widest, narrowest=8, look_back=(10, 30), batch_sizes=(64, 128))
        return TuningSettings.of(max_epochs=self.max_epochs, space=space, seed=seed)


QUICK: Final = Size(n_steps=420, hold_out=60, n_trials=3, max_epochs=2, widest=16)


def counts_of(text: str, otherwise: Mapping[str, int]) -> dict[str, int]:
    """Return how many markets of each family ``walk:20,garch:20`` asks for; ``otherwise`` where it is empty.

    Raises
    ------
    SystemExit
        Where a family is not known, or its number is none.
    """
    if not text:
        return dict(otherwise)
    counts: dict[str, int] = {}
    for part in text.split(","):
        family, _, number = part.strip().partition(":")
        if family not in FAMILIES or not number.isdecimal():
            raise SystemExit(f"--markets: {part!r} is not FAMILY:NUMBER with one of {', '.join(FAMILIES)}")
        counts[family] = int(number)
    return counts


def in_turn(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return family and number of each market, a family after the other, so that an early look sees some of each."""
    rows = zip_longest(*([(family, number) for number in range(n)] for family, n in counts.items()))
    return [market for row in rows for market in row if market is not None]


def read(file: Path, size: Size) -> list[Record]:
    """Return the finished markets of this size in a file."""
    lines = file.read_text().splitlines() if file.exists() else []
    records: list[Record] = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # an interruption left half a line
    return [record for record in records if record["size"] == asdict(size)]


def asked_for(file: Path, counts: Mapping[str, int], size: Size) -> list[Record]:
    """Return the finished markets of this size that are asked for."""
    wanted = set(in_turn(counts))
    return [record for record in read(file, size) if (record["family"], record["number"]) in wanted]


def append(file: Path, record: Record) -> None:
    half = file.exists() and file.stat().st_size > 0 and not file.read_bytes().endswith(b"\n")
    with file.open("a") as lines:
        lines.write("\n" * half + json.dumps(record) + "\n")


def run_missing(
    file: Path,
    counts: Mapping[str, int],
    size: Size,
    study: Callable[[str, int, Size], Record],
    told: Callable[[Record], str],
) -> None:
    """Study the markets that the file lacks, one a core."""
    done = {(record["family"], record["number"]) for record in read(file, size)}
    missing = [market for market in in_turn(counts) if market not in done]
    print(f"{len(missing)} markets to run, {len(done)} are there", flush=True)
    started = time.perf_counter()
    with workers(study.__module__) as pool:
        futures = {pool.submit(study, *market, size): market for market in missing}
        try:
            for n_done, future in enumerate(as_completed(futures), start=1):
                line = _keep(file, future, *futures[future], told)
                left = (time.perf_counter() - started) / n_done * (len(missing) - n_done)
                print(f"{line}; {n_done} of {len(missing)}, {left / 60:.0f} min left", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _keep(file: Path, future: Future[Record], family: str, number: int, told: Callable[[Record], str]) -> str:
    """Write down a finished market and tell of it; one that failed is run again by a later start."""
    if error := future.exception():
        return f"{family} {number} failed: {error!r}"
    append(file, future.result())
    return told(future.result())


def workers(module: str) -> ProcessPoolExecutor:
    """Return a process a core, which know a module from the start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context, initializer=_prepare)


def _prepare() -> None:
    import torch

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def skill(actual: np.ndarray, forecast: np.ndarray, naive: np.ndarray) -> float:
    return 1 - math.sqrt(float(np.mean((forecast - actual) ** 2)) / float(np.mean((naive - actual) ** 2)))


def mean_of(skills: Iterable[float | None]) -> str:
    """Return mean and standard error, in per cent; a skill that is none, or not a number, is left out."""
    values = 100 * np.array([each for each in skills if each is not None and not math.isnan(each)])
    if len(values) < 2:
        return f"{values[0]:+.2f}" if len(values) else ""
    return f"{values.mean():+.2f} ± {standard_error(values):.2f}"


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))
