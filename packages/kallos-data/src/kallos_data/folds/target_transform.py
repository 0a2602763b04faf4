"""What is learnt of a target: its values, or their changes since the last value known.

================  =================================  ==========================
transform         learnt of a value y                put back
================  =================================  ==========================
none              y                                  z
difference        z = y - known                      known + z
log_difference    z = ln y - ln known                known · exp(z)
================  =================================  ==========================

A change of 0 put back is exactly the last value known, so that the naive forecast is nested in every model of changes.
A model trained on squared errors learns the mean m of a log change, and known · exp(m) is the median of a value whose
log change is normal: its mean is larger by the factor exp(s²/2), s² the variance of what the model leaves unexplained
(Granger, Newbold 1976). At 3 % a step that is 0.045 %; it is not added, or a forecast of no change would no longer be
the naive one.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import ConfigError
from .transform_names import TargetTransform

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def changes_since(known: Floats | float, values: Floats, transform: TargetTransform) -> Floats:
    """Return what is learnt of values, given the last values known before each.

    Parameters
    ----------
    known, values : numpy.ndarray, float64, [N]
        In the target's own unit; NaN where nothing is known, and so is what is learnt there.
    transform : {"none", "difference", "log_difference"}
    """
    if transform == "none":
        return values
    if transform == "difference":
        return values - known
    # Masked steps may hold what has no logarithm; who asks for them has refused the others.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(values) - np.log(known)


def put_back(known: Floats | float, changes: Floats, transform: TargetTransform) -> Floats:
    """Return the values that forecast changes stand for, given the last values known before each.

    Parameters
    ----------
    known : numpy.ndarray, float64, [N], or float
        In the target's own unit.
    changes : numpy.ndarray, float64, [N]
        In the unit of :func:`changes_since`.
    transform : {"none", "difference", "log_difference"}
    """
    if transform == "none":
        return changes
    if transform == "difference":
        return known + changes
    return known * np.exp(changes)


def require_logarithms(values: Floats, times: pl.Series, target_col: str) -> None:
    """Refuse a target that has no log change.

    Parameters
    ----------
    values : numpy.ndarray, float64, [N]
        What is observed of it.
    times : polars.Series, [N]
    target_col : str

    Raises
    ------
    ConfigError
        Where a value is 0 or less; it names the first.
    """
    without = np.flatnonzero(~(values > 0))
    if len(without):
        first = int(without[0])
        raise ConfigError(
            f"is log_difference, which needs values above 0, and {target_col} is {values[first]:g} at "
            f"{times[first]:%Y-%m-%d %H:%MZ}: choose difference, or begin after it",
            "target_transform",
        )
