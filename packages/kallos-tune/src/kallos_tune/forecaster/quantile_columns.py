"""Quantiles as columns of a table of forecasts."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from kallos_models import QUANTILES

from ..errors import ConfigError

QUANTILE_COLUMNS: Final = tuple(f"q{round(100 * quantile):02d}" for quantile in QUANTILES)
"""q05, q25, q50, q75, q95."""

MEDIAN_COLUMN: Final = "q50"


def quantile_columns_in(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns of quantiles by the names that they are given: ``q05`` may be called ``0.05``, too.

    Returns
    -------
    dict of str to str
        From each of :data:`QUANTILE_COLUMNS` to a column; empty where there is none of them.

    Raises
    ------
    ConfigError
        Where some are there and others are not, or one is there twice.
    """
    found: dict[str, str] = {}
    for name, quantile in zip(QUANTILE_COLUMNS, QUANTILES, strict=True):
        called = [column for column in columns if column.strip().lower() == name or _number(column) == quantile]
        if len(called) > 1:
            raise ConfigError(f"hold the quantile {quantile} twice, as {' and '.join(called)}: keep one", "forecasts")
        found |= dict.fromkeys([name], called[0]) if called else {}
    missing = [name for name in QUANTILE_COLUMNS if name not in found]
    if found and missing:
        raise ConfigError(
            f"hold the quantiles {', '.join(found)} and not {', '.join(missing)}: give all five, or none", "forecasts"
        )
    return found


def with_median_as_forecast(frame: pl.DataFrame) -> pl.DataFrame:
    """Return forecasts with their median as ``forecast`` where they have none."""
    if "forecast" in frame.columns or not (names := quantile_columns_in(frame.columns)):
        return frame
    return frame.with_columns(pl.col(names[MEDIAN_COLUMN]).alias("forecast"))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
