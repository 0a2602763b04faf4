"""The forecast of what comes next, from the newest rows there are."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from kallos_data import DatabaseConfig, FoldSeries, History, InsufficientDataError, prepare_darts_timeseries
from kallos_models import Member, forecast_recursive

from .card import ForecasterCard
from .newest import NewestSteps, newest_steps
from .next_forecast import Forecast, StepForecast
from .next_quantiles import next_quantiles
from .settings import DEFAULT_MAX_AGE
from .trained import Floats, Trained


def forecast_next(
    trained: Trained,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    horizon: int = 1,
    max_age: float = DEFAULT_MAX_AGE,
    hold_features: bool = False,
    asset_id: str | None = None,
    now: datetime | None = None,
    newest: NewestSteps | None = None,
) -> Forecast:
    """Forecast the next steps from the newest rows of the history.

    The first step is what the networks were trained for. Later ones feed on the forecasts before them, which nothing
    has judged: of changes their mean soon says nothing.

    Parameters
    ----------
    trained : Trained
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.
    horizon : int, default 1
        Steps to forecast; 1000 at most.
    max_age : float, default 2
        Steps that may have passed since the newest bar was over.
    hold_features : bool, default False
        Whether features stay at their newest values where a later step would have to know them.
    asset_id : str, optional
        Another asset than the forecaster's.
    now : datetime, optional
        The present; the clock's where left out.
    newest : NewestSteps, optional
        What :func:`kallos_tune.newest_steps` returned of the same, where that was asked before the networks were
        loaded; the database is then not read again.

    Returns
    -------
    Forecast

    Raises
    ------
    ConfigError
        Where the newest bar is too old, later steps need features that are not known, or the purge forbids them.
    kallos_data.KallosError
        As in :func:`kallos_data.load_history`; a feature that is missing is named.
    """
    card = trained.card
    if newest is None or newest.card != card:
        newest = newest_steps(
            card,
            db_kwargs,
            horizon=horizon,
            max_age=max_age,
            hold_features=hold_features,
            asset_id=asset_id,
            now=now,
        )
    history = newest.history
    if len(history.frame) < trained.look_back:
        raise InsufficientDataError(
            trained.look_back,
            len(history.frame),
            purpose=f"a forecast of {newest.asset_id}",
            remedy="load a longer history",
        )
    fold = _newest(card, history)
    members = np.stack([_ahead(member, fold, horizon) for member in trained.members])
    quantiles = next_quantiles(trained.members, fold) if trained.has_quantiles else None
    return Forecast(
        asset_id=newest.asset_id,
        target_col=card.target_col,
        what=trained.what,
        known_until=newest.known_until,
        age_steps=newest.age / history.step.length,
        steps=_steps(card, history, members, quantiles),
        held=card.features if horizon > 1 else (),
    )


def _newest(card: ForecasterCard, history: History) -> FoldSeries:
    """Return the whole history as a series, scaled as the forecaster was trained."""
    return prepare_darts_timeseries(
        history.frame,
        history.frame[:0],
        card.target_col,
        card.feature_groups,
        observed=history.observed,
        scalers=card.scalers,
        purge=card.purge,
    )


def _ahead(member: Member, fold: FoldSeries, horizon: int) -> Floats:
    """Return what a member forecasts of the next steps, [horizon], in the target's unit."""
    look_back = member.hparams.input_chunk_length
    target = fold.target[fold.n_train - look_back : fold.n_train]
    covariates = None if fold.covariates is None else fold.covariates[fold.n_train - look_back : fold.n_train]
    if covariates is not None and horizon > 1:
        covariates = covariates.append_values(np.repeat(covariates.values()[-1:], horizon - 1, axis=0))
    scaled = forecast_recursive(member.model, horizon, target, covariates)[:, 0]
    return fold.recursive_to_target_unit(scaled)


def _steps(
    card: ForecasterCard, history: History, members: Floats, quantiles: Floats | None
) -> tuple[StepForecast, ...]:
    mean = members.mean(axis=0)
    spread = members.std(axis=0, ddof=1) if len(members) > 1 else None
    prices = _prices(card, history, mean)
    time = history.frame["timestamp"][-1]
    for _ in range(card.purge):
        time = history.step.next(time)
    steps: list[StepForecast] = []
    for number, forecast in enumerate(mean):
        time = history.step.next(time)
        of_members = None if spread is None else float(spread[number])
        price = None if prices is None else float(prices[number])
        of_step = None if quantiles is None or number else tuple(float(each) for each in quantiles)
        steps.append(StepForecast(time, float(forecast), of_members, price, of_step))
    return tuple(steps)


def _prices(card: ForecasterCard, history: History, forecast: Floats) -> Floats | None:
    """Return the closes that a forecast means; of log returns, the median of what may come."""
    if card.target_col == "close":
        return forecast
    if card.target_col != "log_return" or card.purge or "close" not in history.frame.columns:
        return None
    return float(history.frame["close"][-1]) * np.exp(np.cumsum(forecast))
