"""A row of judged steps: the truth, a forecast of it, and the naive forecasts beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from .evidence import Floats, Times

_ROUNDING: Final = 1e-6  # forecasts are kept as float32, which is right to 6e-8


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared, step by step, oldest first.

    Attributes
    ----------
    times : numpy.ndarray, datetime64, [N]
    actual : numpy.ndarray, float64, [N]
    forecast : numpy.ndarray, float64, [N]
        From :func:`but_rounding`.
    to_beat : numpy.ndarray, float64, [N]
        The naive forecast to beat.
    naive : mapping of str to numpy.ndarray, float64, [N]
        Every naive forecast by name.
    """

    times: Times
    actual: Floats
    forecast: Floats
    to_beat: Floats
    naive: Mapping[str, Floats]


def but_rounding(forecast: Floats, actual: Floats, naive: Floats) -> Floats:
    """Return a forecast ``[N]``; the naive one where it nowhere differs from that by more than rounding.

    A test of that rounding would mean nothing.
    """
    naive_error = float(np.sqrt(np.mean((actual - naive) ** 2)))
    rounding = _ROUNDING * max(naive_error, float(np.max(np.abs(naive))))
    return naive if np.max(np.abs(forecast - naive)) <= rounding else forecast
