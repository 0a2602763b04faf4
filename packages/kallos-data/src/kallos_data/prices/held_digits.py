"""What a column's type holds of a number: which stored values are those wanted, and which have lost digits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import types

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LOST: Final = 1e-6
_SINGLE: Final = 2.0**-23
# A double has so many digits, as a share, once it has been written in decimals.
_DOUBLE: Final = 1e-14


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that is stored as another.

    Attributes
    ----------
    column : str
        Where it is.
    time : datetime
        Of its row.
    wanted, found : float
        What was written and what is read; NaN is missing.
    """

    column: str
    time: datetime
    wanted: float
    found: float


def as_held(wanted: Floats, found: Floats, kind: types.TypeEngine[Any] | None) -> Flags:
    """Return which of ``found [N]`` are what a column of a type makes of ``wanted [N]``; NaN is missing.

    Parameters
    ----------
    wanted, found : array, [N]
        What would be written, and what is stored.
    kind : sqlalchemy type or None
        Of the column; None where it holds every double, as all columns of SQLite do.
    """
    share, absolute = 0.0, 0.0
    if isinstance(kind, types.Integer):
        absolute = 0.5
    elif isinstance(kind, types.REAL):
        share = _SINGLE
    elif isinstance(kind, types.Numeric) and not isinstance(kind, types.Float):
        share = _DOUBLE
        absolute = 0.0 if kind.scale is None else 0.5000001 * 10.0**-kind.scale
    with np.errstate(invalid="ignore"):
        near = np.abs(found - wanted) <= share * np.abs(wanted) + absolute
    return near | (np.isnan(found) & np.isnan(wanted))


def too_large(wanted: Floats, kind: types.TypeEngine[Any]) -> Flags:
    """Return which of ``wanted [N]`` a column of a type of PostgreSQL cannot hold at all."""
    limit = np.inf
    if isinstance(kind, types.Integer):
        bits = 16 if isinstance(kind, types.SmallInteger) else 64 if isinstance(kind, types.BigInteger) else 32
        limit = 2.0 ** (bits - 1) - 0.5
    elif isinstance(kind, types.Numeric) and not isinstance(kind, types.Float) and kind.precision is not None:
        limit = 10.0 ** (kind.precision - (kind.scale or 0))
    with np.errstate(invalid="ignore"):
        return np.abs(wanted) >= limit


def losses(frame: pl.DataFrame, back: pl.DataFrame, sizes: Sequence[float]) -> list[Loss]:
    """Return the first value of each column that lost digits on its way into the table and back.

    Parameters
    ----------
    frame : polars.DataFrame, [N, 1 + F]
        ``timestamp`` and numbers as they were written.
    back : polars.DataFrame, [N, 1 + F]
        The same rows and columns as they were read.
    sizes : sequence of float, [F]
        For each column the size below which a millionth of it, not of the value, is what counts.
    """
    found_ones: list[Loss] = []
    for name, size in zip(frame.columns[1:], sizes, strict=True):
        wanted, found = (_floats(each[name]) for each in (frame, back))
        with np.errstate(invalid="ignore"):
            lost = ~(np.abs(found - wanted) <= _LOST * np.maximum(np.abs(wanted), size))
        lost &= ~(np.isnan(found) & np.isnan(wanted))
        if lost.any():
            row = int(lost.argmax())
            found_ones.append(Loss(name, frame["timestamp"][row], float(wanted[row]), float(found[row])))
    return found_ones


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()
