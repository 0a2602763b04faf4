"""Columns that know more of the next step than a column can.

What lies in a table is not computed anew when later rows change: a column that was made from them is found by what it
knows. Of the next return of a liquid market, a correlation of 0.1 is a good indicator; one above 0.5 would explain a
quarter of the variance of its ranks. One above 0.9 is the future itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from ..evaluation.scoring import Floats
from ..study_data import StudyData

SUSPICIOUS: Final = 0.5
CERTAIN: Final = 0.9
_LEAST_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Suspect:
    """A feature, and how it goes with the target of the step to be forecast.

    Attributes
    ----------
    column : str
    reading : {"value", "change", "relative change"}
        What of it does.
    correlation : float
        Spearman's, over all observed steps.
    """

    column: str
    reading: str
    correlation: float

    @property
    def suspicious(self) -> bool:
        """Whether it knows more than a good indicator does."""
        return abs(self.correlation) > SUSPICIOUS

    @property
    def certain(self) -> bool:
        """Whether nothing but the future itself explains it."""
        return abs(self.correlation) > CERTAIN

    @property
    def in_short(self) -> str:
        """The column with its correlation: "volume, rank correlation +0.04"."""
        return f"{self._what}, rank correlation {self.correlation:+.2f}"

    @property
    def _what(self) -> str:
        return self.column if self.reading == "value" else f"the {self.reading} of {self.column}"

    def __str__(self) -> str:
        return f"{self._what} has a rank correlation of {self.correlation:+.2f} with the target one step later"


def closest_readings(data: StudyData) -> list[Suspect]:
    """Return every feature by what of it goes with the target of the step to be forecast, the closest first.

    Where changes of the target are learnt, or its own last value goes with the next one, its change counts.
    """
    target = _next_target(data)
    found: list[Suspect] = []
    for column in data.features:
        values = data.frame[column].to_numpy()
        correlations = {name: _rank_correlation(reading, target) for name, reading in _readings(values)}
        name = max(correlations, key=lambda each: abs(correlations[each]))
        found.append(Suspect(column, name, correlations[name]))
    return sorted(found, key=lambda each: -abs(each.correlation))


def _next_target(data: StudyData) -> Floats:
    """Return for each step the target of the step that is forecast from it, NaN where there is none."""
    lag = 1 + data.settings.folds.purge
    values = np.where(data.observed["observed"].to_numpy(), data.frame[data.target_col].to_numpy(), np.nan)
    following = np.concatenate([values[lag:], np.full(lag, np.nan)])
    as_it_is = data.target_transform == "none" and abs(_rank_correlation(values, following)) <= SUSPICIOUS
    return following if as_it_is else following - values


def _readings(values: Floats) -> Iterator[tuple[str, Floats]]:
    yield "value", values
    before = np.concatenate([[np.nan], values[:-1]])
    yield "change", values - before
    if (values > 0).all():
        yield "relative change", np.log(values / before)


def _rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation over the steps that have both; 0 where there are few, or one never changes."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < _LEAST_STEPS:
        return 0.0
    ranks = [pl.Series(each[both]).rank().to_numpy() for each in (one, other)]
    if min(float(np.ptp(each)) for each in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])
