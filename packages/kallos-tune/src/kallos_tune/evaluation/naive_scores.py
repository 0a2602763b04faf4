"""What the naive forecasts of a study score in its folds, by the rules that its trials are scored by."""

from collections.abc import Sequence
from typing import TypedDict

from kallos_data import FoldTarget

from ..settings import TuningSettings
from ..verdict.naive_scores import NaiveScores, hardest_naive
from .quantiles import naive_quantiles, pinball_score
from .scoring import error, mean_is_a_rival, naive_forecasts


class Rivals(TypedDict):
    """Which naive forecasts take part beside the last value known, as :func:`naive_forecasts` takes it."""

    with_mean: bool
    around_zero: bool


def rivals_of(targets: Sequence[FoldTarget]) -> Rivals:
    """Return which naive forecasts take part in a study: who is a rival in one fold is asked to be beaten in all."""
    return Rivals(with_mean=any(map(mean_is_a_rival, targets)), around_zero=swings_around_zero(targets[0]))


def swings_around_zero(target: FoldTarget) -> bool:
    """Return whether a target's values are learnt and swing around 0, as returns do, in the training window."""
    values = target.values[: target.n_train][target.observed[: target.n_train]]
    return target.transform == "none" and bool(values.min() < 0 < values.max())


def naive_scores_of(targets: Sequence[FoldTarget], settings: TuningSettings) -> NaiveScores:
    """Return the naive forecast that scores of these folds are compared with, and what it scores.

    Parameters
    ----------
    targets : sequence of FoldTarget
        Of all folds of a study, oldest first, in the target's unit.
    settings : TuningSettings
        Metric, forecast mode and likelihood: of quantiles a score is the pinball loss.
    """
    rivals = rivals_of(targets)
    of_folds = [_scores(target, settings, rivals) for target in targets]
    return hardest_naive({name: [scores[name] for scores in of_folds] for name in of_folds[0]})


def pinball_scores(targets: Sequence[FoldTarget], settings: TuningSettings) -> list[dict[str, float]] | None:
    """Return the pinball loss of each naive forecast's quantiles by name, in each fold; None where none are learnt."""
    if settings.training.likelihood != "quantile":
        return None
    rivals = rivals_of(targets)
    return [_scores(target, settings, rivals) for target in targets]


def _scores(target: FoldTarget, settings: TuningSettings, rivals: Rivals) -> dict[str, float]:
    actual, scored = target.values[target.val_start :], target.learnable[target.val_start :]
    if settings.training.likelihood == "quantile":
        quantiles = naive_quantiles(target, settings.folds, **rivals)
        return {name: pinball_score(actual, each, scored) for name, each in quantiles.items()}
    points = naive_forecasts(target, settings.folds, **rivals)
    return {name: error(settings.folds.metric, actual, each, scored) for name, each in points.items()}
