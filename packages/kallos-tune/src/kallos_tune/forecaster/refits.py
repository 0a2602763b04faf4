"""What refitting on a schedule is worth, against the model that was trained once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from kallos_data import DatabaseConfig, History, Moment

from ..errors import ConfigError
from ..score_names import Metric
from ..verdict.accuracy import losses_of, skill_of
from ..verdict.figures import counted, per_cent, signed_per_cent
from ..verdict.resampling import block_length, skill_interval
from .evaluation import Evaluation, Judged
from .judging import Period, judged
from .later_steps import later_steps
from .newest import history_for
from .schedule import Schedule
from .trained import Floats, MemberForecasts, Trained, forecasts_of, member_forecasts


@dataclass(frozen=True, slots=True)
class RefitWorth:
    """How a schedule did beside its first model over the same steps.

    Attributes
    ----------
    every : str
    n_models : int
        Trainings whose forecasts were judged.
    skill : float or None
        ``1 - error / error of the first model``; None where that makes no error.
    interval_low, interval_high : float or None
        Its 95 % interval, by the stationary bootstrap.
    """

    every: str
    n_models: int
    skill: float | None
    interval_low: float | None
    interval_high: float | None

    def line(self) -> str:
        """Return it in words."""
        start = f"refitting every {self.every} ({counted(self.n_models, 'model')} in this period)"
        if self.n_models == 1:
            return f"{start}: the period is too short to tell, no later model had a part in it"
        if self.skill is None:
            return f"{start}: the model trained once makes no error here"
        side = "smaller" if self.skill > 0 else "larger"
        text = f"{start}: errors {per_cent(self.skill)} % {side} than those of the model trained once"
        low, high = self.interval_low, self.interval_high
        if low is None or high is None:
            return text
        open_ = "" if low > 0 or high < 0 else ": no evidence that it matters"
        return f"{text}, 95 % interval {signed_per_cent(low)} to {signed_per_cent(high)} %{open_}"

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        return asdict(self) | {"line": self.line()}


def evaluate_schedule(
    schedule: Schedule,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    looks: int | None = None,
) -> tuple[Evaluation, RefitWorth]:
    """Judge a schedule of forecasters: each step is forecast by the newest one that was trained before it.

    Parameters
    ----------
    schedule : Schedule
    db_kwargs : mapping, str or DatabaseConfig
    start, end, looks
        As of :func:`kallos_tune.evaluate_forecaster`.

    Returns
    -------
    tuple of Evaluation and RefitWorth

    Raises
    ------
    ConfigError, kallos_data.KallosError
        As in :func:`kallos_tune.evaluate_forecaster`.
    """
    first = schedule.models[0]
    card, period = first.card, Period.of(start, end)
    if period.first is not None and period.first <= card.last_known:
        raise ConfigError(
            f"must lie after {card.last_known:%Y-%m-%d %H:%MZ}, the last step that the first model knows", "start"
        )
    period.require_later(card.last_known, card.grid_step)
    history = history_for(card, db_kwargs, end=period.last)
    steps = later_steps(card, history, after=card.last_known)
    refitted = _joined(_in_turn(schedule.models, history))
    of = Judged(
        what=f"{first.what}, refitted every {schedule.every},",
        asset_id=card.asset_id,
        target_col=card.target_col,
        metric=card.metric,  # pyright: ignore[reportArgumentType] - it is checked when a card is read
        around_zero=card.around_zero,
        step=card.grid_step,
        look_back=first.look_back - card.purge,
        trained_until=card.last_known,
        looks=looks,
    )
    evaluation = judged(steps, refitted, of, period)
    data = evaluation.data
    at_judged = np.isin(steps.times.dt.replace_time_zone(None).to_numpy(), data.times)
    once = member_forecasts(first.members, steps.fold).mean(axis=0)[at_judged]
    began = [model.card.last_known.replace(tzinfo=None) for model in schedule.models]
    n_models = sum(np.datetime64(moment) < data.times[-1] for moment in began)
    return evaluation, _worth(schedule.every, int(n_models), evaluation, once, card.horizon)


def _joined(parts: list[MemberForecasts]) -> MemberForecasts:
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    values = np.concatenate([part.values for part in parts], axis=1)
    return MemberForecasts(values, np.concatenate(quantiles) if quantiles else None)


def _in_turn(models: tuple[Trained, ...], history: History) -> list[MemberForecasts]:
    """Return the forecasts of each model from its training to the next one's."""
    last: list[datetime | None] = [model.card.last_known for model in models[1:]]
    found: list[MemberForecasts] = []
    for model, until in zip(models, [*last, None], strict=True):
        frame = history.frame if until is None else history.frame.filter(pl.col("timestamp") <= until)
        if frame["timestamp"][-1] <= model.card.last_known:
            break
        steps = later_steps(model.card, replace(history, frame=frame), after=model.card.last_known)
        found.append(forecasts_of(model.members, steps.fold))
    return found


def _worth(every: str, n_models: int, refitted: Evaluation, once: Floats, horizon: int) -> RefitWorth:
    metric: Metric = refitted.of.metric
    losses = losses_of(metric, refitted.data.actual, refitted.data.forecast)
    of_first = losses_of(metric, refitted.data.actual, once)
    interval = None
    if refitted.verdict.conclusion != "not judged" and (losses != of_first).any():
        block = block_length(losses, of_first, at_least=horizon)
        interval = skill_interval(metric, losses, of_first, block=block, seed=0)
    low, high = interval or (None, None)
    return RefitWorth(every, n_models, skill_of(metric, losses, of_first), low, high)
