"""What a verdict is made from: the truth of each fold, and what each trial forecast of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

ZERO: Final = "zero"
TRAINING_MEAN: Final = "training mean"
LAST_VALUE: Final = "last value"


@dataclass(frozen=True, slots=True)
class JudgedFold:
    """What happened in a fold's validation window, at its observed steps only.

    Attributes
    ----------
    number : int
        From 1, oldest first.
    times : numpy.ndarray, datetime64, [T]
        Sorted; may be empty.
    actual : numpy.ndarray, float64, [T]
        The target, in its own unit.
    naive : mapping of str to numpy.ndarray, float64, [T]
        Naive forecasts by name: :data:`ZERO`, :data:`TRAINING_MEAN`, :data:`LAST_VALUE`; the same names in every fold.
    naive_pinball : mapping of str to float, optional
        What each naive forecast scores by name, where trials are scored by the pinball loss of quantiles.
    """

    number: int
    times: Times
    actual: Floats
    naive: Mapping[str, Floats]
    naive_pinball: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class TrialEvidence:
    """What a trial scored and forecast.

    Attributes
    ----------
    number : int
    complete : bool
        Whether it finished the last fold.
    scores : tuple of float
        Its errors in the folds that it finished, oldest first.
    forecasts : mapping of int to numpy.ndarray, float64, [T]
        By the number of the fold, from the second on: the forecast of its observed steps, made with the weights of the
        epoch that was chosen on earlier folds; of quantiles the median.
    """

    number: int
    complete: bool
    scores: tuple[float, ...]
    forecasts: Mapping[int, Floats]


def check_evidence(folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence]) -> None:
    """Refuse what does not fit together.

    Raises
    ------
    ConfigError
        Where folds are not numbered from 1 without holes, do not all have the same naive forecasts, where lengths
        differ, a truth or a naive forecast is not finite, or two trials have one number.
    """
    numbers = [fold.number for fold in folds]
    if numbers != list(range(1, len(folds) + 1)):
        raise ConfigError(f"must be numbered 1, 2, 3 and so on, oldest first, not {numbers}", "folds")
    for fold in folds:
        _check_fold(fold, names=folds[0].naive.keys())
    steps = {fold.number: len(fold.actual) for fold in folds}
    if len({trial.number for trial in trials}) != len(trials):
        raise ConfigError("must have a number each, and two have the same", "trials")
    for trial in trials:
        for number, forecast in trial.forecasts.items():
            if number not in steps or len(forecast) != steps[number]:
                raise ConfigError(
                    f"do not fit the folds: trial {trial.number} has {len(forecast)} forecasts of fold {number}, which "
                    f"has {steps.get(number, 0)} observed steps",
                    "trials",
                )


def _check_fold(fold: JudgedFold, names: object) -> None:
    if not fold.naive or fold.naive.keys() != names:
        raise ConfigError("must all have the same naive forecasts, one at least", "folds")
    columns: dict[str, Floats] = {"target": fold.actual, **fold.naive}
    for name, values in columns.items():
        if len(values) != len(fold.times):
            raise ConfigError(f"fold {fold.number} has {len(fold.times)} times and {len(values)} of {name!r}", "folds")
        if not np.isfinite(values).all():
            raise ConfigError(f"fold {fold.number} has a value of {name!r} that is not finite", "folds")
