"""Prices that can be none: zero and below."""

import polars as pl

from ..errors import DataQualityError
from ..known_columns import PRICES


def require_positive_prices(frame: pl.DataFrame, *, table: str) -> None:
    """Refuse a value of zero or less in a column named open, high, low or close, in whatever capitals.

    Raises
    ------
    DataQualityError
        With the column, the first time and the value.
    """
    names = [name for name in frame.columns if name.lower() in PRICES]
    if not names or not frame.select(pl.any_horizontal((pl.col(name) <= 0).any() for name in names)).item():
        return
    for name in names:
        wrong = frame.filter(pl.col(name) <= 0).sort("timestamp")
        if len(wrong):
            time = str(wrong["timestamp"][0]).replace("+00:00", "Z")
            others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise DataQualityError(
                f"column {name!r} of table {table!r} is {wrong[name][0]:g} at {time}{others}: a price is above 0, "
                "correct or remove the rows, or rename the column where it holds no prices"
            )
