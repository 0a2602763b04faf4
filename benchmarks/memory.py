"""Whether a worker grows: resident memory after each of 100 tiny trials in one process.

A GRU of a few units on a simulated market, two folds, two epochs: what a trial leaves behind shows, and little else.
The first 20 trials are left out, in which caches and the allocator's arenas fill.
"""

import gc
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_data import ingest_frame, simulate_market
from kallos_tune import Event, TrialFinished, TuningSettings, run_tuning

from ._measuring import print_table, write_results

SPACE = {
    "hidden_dim": IntDistribution(4, 8, log=True),
    "n_rnn_layers": IntDistribution(1, 1),
    "dropout": FloatDistribution(0.0, 0.2),
    "batch_size": CategoricalDistribution([64]),
    "input_chunk_length": IntDistribution(4, 8),
    "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
}
GROUPS = {"volume_features": ["volume"], "bounded_features": ["rsi"]}
PACKAGES = ("darts", "optuna", "pytorch-lightning", "torch")


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    n_trials, warm_up = (4, 2) if quick else (100, 20)
    watch = Watch(warm_up, n_trials)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/memory.db"
        ingest_frame(simulate_market(300, seed=1), "DEMO", url)
        settings = TuningSettings.of(target_folds=2, max_epochs=2, space=SPACE, workers=1, pruner="none")
        run_tuning(
            "DEMO", "2030-01-01", url, None, "gru", "memory", "log_return", GROUPS, n_trials,
            settings=settings, on_event=watch,
        )  # fmt: skip
    growth = 100 * (watch.mebibytes[-1] / watch.mebibytes[warm_up - 1] - 1)
    shown = {f"after trial {n}": watch.mebibytes[n - 1] for n in sorted({1, warm_up, n_trials // 2, n_trials})}
    shown[f"growth after trial {warm_up}, %"] = round(growth, 2)
    print_table(f"Resident memory of one process, {n_trials} trials, MiB", {"MiB": shown})
    more = dict(watch.more_objects.most_common(8))
    print(f"objects more than after trial {warm_up}: {more}")
    results: dict[str, Any] = {"mebibytes": watch.mebibytes, "growth_percent": growth, "objects": more}
    write_results(results_file, results, PACKAGES)


class Watch:
    """Notes the memory after each trial, and which objects came between the first trials and the last.

    Both times it looks from inside the study, where only what came since its first trial is counted.
    """

    def __init__(self, warm_up: int, n_trials: int) -> None:
        self.mebibytes: list[float] = []
        self.more_objects: Counter[str] = Counter()
        self._warm_up = warm_up
        self._n_trials = n_trials
        self._before: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Take a trial's end as the moment to look."""
        if not isinstance(event, TrialFinished):
            return
        assert event.state == "COMPLETE", event.reason
        gc.collect()
        self.mebibytes.append(round(resident_mebibytes(), 1))
        if len(self.mebibytes) == self._warm_up:
            self._before = objects()
        if len(self.mebibytes) == self._n_trials:
            self.more_objects = objects() - self._before


def objects() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


def resident_mebibytes() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
