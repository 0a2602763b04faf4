"""The section about the data: how much there is, what was filled, where it has holes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from ..study_data import StudyData
from ..verdict.figures import in_iso, per_cent
from .contents import Cell, Facts, Part, Section, Table, Words
from .definition_tables import folds_table
from .gathered import Gathered

_MOST_HOLES: Final = 20


def data_section(gathered: Gathered) -> Section:
    """Return what the study was made on; without prices, what the study itself knows of it."""
    parts: list[Part] = []
    data = gathered.data
    if data is None:
        parts.append(Words(f"Filled steps and holes are not told: {gathered.without_truth}.", "note"))
    elif gathered.change_of_data is not None:
        parts.append(Words(f"What follows is about the data as they are now: {gathered.change_of_data}.", "note"))
    if data is not None:
        parts += [Facts(_size(data), "The history"), *_holes(data)]
        parts.append(folds_table(gathered.definition["folds"], data.n_filled))
    else:
        parts.append(folds_table(gathered.definition["folds"], None))
    parts.append(_columns(gathered.definition["feature_groups"]))
    return Section("data", "The data", tuple(parts))


def _size(data: StudyData) -> tuple[tuple[str, Cell], ...]:
    n_filled = int((~data.observed["observed"]).sum())
    times = data.frame["timestamp"]
    return (
        ("steps", len(data.frame)),
        ("first", _moment(times[0])),
        ("last", _moment(times[-1])),
        ("step", str(data.step)),
        ("filled steps, neither trained on nor scored", f"{n_filled} ({per_cent(n_filled / len(data.frame))} %)"),
        ("features", len(data.features)),
    )


def _holes(data: StudyData) -> list[Part]:
    """Return the stretches that had no value and were filled, the longest first."""
    steps = data.observed.with_columns(run=pl.col("observed").rle_id()).filter(~pl.col("observed"))
    if steps.is_empty():
        return [Words("No step of the history was filled: each had its own row.")]
    holes = (
        steps.group_by("run")
        .agg(pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last"), pl.len().alias("steps"))
        .sort(["steps", "first"], descending=[True, False])
    )
    rows = tuple((_moment(first), _moment(last), n) for _, first, last, n in holes.head(_MOST_HOLES).iter_rows())
    of_all = f", the longest {_MOST_HOLES} of {len(holes)}" if len(holes) > _MOST_HOLES else ""
    return [Table(("from", "to", "steps"), rows, f"Filled stretches{of_all}")]


def _columns(groups: Mapping[str, Sequence[str]]) -> Table:
    rows = tuple((group, len(columns), ", ".join(columns)) for group, columns in groups.items())
    return Table(("group", "number", "columns"), rows, "Features by the way they are scaled")


def _moment(moment: datetime) -> str:
    return in_iso(np.datetime64(moment.replace(tzinfo=None)))
