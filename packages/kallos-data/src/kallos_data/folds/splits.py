"""Walk-forward splits: integer positions first, frames second.

All splitting is arithmetic on row numbers, done once in :func:`walk_forward_positions`. Windows are counted in rows
(steps), never in calendar time: a frame without gaps makes the two the same.

::

    row          0 ─────────────────────────────────────────────► n
    fold 1       [ train ─────────┊purge][ val ]
    fold 2       [ train ────────────────┊purge][ val ]            expanding (default)
    fold 2              [ train ─────────┊purge][ val ]            rolling
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypedDict

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame, IntoDataFrameT

from ..errors import ConfigError, DataQualityError, InsufficientDataError
from ..frames import times_of

Window = Literal["expanding", "rolling"]


class WalkForwardKwargs(TypedDict):
    """Window lengths in rows, as :func:`get_walk_forward_splits` takes them."""

    train_length: int
    val_length: int
    purge: int
    window: Window


@dataclass(frozen=True, slots=True)
class FoldPositions:
    """Row numbers of one fold; each pair is a half-open range ``[start, stop)``."""

    train_start: int
    train_stop: int
    val_start: int
    val_stop: int


def walk_forward_positions(
    n_rows: int, *, train_length: int, val_length: int, purge: int = 0, window: Window = "expanding"
) -> Iterator[FoldPositions]:
    """Yield the folds of a walk-forward validation as row numbers.

    Parameters
    ----------
    n_rows : int
        Length of the history.
    train_length : int
        Rows between the start of a training window and its validation window: of every fold when rolling, the
        least of the first fold when expanding. The purged rows are counted in.
    val_length : int
        Rows of each validation window, which is also the step from fold to fold.
    purge : int, default 0
        Rows dropped from the end of each training window.
    window : {"expanding", "rolling"}, default "expanding"
        Whether training starts at the first row in every fold or moves along.

    Yields
    ------
    FoldPositions
        Oldest first. The last validation window ends at the last row; rows that do not fill a validation window lie
        at the beginning, where an expanding window trains on them.

    Raises
    ------
    ConfigError
        Where a length is below 1, ``purge`` is negative or leaves nothing to train on, or ``window`` is unknown.
    InsufficientDataError
        Where the history is too short for one fold.
    """
    for name, length in (("train_length", train_length), ("val_length", val_length)):
        if length < 1:
            raise ConfigError(f"must be 1 or more rows, not {length}", name)
    if not 0 <= purge < train_length:
        raise ConfigError(f"must be 0 or more and less than the {train_length} training rows, not {purge}", "purge")
    if window not in ("expanding", "rolling"):
        raise ConfigError(f"must be 'expanding' or 'rolling', not {window!r}", "window")
    n_folds = (n_rows - train_length) // val_length
    if n_folds < 1:
        raise InsufficientDataError(
            train_length + val_length,
            n_rows,
            purpose="one walk-forward fold",
            remedy="load a longer history, or shorten the training or the validation window",
        )
    for fold in range(n_folds):
        val_start = n_rows - (n_folds - fold) * val_length
        yield FoldPositions(
            train_start=0 if window == "expanding" else val_start - train_length,
            train_stop=val_start - purge,
            val_start=val_start,
            val_stop=val_start + val_length,
        )


def get_walk_forward_splits(
    frame: IntoDataFrameT, *, train_length: int, val_length: int, purge: int = 0, window: Window = "expanding"
) -> Iterator[tuple[IntoDataFrameT, IntoDataFrameT]]:
    """Yield ``(train, val)`` slices of a frame, oldest fold first.

    No row of a training slice is younger than, or as young as, any row of its validation slice. The validation
    slices are disjoint, follow one another without a gap, and end with the frame.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [T, F]
        One row a step, strictly increasing in a column ``timestamp`` or, in pandas, a ``DatetimeIndex``.
    train_length, val_length, purge, window
        As in :func:`walk_forward_positions`, in rows.

        ``purge`` is for targets that look ahead: a target that at step *t* holds the return over ``[t, t + k]`` is
        known only at *t + k*, so the last *k* rows before the validation window would train on its future. Give
        ``purge=k``.

    Yields
    ------
    tuple of frames
        Slices of ``frame``, of its own kind; no value is copied.

    Raises
    ------
    MissingColumnsError
        Where it has neither.
    DataQualityError
        Where ``timestamp`` does not strictly increase: folds of an unsorted frame would look into the future.
    ConfigError, InsufficientDataError
        As in :func:`walk_forward_positions`.

    Examples
    --------
    >>> import polars as pl
    >>> from datetime import date
    >>> days = pl.date_range(date(2024, 1, 1), date(2024, 1, 10), eager=True)
    >>> frame = pl.DataFrame({"timestamp": days, "close": range(10)})
    >>> for train, val in get_walk_forward_splits(frame, train_length=4, val_length=2, purge=1):
    ...     print(train["close"].to_list(), val["close"].to_list())
    [0, 1, 2] [4, 5]
    [0, 1, 2, 3, 4] [6, 7]
    [0, 1, 2, 3, 4, 5, 6] [8, 9]
    """
    rows = nw.from_native(frame, eager_only=True)
    require_increasing(times_of(frame))
    positions = walk_forward_positions(
        len(rows), train_length=train_length, val_length=val_length, purge=purge, window=window
    )
    for fold in positions:
        train = rows[fold.train_start : fold.train_stop]
        val = rows[fold.val_start : fold.val_stop]
        yield train.to_native(), val.to_native()


def calculate_dynamic_wf_kwargs(
    frame: IntoDataFrame,
    *,
    target_folds: int = 5,
    val_share: float = 0.3,
    min_train_length: int = 140,
    min_val_length: int = 20,
    purge: int = 0,
    window: Window = "expanding",
) -> WalkForwardKwargs:
    """Choose window lengths for the history at hand: what :func:`get_walk_forward_splits` takes.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [T, F]
        The history to split; only its length counts.
    target_folds : int, default 5
        Folds wanted. There are exactly so many wherever the history allows it at all, and fewer, never under two,
        where it is short.
    val_share : float, default 0.3
        Share of the rows that all validation windows together cover. The rest is the first training window.
    min_train_length : int, default 140
        Least rows that a training window must keep after purging: twice a look-back of 70 steps.
    min_val_length : int, default 20
        Least rows of a validation window.
    purge, window
        Passed on.

    Returns
    -------
    dict
        ``train_length``, ``val_length``, ``purge`` and ``window``.

    Raises
    ------
    ConfigError
        Where ``target_folds`` is below 2, ``val_share`` lies outside (0, 1), a least length is below 1 or ``purge``
        is negative.
    InsufficientDataError
        Where the history is too short for two folds of the least lengths.
    """
    if target_folds < 2:
        raise ConfigError(
            f"must be 2 or more, not {target_folds}: one fold says nothing about stability", "target_folds"
        )
    if not 0 < val_share < 1:
        raise ConfigError(f"must be more than 0 and less than 1, not {val_share}", "val_share")
    lengths = (("min_train_length", min_train_length, 1), ("min_val_length", min_val_length, 1), ("purge", purge, 0))
    for name, value, least in lengths:
        if value < least:
            raise ConfigError(f"must be {least} or more, not {value}", name)
    n_rows = len(nw.from_native(frame, eager_only=True))
    for_validation = n_rows - min_train_length - purge
    n_folds = min(target_folds, for_validation // min_val_length)
    if n_folds < 2:
        raise InsufficientDataError(
            min_train_length + purge + 2 * min_val_length,
            n_rows,
            purpose="a walk-forward of two folds",
            remedy="load a longer history, or allow shorter training or validation windows",
        )
    wanted = max(min_val_length, int(n_rows * val_share) // n_folds)
    val_length = min(wanted, for_validation // n_folds)
    train_length = n_rows - n_folds * val_length
    return WalkForwardKwargs(train_length=train_length, val_length=val_length, purge=purge, window=window)


def require_increasing(times: pl.Series) -> None:
    """Raise where times do not strictly increase: folds of unsorted rows would look into the future."""
    if times.null_count() or not (times.diff().drop_nulls() > timedelta(0)).all():
        raise DataQualityError(
            "column 'timestamp' does not strictly increase: sort the frame by time and remove duplicates first"
        )
