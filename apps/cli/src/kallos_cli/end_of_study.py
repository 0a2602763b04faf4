"""What a first study had better be called, and end with, so that its last rows can show later what it is worth."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from .wording import count

if TYPE_CHECKING:
    from kallos_data import Step

HOLD_OUT_SHARE: Final = 0.15
"""Of the rows, that a first study is told to leave out."""
_FEWEST_ROWS_OF_A_STUDY: Final = 300


def holds_out(step: "Step | None", n_rows: int) -> bool:
    """Return whether a first study of so many rows can do without the last of them."""
    return step is not None and n_rows * (1 - HOLD_OUT_SHARE) >= _FEWEST_ROWS_OF_A_STUDY


def too_few_to_hold_out(n_rows: int) -> str:
    """Return what is to be said where :func:`holds_out` is not so."""
    verb = "is" if n_rows == 1 else "are"
    return f"{count(n_rows, 'row')} {verb} too few to keep some unseen: evaluate will need newer ones"


def end_of_study(step: "Step | None", n_rows: int, last: datetime) -> str:
    """Return the date that a first study had better end with.

    Parameters
    ----------
    step : Step or None
        From one bar to the next.
    n_rows : int
        Of the asset.
    last : datetime
        Its last bar that has ended, UTC.

    Returns
    -------
    str
        The end of the last bar's day, or the last bar itself where its day still goes on after it; a day before the
        last rows where these can be left out.
    """
    if step is not None and holds_out(step, n_rows):
        days_a_bar = step.length * (7 / 5 if step.working_days else 1)
        return f"{last - round(HOLD_OUT_SHARE * n_rows) * days_a_bar:%Y-%m-%d}"
    if step is None or (last + step.length).date() > last.date():
        return f"{last:%Y-%m-%d}"
    return f"{last:%Y-%m-%dT%H:%M:%S}" if last.second else f"{last:%Y-%m-%dT%H:%M}"


def study_name_of(asset_id: str) -> str:
    """Return a name for a first study of an asset; it is also that of a file."""
    return re.sub(r"[^\w.-]+", "_", f"gru_{asset_id.lower()}")
