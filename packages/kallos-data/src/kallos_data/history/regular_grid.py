"""The regular grid: one row a step, UTC, nothing missing, and nothing filled from the future."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
from narwhals.typing import IntoDataFrameT

from ..errors import ConfigError
from ..frames import as_polars, like
from ..known_columns import CHANGES, brought
from ..steps import Step, find_step
from .broken_spans import fill_broken_spans
from .gaps import log_filled, positions_on, refuse_long_gaps, refuse_missing_rows
from .source_rows import refuse_infinities, shown, sorted_utc, without_empty_columns

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class History:
    """A history on a regular grid, and which of its steps were observed.

    Attributes
    ----------
    frame : polars.DataFrame, [T, 1 + F]
        ``timestamp`` in UTC, strictly regular, and columns of finite Float64.
    observed : polars.DataFrame, [T, 2]
        ``timestamp`` and ``observed``: whether the source has a row of that step and, where a target was named, a value
        of it. What is filled may be context of a forecast; it is nothing to train on, and nothing to score.
    step : Step
        From row to row.
    n_unknown : int, default 0
        Last rows of the source that are left out, since their target is not known yet: how far it looks ahead.
    empty : tuple of str, default ()
        Columns of the source that are left out, since they have no value.
    """

    frame: pl.DataFrame
    observed: pl.DataFrame
    step: Step
    n_unknown: int = 0
    empty: tuple[str, ...] = ()

    @property
    def brought_empty(self) -> tuple[str, ...]:
        """Those of :attr:`empty` that are not only there because ingest makes them in every table."""
        return brought(self.empty, self.frame.columns)


def regularise(
    frame: IntoDataFrameT, *, max_gap: int = 7, frequency: Step | timedelta | str | None = None
) -> IntoDataFrameT:
    """Put a feature frame on a regular grid, filling forward only: the frame of :func:`on_regular_grid`.

    Parameters
    ----------
    frame, max_gap, frequency
        As of :func:`on_regular_grid`.

    Returns
    -------
    frame, [T, 1 + F]
        Of the same kind; see :class:`History`.

    Raises
    ------
    MissingColumnsError, ConfigError, DataQualityError
        As in :func:`on_regular_grid`.
    """
    history = on_regular_grid(as_polars(frame), max_gap=max_gap, frequency=frequency)
    log_empty(history)
    return like(history.frame, frame)


def log_empty(history: History) -> None:
    """Say which columns are left out since they have no value, for who is given the frame alone."""
    if history.brought_empty:
        logger.info("columns without any value are left out: %s", ", ".join(history.brought_empty))


def on_regular_grid(
    frame: pl.DataFrame,
    *,
    max_gap: int = 7,
    frequency: Step | timedelta | str | None = None,
    target_col: str | None = None,
    changes: Collection[str] = CHANGES,
) -> History:
    """Put a feature frame on a regular grid, filling forward only.

    Leading rows in which some column has no value yet (an indicator that is warming up) are dropped, and so are columns
    without any value, and last rows without a target. The columns are named by the history; all else is logged, and so
    is what is filled.

    Parameters
    ----------
    frame : polars.DataFrame, [N, 1 + F]
        ``timestamp`` (any time zone; without one it is UTC) in any order, and numeric columns. NaN is missing.
    max_gap : int, default 7
        Longest run of missing values, in steps, that is filled with the last value before it. A known return or rate of
        change whose span holds a missing step is 0, however long that lasts.
    frequency : Step, timedelta or str, optional
        Step of the grid: see :meth:`kallos_data.steps.Step.of`; found where left out or ``"auto"``, see
        :func:`kallos_data.steps.find_step`.
    target_col : str, optional
        The column to be forecast. Steps at which it is unknown are not observed, and the history ends with the last at
        which it is known.
    changes : collection of str, optional
        Columns of returns, rates of change and volumes: filled with 0 instead of the last value. Those that Kallos
        knows by name where left out.

    Raises
    ------
    MissingColumnsError
        Where there is no column ``timestamp``.
    ConfigError
        Where ``max_gap`` is negative or ``frequency`` is no step.
    DataQualityError
        For a missing, duplicated or off-grid time, a value that is infinite or no number, a run of missing values
        longer than ``max_gap``, or where there is no value at all, or none of the target.
    """
    if max_gap < 0:
        raise ConfigError(f"must be 0 or more, not {max_gap}", "max_gap")
    named = None if frequency in (None, "auto") else Step.of(frequency)  # pyright: ignore[reportArgumentType]
    frame = sorted_utc(frame)
    refuse_infinities(frame)
    frame, empty = without_empty_columns(frame, target_col)
    step = named or find_step(frame["timestamp"])
    n_rows = len(frame)
    frame = _until_last_target(frame, target_col)
    positions = positions_on(frame["timestamp"], step)
    first = _warm_up(frame)
    # Of the rows that are dropped, the last few may still hold what the first row is filled with.
    near = frame.filter(positions >= positions[first] - max_gap)
    refuse_missing_rows(near, step, max_gap)
    grid = step.grid(near["timestamp"][0], near["timestamp"][-1])
    with_holes = grid.to_frame().join(near, on="timestamp", how="left", maintain_order="left")
    after_warm_up = pl.col("timestamp") >= frame["timestamp"][first]
    filled = _filled(with_holes, max_gap, changes).filter(after_warm_up)
    filled = fill_broken_spans(filled, frame["timestamp"], positions, changes)
    with_holes = with_holes.filter(after_warm_up)
    refuse_long_gaps(frame, filled, step, max_gap)
    history = History(filled, _observed(with_holes, target_col), step, n_rows - len(frame), empty)
    log_filled(with_holes, history.observed)
    return history


def frame_frequency(frame: pl.DataFrame) -> timedelta:
    """Return the most common difference between neighbouring times, the smaller one of equally common.

    Parameters
    ----------
    frame : polars.DataFrame, [N, ...]
        With a sorted column ``timestamp``.

    Raises
    ------
    DataQualityError
        Where there are fewer than two rows.
    """
    return find_step(frame["timestamp"]).length


def _until_last_target(frame: pl.DataFrame, target_col: str | None) -> pl.DataFrame:
    """Return the rows up to the last one whose target is known: a target that looks ahead is not known at the end."""
    if target_col is None or target_col not in frame.columns:
        return frame
    known = int(frame[target_col].is_not_null().arg_true()[-1]) + 1
    if known < len(frame):
        rows = f"the last {len(frame) - known} rows have" if len(frame) - known > 1 else "the last row has"
        logger.info("%s no %s yet: the history ends with %s", rows, target_col, shown(frame["timestamp"][known - 1]))
    return frame[:known]


def _filled(with_holes: pl.DataFrame, max_gap: int, changes: Collection[str]) -> pl.DataFrame:
    """Return a frame filled forward: with the last value, and with 0 where the value says what happened in the step."""
    names = with_holes.columns[1:]
    forward = [pl.col(name).fill_null(strategy="forward", limit=min(max_gap, len(with_holes))) for name in names]
    nothing_happened = [
        pl.when(pl.col(name).is_null() & filled.is_not_null()).then(0.0).otherwise(filled).alias(name)
        if name in changes
        else filled
        for name, filled in zip(names, forward, strict=True)
    ]
    return with_holes.with_columns(nothing_happened)


def _observed(with_holes: pl.DataFrame, target_col: str | None) -> pl.DataFrame:
    has_row = pl.any_horizontal(pl.exclude("timestamp").is_not_null())
    known = has_row if target_col is None or target_col not in with_holes.columns else pl.col(target_col).is_not_null()
    return with_holes.select("timestamp", observed=known)


def _warm_up(frame: pl.DataFrame) -> int:
    """Return the first row by which every column has had a value."""
    first_values: dict[str, int] = frame.select(pl.exclude("timestamp").is_not_null().arg_max()).row(0, named=True)
    start = max(first_values.values(), default=0)
    if start:
        late = [name for name, row in first_values.items() if row == start]
        logger.info(
            "the first %d of %d rows are dropped, since %s has no value before %s",
            start,
            len(frame),
            ", ".join(late),
            shown(frame["timestamp"][start]),
        )
    return start
