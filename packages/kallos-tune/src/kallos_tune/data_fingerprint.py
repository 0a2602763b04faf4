"""Hashes of a study's data: whether they are still the same, and what of them has changed."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypedDict

import numpy as np
import polars as pl

from kallos_data import in_utc

OBSERVED: Final = ""
"""Name, which no column of a table has, of a column that is 1 where a step is observed and 0 where it is filled."""

_MOST_MONTHS_NAMED: Final = 6


class Fingerprint(TypedDict):
    """What a study keeps of its data to tell later what has changed, in JSON's own types."""

    last: str
    before_last: str
    months: dict[str, str]


def frame_hash(frame: pl.DataFrame) -> str:
    """Return a hash of a frame's names and values that is the same on every machine.

    :data:`OBSERVED` counts only where some step is filled, so that a hole changes no hash of the rows around it.
    """
    digest = hashlib.sha256()
    for name in frame.columns:
        if name == OBSERVED and (frame[name] == 1).all():
            continue
        column = frame[name]
        values = column.dt.epoch("us") if column.dtype.is_temporal() else column.cast(pl.Float64)
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return digest.hexdigest()[:16]


def fingerprint_of(frame: pl.DataFrame) -> Fingerprint:
    """Return the hash of each calendar month of a frame, and that of all rows but the last.

    Parameters
    ----------
    frame : polars.DataFrame, [T, 1 + F]
        ``timestamp`` in UTC, sorted, and numbers.
    """
    months = frame.group_by(pl.col("timestamp").dt.strftime("%Y-%m").alias("month"), maintain_order=True)
    return Fingerprint(
        last=in_utc(frame["timestamp"][-1]),
        before_last=frame_hash(frame[:-1]),
        months={str(month): frame_hash(rows) for (month,), rows in months},
    )


def change_of(stored: Mapping[str, Any], stored_hash: str, frame: pl.DataFrame) -> str | None:
    """Return in words what of the data has changed since a study was made on them.

    Parameters
    ----------
    stored : mapping
        The :class:`Fingerprint` that the study keeps; empty where it keeps none.
    stored_hash : str
        Its :func:`frame_hash`.
    frame : polars.DataFrame, [T, 1 + F]
        The data as they are now.

    Returns
    -------
    str or None
        Nothing where the study keeps no fingerprint.
    """
    if not stored:
        return None
    last = datetime.fromisoformat(stored["last"])
    if frame["timestamp"][-1] > last and frame_hash(frame.filter(pl.col("timestamp") <= last)) == stored_hash:
        added = frame.filter(pl.col("timestamp") > last)["timestamp"][0]
        # A day alone, as end date, is the whole day.
        end = f"{last:%Y-%m-%dT%H:%M}" if added.date() == last.date() else _day(last)
        return f"the data are the same but for the rows added after {end}: with that as end date the study resumes"
    now = fingerprint_of(frame)
    if now["last"] == stored["last"] and now["before_last"] == stored["before_last"]:
        return f"of the data the last bar alone, of {_day(last)}, has changed: was it finished when it was stored?"
    months = sorted({*stored["months"], *now["months"]})
    differing = [month for month in months if stored["months"].get(month) != now["months"].get(month)]
    if len(differing) == len(months) > 1:
        return "the data differ in every month"
    more = len(differing) - _MOST_MONTHS_NAMED
    named = ", ".join(islice(differing, _MOST_MONTHS_NAMED)) + (f" and {more} months more" if more > 0 else "")
    return f"the data differ in {named}, and in no other month"


def _day(moment: datetime) -> str:
    """Return a moment as the shortest text that an end date takes."""
    return f"{moment:%Y-%m-%d}" if moment.time() == moment.min.time() else f"{moment:%Y-%m-%dT%H:%M}"
