"""Whether a target moves like a random walk, and what is best learnt of it then."""

import warnings
from typing import Final

import numpy as np

from .target_transform import Floats
from .transform_names import TargetTransform

# So many random walks are taken for what keeps to its mean, and then forecast badly; the other error costs little.
_LEVEL: Final = 0.01
# Below this the test has no power to speak of, and its lags leave hardly a degree of freedom.
_LEAST_VALUES: Final = 20
# More add nothing to the power against what is stationary for a forecaster's purpose, and cost seconds.
_MOST_VALUES: Final = 5000


def choose_target_transform(values: Floats, *, positive: bool | None = None) -> TargetTransform:
    """Return what is best learnt of a target: its log change or change where it moves like a random walk.

    Positive targets for which the augmented Dickey-Fuller test (Said, Dickey 1984; constant, lags by Schwarz's
    criterion, 1 %; of logarithms where all values are positive) does not reject a unit root take ``"log_difference"``,
    others with a unit root ``"difference"``, the rest ``"none"``: returns, oscillators, and whatever else keeps to its
    mean. One random walk in a hundred is taken for that.

    Parameters
    ----------
    values : numpy.ndarray, float64, [N]
        Observed values of the first training window, oldest first. The last 5000 of them are tested.
    positive : bool, optional
        Whether every value that is learnt or scored later is above 0, too; by default whether ``values`` are.

    Returns
    -------
    {"none", "difference", "log_difference"}
        ``"none"`` for under 20 values, and where all are alike.
    """
    if not _moves_like_a_random_walk(values[-_MOST_VALUES:]):
        return "none"
    return "log_difference" if (bool((values > 0).all()) if positive is None else positive) else "difference"


def _moves_like_a_random_walk(values: Floats) -> bool:
    if len(values) < _LEAST_VALUES or values.min() == values.max():
        return False
    from statsmodels.tsa.stattools import adfuller  # noqa: PLC0415 - half a second, for whoever asks

    # A price swings in proportion to itself, and its logarithm evenly, as the test assumes.
    tested = np.log(values) if bool((values > 0).all()) else values
    if tested.min() == tested.max():
        return False
    # Of a size that the regression's constant does not drown.
    of_size_one = tested / np.abs(tested).max()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A path without any noise, as a straight line, has no variance to test with: nothing is rejected.
        warnings.simplefilter("ignore")
        p_value = adfuller(of_size_one, regression="c", autolag="BIC")[1]
    return not p_value < _LEVEL
