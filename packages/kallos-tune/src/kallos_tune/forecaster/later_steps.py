"""The steps that follow a forecaster's training, loaded and scaled as it was trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from kallos_data import (
    DatabaseConfig,
    FoldSeries,
    History,
    InsufficientDataError,
    Scalers,
    changes_in,
    load_history,
    prepare_darts_timeseries,
)

from .card import ForecasterCard


def history_for(
    card: ForecasterCard,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    asset_id: str | None = None,
    end: datetime | None = None,
) -> History:
    """Load the history that a forecaster knows and what came after it.

    Parameters
    ----------
    card : ForecasterCard
    db_kwargs : mapping, str or DatabaseConfig
    asset_id : str, optional
        Another asset than the forecaster's, from its first row on.
    end : datetime, optional
        Last step; the last there is where left out.

    Raises
    ------
    kallos_data.KallosError
        As in :func:`kallos_data.load_history`; a feature that is missing is named.
    """
    return load_history(
        asset_id or card.asset_id,
        end,
        db_kwargs,
        start_date=card.first_trained if asset_id in (None, card.asset_id) else None,
        tables=card.feature_tables,
        needed_columns=[card.target_col, *card.features],
        max_gap=card.max_gap,
        frequency=card.grid_step,
        target_col=card.target_col,
        changes=changes_in(card.feature_groups),
    )


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
        raise InsufficientDataError(
            1,
            0,
            purpose=f"a look at {card.target_col} after {after:%Y-%m-%d %H:%M}",
            remedy=f"the table ends with {frame['timestamp'][-1]:%Y-%m-%d %H:%M}: wait for later rows, ingest them, or "
            "train on less",
        )
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
