"""Holes in a history: where a grid would lie, which are too long to fill, and what is said of the others."""

import logging
from datetime import datetime

import polars as pl

from ..errors import DataQualityError
from ..steps import Step
from .source_rows import shown

logger = logging.getLogger(__name__)


def positions_on(times: pl.Series, step: Step) -> pl.Series:
    """Return how many steps each time lies after the first."""
    positions = step.positions(times)
    strays = times.filter(positions.is_null())
    if len(strays):
        lie = "1 timestamp lies" if len(strays) == 1 else f"{len(strays)} timestamps lie"
        raise DataQualityError(
            f"{lie} between the steps of {step}, first {shown(strays[0])}: "
            "resample the data, or name the right frequency"
        )
    return positions


def refuse_missing_rows(frame: pl.DataFrame, step: Step, max_gap: int) -> None:
    """Refuse a hole in time before the grid is laid: one wrong time could make it larger than the memory."""
    times = frame["timestamp"]
    missing = positions_on(times, step).diff().fill_null(1) - 1
    too_long = missing > max_gap
    if too_long.any():
        after = int(too_long.arg_max() or 0)
        raise DataQualityError(_gap("every column", missing[after], step.next(times[after - 1]), times[after], max_gap))


def refuse_long_gaps(frame: pl.DataFrame, filled: pl.DataFrame, step: Step, max_gap: int) -> None:
    """Refuse a column that lacks values for longer than is filled."""
    nulls = filled.null_count().row(0, named=True)
    for name in (each for each in filled.columns[1:] if nulls[each]):
        within = filled["timestamp"][int(filled[name].is_null().arg_max() or 0)]
        known = frame.filter(pl.col(name).is_not_null())["timestamp"]
        begin = step.next(known.filter(known < within)[-1])
        later = known.filter(known > within)
        end = later[0] if len(later) else step.next(filled["timestamp"][-1])
        raise DataQualityError(_gap(f"column {name!r}", len(step.grid(begin, end)) - 1, begin, end, max_gap))


def log_filled(with_holes: pl.DataFrame, observed: pl.DataFrame) -> None:
    """Say which steps are filled, and which single values."""
    holes = observed.filter(~pl.col("observed"))["timestamp"]
    if len(holes):
        logger.warning(
            "%d of %d steps have no bar or no target and are filled, first %s: "
            "they are context, neither trained on nor scored",
            len(holes),
            len(with_holes),
            shown(holes[0]),
        )
    of_observed = with_holes.filter(observed["observed"]).null_count().row(0, named=True)
    if lacking := [f"{name} ({count})" for name, count in of_observed.items() if count]:
        logger.warning("missing values of single columns are filled as well, in so many steps: %s", ", ".join(lacking))


def _gap(what: str, length: int, begin: datetime, end: datetime, max_gap: int) -> str:
    return (
        f"{what} has no value for {length} steps from {shown(begin)}, and no more than {max_gap} are filled: "
        f"supply the values at their source, start on {end:%Y-%m-%d} or later, or raise the size of gaps that are "
        "filled"
    )
