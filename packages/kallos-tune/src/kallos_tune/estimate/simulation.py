"""Studies played through: which trials there would be, which of them are pruned where, and how long all that takes.

A trial has a true worth and, at each rung, an error of it: one part that is the same at all rungs, one that is new at
each, and one for trials that learn slowly, which look worse the earlier one looks. Whoever is not in the better half of
those who got to the rung is pruned, as :class:`kallos_tune.evaluation.pruning.SuccessiveHalving` does it. The first ten
trials are drawn from the whole space; of the later ones a share is close to what the search took a liking to.
"""

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..evaluation.pruning import rung_of_epoch, rung_of_fold
from ..evaluation.scoring import Floats
from . import epochs

Range = tuple[float, float, float]
"""Seconds: the least, the median, the most."""

_RANDOM_TRIALS: Final = 10
_LIKED: Final = 0.5
_LASTING, _NEW = 0.8, 0.5
_SLOW_EARLY, _SLOW_LATE = 0.8, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What configurations of a space cost, C of them, on K folds.

    Attributes
    ----------
    epoch : numpy.ndarray, [C, K]
        Seconds of an epoch.
    fixed : numpy.ndarray, [C, K]
        Seconds of a fold beside its epochs.
    log_best : numpy.ndarray, [C, K]
        Logarithm of the median best epoch.
    """

    epoch: Floats
    fixed: Floats
    log_best: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """What is played.

    Attributes
    ----------
    costs : Costs
        The configuration that a study begins with first, where it does so.
    n_trials, n_before : int
        Trials to run, and those that are finished already.
    workers : int
    max_epochs, patience : int
    pruning, early_rungs, guided, begins_with_first : bool
        Whether trials are pruned, early in the first fold, too; whether the search learns; whether the first trial has
        the first configuration.
    seconds_a_trial, seconds_a_fold : float
        What a trial and a fold cost beside: claimed, drawn, stored, told.
    """

    costs: Costs
    n_trials: int
    n_before: int
    workers: int
    max_epochs: int
    patience: int
    pruning: bool
    early_rungs: bool
    guided: bool
    begins_with_first: bool
    seconds_a_trial: float
    seconds_a_fold: float


def play(game: Game, rng: np.random.Generator) -> float:
    """Return the seconds from the first trial's beginning to the last one's end, in one study that might be."""
    rungs: dict[int, list[float]] = {}
    of_study = epochs.OF_STUDY * rng.standard_normal()
    liked = int(rng.integers(len(game.costs.epoch)))
    free = [0.0] * game.workers
    for number in range(game.n_before + game.n_trials):
        seconds = game.seconds_a_trial + _trial(game, _configuration(game, number, liked, rng), rungs, of_study, rng)
        if number >= game.n_before:
            heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def _configuration(game: Game, number: int, liked: int, rng: np.random.Generator) -> int:
    if number == 0 and game.begins_with_first:
        return 0
    if game.guided and number >= _RANDOM_TRIALS and rng.random() < _LIKED:
        return liked
    return int(rng.integers(len(game.costs.epoch)))


def _trial(
    game: Game, configuration: int, rungs: dict[int, list[float]], of_study: float, rng: np.random.Generator
) -> float:
    """Return how long a trial takes to its end, or until it is pruned."""
    log_best = game.costs.log_best[configuration]
    n_folds = len(log_best)
    spread = of_study + epochs.OF_TRIAL * rng.standard_normal() + epochs.OF_FOLD * rng.standard_normal(n_folds)
    _, trained = epochs.epochs_trained(np.exp(log_best + spread), max_epochs=game.max_epochs, patience=game.patience)
    worth = _LASTING * float(rng.standard_normal())
    slow = float(log_best.mean()) - float(game.costs.log_best.mean())
    epoch, fixed = game.costs.epoch[configuration], game.costs.fixed[configuration]
    seconds = 0.0
    for fold in range(n_folds):
        if fold == 0 and game.pruning and game.early_rungs:
            for reached in range(1, trained[0] + 1):
                rung = rung_of_epoch(1, reached)
                if rung is not None and _pruned(rungs, rung, worth + _SLOW_EARLY * slow + _new(rng)):
                    return reached * float(epoch[0])
        seconds += trained[fold] * float(epoch[fold]) + float(fixed[fold]) + game.seconds_a_fold
        last = fold == n_folds - 1
        error = worth + _SLOW_LATE * slow + _new(rng) / math.sqrt(fold + 1)
        if game.pruning and _pruned(rungs, rung_of_fold(fold + 1), error) and not last:
            return seconds
    return seconds


def _new(rng: np.random.Generator) -> float:
    return _NEW * float(rng.standard_normal())


def _pruned(rungs: dict[int, list[float]], rung: int, error: float) -> bool:
    """Return whether a trial is not in the better half at its rung, and note its error there."""
    others = rungs.setdefault(rung, [])
    pruned = bisect_left(others, error) >= math.ceil((len(others) + 1) / 2)
    insort(others, error)
    return pruned


def range_of(seconds: Sequence[float], share: float) -> Range:
    """Return from where to where so large a share of values lies, with the median between."""
    low, middle, high = np.quantile(seconds, [(1 - share) / 2, 0.5, (1 + share) / 2])
    return float(low), float(middle), float(high)
