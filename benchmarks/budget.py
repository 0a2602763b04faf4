"""What pruning and patience save, and what they cost.

A study of random trials is run once in full: every fold, long training. Then it is replayed: by every pruner over many
orders of its trials, fold by fold with Optuna's own machinery, and by every patience over its epochs. A replay knows
what it gave up: how often that was the trial that would have won, and by how much the best score is worse.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner

from kallos_tune import EpochFinished, Event, FoldFinished, TuningSettings, objective
from kallos_tune.threads import torch_threads

from ._market import Market, small_space
from ._measuring import print_table, write_results

PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=5),
    "percentile 33": lambda: optuna.pruners.PercentilePruner(100 / 3, n_startup_trials=5),
    "percentile 25": lambda: optuna.pruners.PercentilePruner(25.0, n_startup_trials=5),
    "halving 3": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=5, reduction_factor=3),
    "wilcoxon": optuna.pruners.WilcoxonPruner,
}


@dataclass
class Fold:
    """The validation losses of a fold's epochs, when each ended, and the fold's score."""

    losses: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    score: float = float("nan")

    def stopped(self, patience: int, max_epochs: int) -> tuple[int, int]:
        """Return how many epochs are trained and which of them is the best, counted from 1."""
        best = 0
        for epoch, loss in enumerate(self.losses[:max_epochs]):
            if loss < self.losses[best]:
                best = epoch
            if epoch - best >= patience:
                return epoch + 1, best + 1
        return min(max_epochs, len(self.losses)), best + 1

    def seconds(self, epochs: int) -> float:
        """Return how long so many epochs took."""
        return self.moments[epochs] - self.moments[0]

    def score_of(self, epoch: int) -> float:
        """Return the score with the weights of an epoch: the loss is the squared error in scaled units."""
        return self.score * float(np.sqrt(self.losses[epoch - 1] / min(self.losses)))


Trials = list[list[Fold]]


def main(results_file: Path, quick: bool, csv: Path | None = None, trials: int | None = None) -> None:  # noqa: FBT001
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    n_trials, n_steps = (6, 400) if quick else (trials or 40, 1000)
    settings = TuningSettings(
        max_epochs=3 if quick else 60,
        patience=3 if quick else 20,
        target_folds=2 if quick else 5,
        space=small_space(32 if quick else 64),
        pruner="none",
    )
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):
        market = Market.ingest(Path(folder), settings, csv, n_steps, hold_out=0)
        ran = run_trials(market, settings, n_trials)
    patience = {f"{each}": replay_patience(ran, each, settings.max_epochs) for each in (2, 3, 5, 7, 10, 15, 20)}
    print_table("Patience (epochs): against the longest", patience)
    pruners = {name: replay_pruner(ran, make, 20 if quick else 100) for name, make in PRUNERS.items()}
    print_table(f"Pruners, over random orders of {len(ran)} trials", pruners)
    newest = {name: replay_pruner([each[::-1] for each in ran], PRUNERS[name], 20 if quick else 100)
              for name in ("median", "percentile 33")}  # fmt: skip
    print_table("The same with the newest fold first", newest)
    print(f"rank correlation of a fold's score with the mean over all: {correlations(ran)}")
    facts = {"patience": patience, "pruners": pruners, "newest_first": newest, "correlations": correlations(ran)}
    write_results(results_file, facts, ("optuna", "torch"))


def run_trials(market: Market, settings: TuningSettings, n_trials: int) -> Trials:
    data = market.study_data(settings)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=11))
    ran: Trials = []
    for _ in range(n_trials):
        folds = [Fold() for _ in data.folds]

        def note(event: Event, folds: Sequence[Fold] = folds) -> None:
            if isinstance(event, EpochFinished):
                folds[event.fold - 1].losses.append(event.val_loss)
                folds[event.fold - 1].moments.append(time.perf_counter())
            elif isinstance(event, FoldFinished):
                folds[event.fold - 1].score = event.score

        for fold in folds[:1]:
            fold.moments.append(time.perf_counter())
        objective(study.ask(), data.folds, "gru", settings=settings, on_event=note)
        for before, fold in itertools.pairwise(folds):
            fold.moments.insert(0, before.moments[-1])
        ran.append(folds)
    return ran


def replay_patience(ran: Trials, patience: int, max_epochs: int) -> dict[str, Any]:
    """Return what a patience does to the time and to the scores of the trials that matter: the better half."""
    full = [statistics.mean(fold.score for fold in folds) for folds in ran]
    stops = [[fold.stopped(patience, max_epochs) for fold in folds] for folds in ran]
    scores = [
        statistics.mean(fold.score_of(best) for fold, (_, best) in zip(folds, stop, strict=True))
        for folds, stop in zip(ran, stops, strict=True)
    ]
    spent = sum(
        fold.seconds(epochs) for folds, stop in zip(ran, stops, strict=True)
        for fold, (epochs, _) in zip(folds, stop, strict=True)
    )  # fmt: skip
    whole = sum(fold.seconds(len(fold.losses)) for folds in ran for fold in folds)
    better_half = sorted(range(len(ran)), key=full.__getitem__)[: len(ran) // 2]
    worse = statistics.mean(scores[each] / full[each] - 1 for each in better_half)
    return {
        "time, % of all": round(100 * spent / whole, 1),
        "epochs a fold": round(statistics.mean(epochs for stop in stops for epochs, _ in stop), 1),
        "best score worse by, %": round(100 * (min(scores) / min(full) - 1), 3),
        "better half worse by, %": round(100 * worse, 3),
    }


def replay_pruner(ran: Trials, make: Callable[[], BasePruner], n_orders: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    full = [statistics.mean(fold.score for fold in folds) for folds in ran]
    best, spent, lost, regrets = min(full), [], 0, []
    whole = sum(fold.seconds(len(fold.losses)) for folds in ran for fold in folds)
    for _ in range(n_orders):
        study = optuna.create_study(pruner=make())
        seconds = 0.0
        for number in rng.permutation(len(ran)):
            seconds += replay_trial(study, ran[number])
        found = min(
            value for value in (trial.value for trial in study.trials if trial.state.name == "COMPLETE") if value
        )
        lost += found > best
        regrets.append(found / best - 1)
        spent.append(seconds / whole)
    return {
        "time, % of all": round(100 * statistics.mean(spent), 1),
        "winner given up, %": round(100 * lost / n_orders, 1),
        "best score worse by, %": round(100 * statistics.mean(regrets), 3),
        "at worst, %": round(100 * max(regrets), 3),
    }


def replay_trial(study: optuna.Study, folds: Sequence[Fold]) -> float:
    """Tell a study what a trial would have told it, and return the seconds that it would have taken."""
    trial, seconds, scores = study.ask(), 0.0, list[float]()
    for number, fold in enumerate(folds, start=1):
        seconds += fold.seconds(len(fold.losses))
        scores.append(fold.score)
        trial.report(statistics.mean(scores), step=number)
        if number < len(folds) and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return seconds
    study.tell(trial, statistics.mean(scores))
    return seconds


def correlations(ran: Trials) -> list[float]:
    scores = np.array([[fold.score for fold in folds] for folds in ran])
    ranks = scores.argsort(axis=0).argsort(axis=0)
    of_mean = scores.mean(axis=1).argsort().argsort()
    return [round(float(np.corrcoef(column, of_mean)[0, 1]), 2) for column in ranks.T]
