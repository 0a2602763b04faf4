"""The steps that follow a forecaster's training, scaled as it was trained."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from kallos_data import FoldSeries, History, Scalers, prepare_darts_timeseries

from .card import ForecasterCard
from .newest import no_later_steps


@dataclass(frozen=True, slots=True)
class LaterSteps:
    """Steps after a training, in one series with what came before.

    Attributes
    ----------
    fold : FoldSeries
        Its validation window is the later steps.
    times : polars.Series, [T_val]
        UTC.
    """

    fold: FoldSeries
    times: pl.Series


def later_steps(
    card: ForecasterCard, history: History, *, after: datetime, scalers: Scalers | None = None
) -> LaterSteps:
    """Return the steps of a history after a moment, scaled as a forecaster was trained.

    The ``purge`` steps before the first of them are not known at it, as they are not in a fold.

    Parameters
    ----------
    card : ForecasterCard
    history : History
    after : datetime
        UTC.
    scalers : tuple of FeatureScaler and TargetScaler, optional
        Those of the card where left out.

    Raises
    ------
    kallos_data.InsufficientDataError
        Where no step lies after it.
    kallos_data.MissingColumnsError
        Where a feature is missing.
    """
    frame = history.frame
    later = frame.filter(pl.col("timestamp") > after)
    if later.is_empty():
        raise no_later_steps(card, history, after)
    before = frame.filter(pl.col("timestamp") <= after)
    fold = prepare_darts_timeseries(
        before[: len(before) - card.purge],
        later,
        card.target_col,
        card.feature_groups,
        observed=history.observed,
        scalers=scalers or card.scalers,
        purge=card.purge,
    )
    return LaterSteps(fold, later["timestamp"])


def just_before(moment: datetime) -> datetime:
    """Return the last moment before another."""
    return moment - timedelta(microseconds=1)
