"""What pruning and patience save, and what they cost.

A study is run once in full: every trial on every fold, with more patience than Kallos has. Then it is replayed, by
every patience over its epochs, and by every pruner, rung by rung with Optuna's own machinery: in the order in which the
sampler drew the trials, and in orders that shuffle its random beginning and what it drew afterwards. A replay knows
what it gave up: how often that was the trial that would have won, and by how much the best score is worse.
"""

import itertools
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, PercentilePruner, WilcoxonPruner

from kallos_tune import EpochFinished, Event, FoldFinished, TrialStarted, TuningSettings, run_tuning
from kallos_tune.evaluation.pruning import SuccessiveHalving, rung_of_epoch, rung_of_fold

from ._market import ASSET, TARGET, Market, small_space
from ._measuring import print_table, write_results

PATIENCE: Final = TuningSettings().training.patience
N_RANDOM: Final = 10


class Rule(NamedTuple):
    """A pruner, whether it is asked within the first fold too, and whether it is told each fold's score or the mean."""

    make: Callable[[], BasePruner]
    early: bool = False
    each: bool = False


PRUNERS: Final[dict[str, Rule]] = {
    "none": Rule(NopPruner),
    "median": Rule(lambda: MedianPruner(n_startup_trials=5)),
    "percentile 25": Rule(lambda: PercentilePruner(25.0, n_startup_trials=5)),
    "hyperband": Rule(lambda: HyperbandPruner(min_resource=1, max_resource=5, reduction_factor=3)),
    "wilcoxon": Rule(WilcoxonPruner, each=True),
    "halving, folds": Rule(SuccessiveHalving),
    "thirds, folds": Rule(lambda: SuccessiveHalving(3)),
    "halving": Rule(SuccessiveHalving, early=True),
    "thirds": Rule(lambda: SuccessiveHalving(3), early=True),
}


@dataclass
class Fold:
    """The validation losses of a fold's epochs, when each ended (begin included), when the fold did, and its score."""

    losses: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    end: float = float("nan")
    score: float = float("nan")

    def stopped(self, patience: int) -> "Fold":
        """Return the fold as a shorter patience would have left it."""
        best = last = 0
        for epoch, loss in enumerate(self.losses):
            last = epoch
            if loss < self.losses[best]:
                best = epoch
            if epoch - best >= patience:
                break
        moments = self.moments[: last + 2]
        # The loss is the squared error in scaled units; predicting takes as long whenever the training stops.
        score = self.score * float(np.sqrt(self.losses[best] / min(self.losses)))
        return Fold(self.losses[: last + 1], moments, moments[-1] + self.end - self.moments[-1], score)

    def seconds(self, epochs: int | None = None) -> float:
        """Return how long the fold took, or so many of its epochs."""
        return (self.end if epochs is None else self.moments[epochs]) - self.moments[0]

    def best_so_far(self, epoch: int) -> float:
        """Return the score with the weights of the best of the first epochs."""
        return self.score * float(np.sqrt(min(self.losses[:epoch]) / min(self.losses)))


Trial = list[Fold]
ORDERS: Final[dict[str, Callable[[Trial], Trial]]] = {
    "oldest first": lambda trial: trial,
    "newest first": lambda trial: trial[::-1],
    "middle first": lambda trial: [trial[len(trial) // 2], *trial[: len(trial) // 2], *trial[len(trial) // 2 + 1 :]],
}


def main(
    results_file: Path,
    quick: bool,  # noqa: FBT001 - called by name
    csv: Path | None = None,
    steps: int | None = None,
    trials: int | None = None,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    n_trials, n_steps, n_orders = (6, 400, 5) if quick else (trials or 100, steps or (None if csv else 700), 40)
    settings = TuningSettings.of(
        max_epochs=3 if quick else 40,
        patience=2 * PATIENCE,
        target_folds=2 if quick else 5,
        space=small_space(32 if quick else 64),
        pruner="none",
    )
    with tempfile.TemporaryDirectory() as folder:
        market = Market.ingest(Path(folder), csv, n_steps, hold_out=0)
        longest = run_in_full(market, settings, n_trials)
    patience = {f"{each}": replay_patience(longest, each) for each in (1, 2, 3, 4, PATIENCE, 7, 10)}
    print_table("Patience (epochs): against the longest", patience)
    ran = [[fold.stopped(PATIENCE) for fold in trial] for trial in longest]
    pruners = {name: replay_pruner(ran, rule, n_orders) for name, rule in PRUNERS.items()}
    print_table(f"Pruners, over {len(ran)} trials and {n_orders} shuffles of them", pruners)
    in_order = {
        name: replay_pruner([order(trial) for trial in ran], PRUNERS["halving"], n_orders)
        for name, order in ORDERS.items()
    }
    print_table("Halving, by the order of the folds", in_order)
    print(f"rank correlation of a fold's score with the mean over all: {correlations(ran)}")
    facts = {"patience": patience, "pruners": pruners, "orders": in_order, "correlations": correlations(ran)}
    write_results(results_file, facts, ("optuna", "torch"))


def run_in_full(market: Market, settings: TuningSettings, n_trials: int) -> list[Trial]:
    ran: list[Trial] = []

    def note(event: Event) -> None:
        now = time.perf_counter()
        match event:
            case TrialStarted():
                ran.append([Fold(moments=[now])])
            case EpochFinished():
                ran[-1][-1].losses.append(event.val_loss)
                ran[-1][-1].moments.append(now)
            case FoldFinished():
                ran[-1][-1] = replace(ran[-1][-1], score=event.score, end=now)
                if event.fold < event.n_folds:
                    ran[-1].append(Fold(moments=[now]))
            case _:
                pass

    where = (ASSET, market.end_date, market.config, None)
    run_tuning(*where, "gru", "budget", TARGET, market.groups, n_trials, settings=settings, on_event=note)
    return ran


def replay_patience(longest: Sequence[Trial], patience: int) -> dict[str, Any]:
    """Return what a patience does to the time and to the scores of the trials that matter: the better half."""
    stopped = [[fold.stopped(patience) for fold in trial] for trial in longest]
    full, scores = [score_of(trial) for trial in longest], [score_of(trial) for trial in stopped]
    better_half = sorted(range(len(full)), key=full.__getitem__)[: len(full) // 2]
    worse = statistics.mean(scores[each] / full[each] - 1 for each in better_half)
    return {
        "time, % of the longest": round(100 * seconds_of(stopped) / seconds_of(longest), 1),
        "epochs a fold": round(statistics.mean(len(fold.losses) for trial in stopped for fold in trial), 1),
        "best score worse by, %": round(100 * (min(scores) / min(full) - 1), 3),
        "better half worse by, %": round(100 * worse, 3),
    }


def replay_pruner(ran: Sequence[Trial], rule: Rule, n_orders: int) -> dict[str, Any]:
    as_drawn, *shuffled = [replay(ran, order, rule) for order in orders(len(ran), n_orders)]
    return {
        "time, % of all": as_drawn["time"],
        "complete": as_drawn["complete"],
        "best score worse by, %": as_drawn["worse"],
        "shuffled: time, %": round(statistics.mean(each["time"] for each in shuffled), 1),
        "winner pruned, %": round(100 * statistics.mean(each["worse"] > 0 for each in shuffled)),
        "best score worse by, % ": round(statistics.mean(each["worse"] for each in shuffled), 3),
        "at worst, %": max(each["worse"] for each in shuffled),
    }


def orders(n_trials: int, n_orders: int) -> Iterator[list[int]]:
    """Yield the order of the study, then shuffles that keep its random trials before those that learnt from them."""
    rng = np.random.default_rng(0)
    random, learnt = np.split(np.arange(n_trials), [min(N_RANDOM, n_trials)])
    yield list(range(n_trials))
    for _ in range(n_orders):
        yield [*rng.permutation(random), *rng.permutation(learnt)]


def replay(ran: Sequence[Trial], order: Sequence[int], rule: Rule) -> dict[str, float]:
    study = optuna.create_study(pruner=rule.make())
    seconds = sum(replay_trial(study, ran[number], rule) for number in order)
    complete = [trial.value for trial in study.trials if trial.state.name == "COMPLETE" and trial.value is not None]
    best = min(score_of(trial) for trial in ran)
    return {
        "time": round(100 * seconds / seconds_of(ran), 1),
        "complete": len(complete),
        "worse": round(100 * (min(complete) / best - 1), 3),
    }


def replay_trial(study: optuna.Study, folds: Trial, rule: Rule) -> float:
    """Tell a study what a trial would have told it, and return the seconds that it would have taken."""
    trial, spent = study.ask(), 0.0
    for rung, value, seconds in rungs(folds, rule):
        trial.report(value, step=rung)
        spent = seconds
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return spent
    study.tell(trial, score_of(folds))
    return sum(fold.seconds() for fold in folds)


def rungs(folds: Trial, rule: Rule) -> Iterator[tuple[int, float, float]]:
    """Yield each rung of a trial but the last, its error there, and the seconds until then."""
    before = 0.0
    for number, fold in enumerate(folds[:-1], start=1):
        for epoch in range(1, len(fold.losses) + 1):
            rung = rung_of_epoch(number, epoch)
            if rule.early and rung is not None:
                yield rung, fold.best_so_far(epoch), before + fold.seconds(epoch)
        before += fold.seconds()
        # Optuna's own count folds; the rungs before the first one's end are no steps of theirs.
        told = [fold] if rule.each else folds[:number]
        yield rung_of_fold(number) if rule.early else number, score_of(told), before


def score_of(folds: Trial) -> float:
    return statistics.mean(fold.score for fold in folds)


def seconds_of(ran: Sequence[Trial]) -> float:
    return sum(fold.seconds() for fold in itertools.chain.from_iterable(ran))


def correlations(ran: Sequence[Trial]) -> list[float]:
    scores = np.array([[fold.score for fold in trial] for trial in ran])
    ranks = scores.argsort(axis=0).argsort(axis=0)
    of_mean = scores.mean(axis=1).argsort().argsort()
    return [round(float(np.corrcoef(column, of_mean)[0, 1]), 2) for column in ranks.T]
