"""Anybody's forecasts, judged on the same steps by the same rules: no model of Kallos needed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from kallos_data import (
    DatabaseConfig,
    FeatureTables,
    History,
    InsufficientDataError,
    MissingColumnsError,
    Moment,
    changes_in,
    check_feature_groups,
    choose_target_transform,
    default_feature_groups,
    load_history,
    prepare_darts_timeseries,
)

from ..errors import ConfigError
from ..score_names import Metric
from .evaluation import Evaluation, Judged
from .judging import Period, judged
from .later_steps import LaterSteps
from .quantile_columns import MEDIAN_COLUMN, QUANTILE_COLUMNS, quantile_columns_in, with_median_as_forecast
from .trained import MemberForecasts

logger = logging.getLogger(__name__)

_COLUMNS: Final = ("timestamp", "forecast")
# Errors are squared, and their differences again: what is larger than this overflows there.
_LARGEST: Final = 1e60


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignForecasts:
    """What somebody's forecasts are of.

    Attributes
    ----------
    asset_id, target_col : str
    feature_groups : mapping of str to sequence of str, optional
        Features that the baselines read; those of the known columns where left out.
    tables : FeatureTables
    metric : {"rmse", "mae"}
    purge : int
        Steps between the last one known to a forecast and the one forecast, less one.
    max_gap : int
    look_back : int
        Steps that the baselines read.
    """

    asset_id: str
    target_col: str
    feature_groups: Mapping[str, Sequence[str]] | None = None
    tables: FeatureTables = field(default_factory=FeatureTables)
    metric: Metric = "rmse"
    purge: int = 0
    max_gap: int = 7
    look_back: int = 50


def evaluate_forecasts(
    forecasts: pl.DataFrame,
    about: ForeignForecasts,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    what: str = "the forecast",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Evaluation:
    """Judge forecasts from elsewhere; all steps before the first of them are what baselines are trained on.

    Parameters
    ----------
    forecasts : polars.DataFrame, [N, 2 or more]
        ``timestamp``, the time of the step that is forecast, in UTC, and ``forecast``, in the target's unit; where
        there are quantiles, also ``q05``, ``q25``, ``q50``, ``q75`` and ``q95`` (or ``0.05`` and so on). Of quantiles
        without a ``forecast`` it is the median.
    about : ForeignForecasts
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.
    what : str, default "the forecast"
        As a sentence begins with it.
    start, end : str, date or datetime, optional
        First and last step judged, inclusive; by default all that are forecast.

    Returns
    -------
    Evaluation

    Raises
    ------
    ConfigError
        Where a time is forecast twice or is no step of the history, a forecast is missing or too
        large, or none lies in the period.
    kallos_data.KallosError
        As in :func:`kallos_data.load_history`.
    """
    given = _checked(forecasts)
    period = Period.of(start, end)
    history = _history(about, db_kwargs)
    first, last = given["timestamp"][0], history.frame["timestamp"][-1]
    if first > last:
        raise ConfigError(
            f"begin at {first:%Y-%m-%d %H:%MZ}, and the history ends with {last:%Y-%m-%d %H:%MZ}: ingest newer rows, "
            "or wait for them",
            "forecasts",
        )
    before = history.frame.filter(pl.col("timestamp") < first)
    later = history.frame.filter(pl.col("timestamp") >= first)
    needed = 2 * about.look_back + about.purge
    if len(before) < needed:
        raise InsufficientDataError(
            needed,
            len(before),
            purpose=f"baselines beside forecasts from {first:%Y-%m-%d %H:%MZ} on",
            remedy="forecast later steps, or ingest a longer history before them",
        )
    steps = _steps(about, history, before, later)
    known = later["timestamp"].to_frame().join(given, on="timestamp", how="left", maintain_order="left")
    _refuse_other_times(given, later["timestamp"])
    around_zero = _around_zero(steps)
    of = Judged(
        what=what,
        asset_id=about.asset_id,
        target_col=about.target_col,
        metric=about.metric,
        around_zero=around_zero,
        step=history.step,
        look_back=about.look_back,
    )
    quantiles = known.select(QUANTILE_COLUMNS).to_numpy() if MEDIAN_COLUMN in known.columns else None
    values = known["forecast"]
    by_one = MemberForecasts(values.to_numpy()[None, :], quantiles)
    return judged(steps, by_one, of, period, only=values.is_not_null().to_numpy())


def _checked(forecasts: pl.DataFrame) -> pl.DataFrame:
    forecasts = with_median_as_forecast(forecasts)
    missing = [name for name in _COLUMNS if name not in forecasts.columns]
    if missing:
        raise MissingColumnsError(missing, forecasts.columns, where="the frame of forecasts")
    called = {"forecast": "forecast"} | quantile_columns_in(forecasts.columns)
    given = forecasts.select(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        *(pl.col(column).cast(pl.Float64).alias(name) for name, column in called.items()),
    ).sort("timestamp")
    if given.is_empty():
        raise ConfigError("hold no step", "forecasts")
    if given["timestamp"].is_duplicated().any():
        twice = given.filter(pl.col("timestamp").is_duplicated())["timestamp"][0]
        raise ConfigError(f"hold {twice:%Y-%m-%d %H:%MZ} twice: keep one forecast a step", "forecasts")
    for name in called:
        wrong = given.filter(pl.col(name).is_null() | ~pl.col(name).is_finite())
        if len(wrong):
            what = "no number" if name == "forecast" else f"no number as {name}"
            raise ConfigError(f"have {what} for {wrong['timestamp'][0]:%Y-%m-%d %H:%MZ}", "forecasts")
        large = given.filter(pl.col(name).abs() > _LARGEST)
        if len(large):
            raise ConfigError(
                f"have {large[name][0]:g} for {large['timestamp'][0]:%Y-%m-%d %H:%MZ}, too large to reckon with: write "
                "them in the unit of the target",
                "forecasts",
            )
    return given


def _refuse_other_times(given: pl.DataFrame, times: pl.Series) -> None:
    foreign = given.filter(~pl.col("timestamp").is_in(times.implode()))["timestamp"]
    beyond = foreign.filter(foreign > times[-1])
    if len(beyond):
        last = f"{times[-1]:%Y-%m-%d %H:%MZ}"
        logger.info("not judged yet are forecasts of steps after %s, the last one known: %d", last, len(beyond))
    if len(foreign) > len(beyond):
        inside = foreign.filter(foreign <= times[-1])
        raise ConfigError(
            f"are for {inside[0]:%Y-%m-%d %H:%MZ}, which is no step of the history: write the time of the row that is "
            "forecast, in UTC",
            "forecasts",
        )


def _history(about: ForeignForecasts, db_kwargs: Mapping[str, object] | str | DatabaseConfig) -> History:
    if about.feature_groups is not None:
        check_feature_groups(about.feature_groups, target_col=about.target_col)
    named = [column for columns in (about.feature_groups or {}).values() for column in columns]
    history = load_history(
        about.asset_id,
        None,
        db_kwargs,
        tables=about.tables,
        needed_columns=[about.target_col, *named],
        max_gap=about.max_gap,
        target_col=about.target_col,
        changes=changes_in(about.feature_groups or {}),
    )
    missing = [column for column in [about.target_col, *named] if column not in history.frame.columns[1:]]
    if missing:
        raise MissingColumnsError(missing, history.frame.columns[1:], where=f"the history of {about.asset_id}")
    return history


def _steps(about: ForeignForecasts, history: History, before: pl.DataFrame, later: pl.DataFrame) -> LaterSteps:
    values = before.filter(pl.col("timestamp").is_in(_observed_times(history).implode()))[about.target_col].to_numpy()
    groups = about.feature_groups
    if groups is None:
        groups = default_feature_groups(history.frame.columns[1:], about.target_col)
    fold = prepare_darts_timeseries(
        before[: len(before) - about.purge],
        later,
        about.target_col,
        groups,
        observed=history.observed,
        target_transform=choose_target_transform(values, positive=bool((history.frame[about.target_col] > 0).all())),
        purge=about.purge,
    )
    return LaterSteps(fold, later["timestamp"])


def _observed_times(history: History) -> pl.Series:
    return history.observed.filter("observed")["timestamp"]


def _around_zero(steps: LaterSteps) -> bool:
    truth = steps.fold.truth
    values = truth.values[: truth.n_train][truth.observed[: truth.n_train]]
    return truth.transform == "none" and bool(np.min(values) < 0 < np.max(values))
