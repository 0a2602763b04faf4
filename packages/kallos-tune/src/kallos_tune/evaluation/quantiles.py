"""What quantiles of a fold's steps lose, and quantiles that need no model."""

from typing import Final

import numpy as np

from kallos_data import FoldTarget
from kallos_models import QUANTILES

from ..settings import FoldSettings
from ..verdict.coverage import pinball_loss
from .scoring import Floats, Mask, forecasts_of_training, mean_is_a_rival, naive_forecasts

MEDIAN: Final = QUANTILES.index(0.5)


def pinball_score(actual: Floats, quantiles: Floats, scored: Mask) -> float:
    """Return the mean pinball loss of quantiles ``[N, Q]`` over the scored steps; NaN where one is not finite."""
    at_steps = quantiles[scored]
    return pinball_loss(actual[scored], at_steps, QUANTILES) if np.isfinite(at_steps).all() else float("nan")


def naive_quantiles(
    target: FoldTarget, settings: FoldSettings, *, with_mean: bool | None = None, around_zero: bool = False
) -> dict[str, Floats]:
    """Return quantiles of a validation window that need no model, by name, each ``[T_val, Q]``.

    A naive forecast plus the quantiles of its errors over the training window. Where log changes are learnt an error is
    the logarithm of what came over what was forecast: the errors of a price grow with it.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    settings : FoldSettings
        Of rolling forecasts.
    with_mean, around_zero
        As of :func:`kallos_tune.evaluation.scoring.naive_forecasts`.
    """
    with_mean = mean_is_a_rival(target) if with_mean is None else with_mean
    points = naive_forecasts(target, settings, with_mean=with_mean, around_zero=around_zero)
    of_training, scored = forecasts_of_training(target, with_mean=with_mean, around_zero=around_zero)
    values = target.values[: target.n_train][scored]
    relative = target.transform == "log_difference"
    found: dict[str, Floats] = {}
    for name, point in points.items():
        forecast = of_training[name][scored]
        errors = np.log(values) - np.log(forecast) if relative else values - forecast
        spread = np.quantile(errors, QUANTILES)
        found[name] = point[:, None] * np.exp(spread) if relative else point[:, None] + spread
    return found
