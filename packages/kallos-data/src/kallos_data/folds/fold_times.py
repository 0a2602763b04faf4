"""The times of a fold: one unbroken row of steps over both windows and what is purged between them."""

import pandas as pd
import polars as pl
from narwhals.typing import IntoDataFrame

from ..errors import ConfigError, DataQualityError
from ..frames import times_of
from ..steps import find_step


def fold_times(train: IntoDataFrame, val: IntoDataFrame, purge: int | None = None) -> pd.DatetimeIndex:
    """Return every step from the first of ``train`` to the last of ``val``, without a zone.

    In UTC; or by the clock of the frame's own zone where steps are regular there alone, as days are with summer time.

    Parameters
    ----------
    train, val : frames, [T_train, ...] and [T_val, ...]
        ``val`` may be empty.
    purge : int, optional
        Steps between them; needed where ``val`` is empty, and then they are the last ones.

    Raises
    ------
    ConfigError
        Where the purge is another, or left out beside an empty ``val``.
    DataQualityError
        Where there are fewer than two rows to train on, or the times are not regular.
    """
    of_train, of_val = times_of(train), times_of(val)
    if len(of_train) < 2:
        raise DataQualityError(f"a fold needs 2 rows to train on, and has {len(of_train)}")
    if len(of_val) == 0 and purge is None:
        raise ConfigError("must be given where there is no row to validate with", "purge")
    times = _regular(of_train, of_val, purge)
    if times is None:
        times = _regular(times_of(train, by_clock=True), times_of(val, by_clock=True), purge)
    if times is None:
        raise DataQualityError(
            f"the times of this fold are not regular steps of {find_step(of_train)}: put the frame on a regular grid "
            "before splitting it, as load_features_from_db and regularise do"
        )
    between = len(times) - len(of_train) - len(of_val)
    if purge is not None and between != purge:
        raise ConfigError(f"is {purge}, and {between} steps lie between the two windows", "purge")
    return times


def _regular(of_train: pl.Series, of_val: pl.Series, purge: int | None) -> pd.DatetimeIndex | None:
    """Return the regular times over two windows, None where they are not regular."""
    if of_train[0] >= of_train[1] or (len(of_val) and not of_train[-1] < of_val[0]):
        return None
    step = find_step(pl.concat([of_train, of_val]))
    grid = step.grid(of_train[0], of_val[-1] if len(of_val) else of_train[-1])
    if not grid[: len(of_train)].equals(of_train) or not grid[len(grid) - len(of_val) :].equals(of_val):
        return None
    n_steps = len(grid) if len(of_val) else len(grid) + (purge or 0)
    frequency = "B" if step.working_days else step.length
    return pd.date_range(of_train[0], periods=n_steps, freq=frequency, unit="ns").tz_localize(None)
