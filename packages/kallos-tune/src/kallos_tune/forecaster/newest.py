"""The newest steps of a forecaster's history, and whether they are new enough, which needs none of its networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

from kallos_data import DatabaseConfig, History, InsufficientDataError, changes_in, count_later_rows, load_history

from ..errors import ConfigError
from .bar_age import age_in_words
from .card import ForecasterCard
from .settings import DEFAULT_MAX_AGE

_MOST_STEPS: Final = 1000


@dataclass(frozen=True, slots=True)
class NewestSteps:
    """The history that a forecast begins from.

    Attributes
    ----------
    card : ForecasterCard
        What it was loaded for.
    asset_id : str
    history : kallos_data.History
    age : datetime.timedelta
        Time since the newest step was over; negative where it is not.
    """

    card: ForecasterCard
    asset_id: str
    history: History
    age: timedelta

    @property
    def known_until(self) -> datetime:
        """The newest step, UTC."""
        return self.history.frame["timestamp"][-1]

    @property
    def age_in_words(self) -> str:
        """How long ago the newest step was over: 2 days 12 h."""
        return age_in_words(self.age)


def newest_steps(
    card: ForecasterCard,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    horizon: int = 1,
    max_age: float = DEFAULT_MAX_AGE,
    hold_features: bool = False,
    asset_id: str | None = None,
    now: datetime | None = None,
) -> NewestSteps:
    """Load the history that a forecast begins from, and refuse what :func:`kallos_tune.forecast_next` refuses of it.

    Parameters
    ----------
    card : ForecasterCard
        From :func:`kallos_tune.load_card`.
    db_kwargs, horizon, max_age, hold_features, asset_id, now
        As of :func:`kallos_tune.forecast_next`.

    Raises
    ------
    ConfigError, kallos_data.KallosError
        As in :func:`kallos_tune.forecast_next`.
    """
    _check_horizon(card, horizon, hold_features=hold_features)
    history = history_for(card, db_kwargs, asset_id=asset_id)
    present = datetime.now(UTC) if now is None else now
    newest = NewestSteps(
        card, asset_id or card.asset_id, history, present - history.step.after(history.frame["timestamp"][-1])
    )
    steps = newest.age / history.step.length
    if steps > max_age:
        raise ConfigError(
            f"is {max_age:g} steps of {history.step}, and the newest bar, of {newest.known_until:%Y-%m-%d %H:%MZ}, "
            f"ended {newest.age_in_words} ago: ingest newer rows, or set it to {ceil(steps)} to "
            "allow these",
            "max_age",
        )
    return newest


def require_later_rows(
    card: ForecasterCard, db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, asset_id: str | None = None
) -> None:
    """Refuse a history without a row after a forecaster's training, of which no value is read.

    Parameters
    ----------
    card : ForecasterCard
    db_kwargs, asset_id
        As of :func:`kallos_tune.evaluate_forecaster`.

    Raises
    ------
    kallos_data.KallosError
        As in :func:`kallos_tune.evaluate_forecaster`.
    """
    after = card.last_known
    if not count_later_rows(asset_id or card.asset_id, after, db_kwargs, tables=card.feature_tables):
        raise no_later_steps(card, history_for(card, db_kwargs, asset_id=asset_id), after)


def no_later_steps(card: ForecasterCard, history: History, after: datetime) -> InsufficientDataError:
    """Return the error of a history that ends with a moment or before it."""
    last = history.frame["timestamp"][-1]
    return InsufficientDataError(
        1,
        0,
        purpose=f"a look at {card.target_col} after {after:%Y-%m-%d %H:%MZ}",
        remedy=f"the table ends with {last:%Y-%m-%d %H:%MZ}: wait for later rows, ingest them, or train on less",
    )


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


def _check_horizon(card: ForecasterCard, horizon: int, *, hold_features: bool) -> None:
    if not 1 <= horizon <= _MOST_STEPS:
        raise ConfigError(f"must be from 1 to {_MOST_STEPS}, not {horizon}", "horizon")
    if horizon > 1 and card.purge:
        raise ConfigError(
            f"must be 1, not {horizon}: the target looks {card.purge} steps ahead, and a later step would start from "
            "targets that are not known",
            "horizon",
        )
    if horizon > 1 and card.features and not hold_features:
        shown = ", ".join(card.features)
        raise ConfigError(
            f"must be 1, not {horizon}: later steps would have to know {shown}; to take them to stay as they are, say "
            "so (hold_features)",
            "horizon",
        )
