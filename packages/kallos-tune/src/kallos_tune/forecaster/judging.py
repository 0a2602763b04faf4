"""From forecasts of later steps to what may be said of them, beside forecasts that cost nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import polars as pl

from kallos_data import Moment, Step, first_moment, last_moment
from kallos_models import QUANTILES

from ..errors import ConfigError
from ..evaluation.baselines import baseline_forecasts, season_of
from ..evaluation.quantiles import naive_quantiles
from ..evaluation.scoring import Mask, error, mean_is_a_rival, naive_forecasts, naive_of_training
from ..settings import FoldSettings
from ..verdict.accuracy import skill_of_errors
from ..verdict.hold_out import HoldOut, baseline_skills, judge_hold_out
from ..verdict.quantiles import QuantileFindings, judge_quantiles
from .evaluation import Evaluation, Judged, Score
from .later_steps import LaterSteps
from .trained import Floats, MemberForecasts


@dataclass(frozen=True, slots=True)
class Period:
    """The steps asked for: first and last moment, inclusive, UTC; None for as many as there are."""

    first: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(cls, start: Moment | None, end: Moment | None) -> Self:
        """Read what was asked for.

        Raises
        ------
        ConfigError
            Where the start lies after the end.
        kallos_data.ConfigError
            Where one is no date.
        """
        first = None if start is None else first_moment(start, name="start")
        last = None if end is None else last_moment(end, name="end")
        if first is not None and last is not None and first > last:
            raise ConfigError(f"must not lie after the end {end}, as {start} does", "start")
        return cls(first, last)

    def require_later(self, known: datetime, step: Step) -> None:
        """Refuse a period that ends before the first step after a training.

        Raises
        ------
        ConfigError
            Where it does.
        """
        if self.last is not None and self.last < step.next(known):
            raise ConfigError(
                f"must lie after {known:%Y-%m-%d %H:%MZ}, the last step that had a part in the training", "end"
            )

    def holds(self, times: pl.Series) -> Mask:
        """Return which of ``times [T]`` lie in it."""
        inside = np.ones(len(times), dtype=bool)
        if self.first is not None:
            inside &= (times >= self.first).to_numpy()
        if self.last is not None:
            inside &= (times <= self.last).to_numpy()
        return inside


def judged(
    steps: LaterSteps, forecasts: MemberForecasts, of: Judged, period: Period, *, only: Mask | None = None
) -> Evaluation:
    """Judge the mean of members' forecasts, and their quantiles, at the observed steps of a period.

    Parameters
    ----------
    steps : LaterSteps
    forecasts : MemberForecasts
        Of the later steps.
    of : Judged
    period : Period
    only : numpy.ndarray, bool, [T_val], optional
        Steps that there are forecasts of; all where left out.

    Raises
    ------
    ConfigError
        Where no observed step lies in the period.
    """
    fold, truth = steps.fold, steps.fold.truth
    asked_for = period.holds(steps.times) if only is None else period.holds(steps.times) & only
    scored = fold.val_observed & asked_for
    if not scored.any():
        raise ConfigError(
            f"leaves no observed step: those after the training are {steps.times[0]:%Y-%m-%d %H:%MZ} to "
            f"{steps.times[-1]:%Y-%m-%d %H:%MZ}",
            "start" if period.first is not None else "end",
        )
    settings, members = FoldSettings(metric=of.metric), forecasts.values
    with_mean = mean_is_a_rival(truth)
    naive = naive_forecasts(truth, settings, with_mean=with_mean, around_zero=of.around_zero)
    season = None if of.step.working_days else season_of(of.step.length.total_seconds())
    baselines = baseline_forecasts(fold, look_back=of.look_back, season=season)
    baselines = {name: forecast[scored] for name, forecast in baselines.items()}
    data = HoldOut(
        times=steps.times.dt.replace_time_zone(None).to_numpy()[scored],
        actual=fold.actual[scored],
        forecast=members.mean(axis=0)[scored],
        naive={name: forecast[scored] for name, forecast in naive.items()},
        to_beat=naive_of_training(truth, of.metric, around_zero=of.around_zero),
        known=truth.known[truth.val_start :][scored],
    )
    quantiles = None if forecasts.quantiles is None else forecasts.quantiles[scored]
    return Evaluation(
        of=of,
        data=data,
        members=members[:, scored],
        baselines=baselines,
        verdict=judge_hold_out(data, metric=of.metric, horizon=1 + fold.purge),
        baseline_skills=baseline_skills(data, baselines, metric=of.metric),
        scores=_scores(data, baselines, of),
        n_filled=int((asked_for & ~fold.val_observed).sum()),
        n_left_out=int(
            fold.val_observed[np.argmax(scored) : len(scored) - np.argmax(scored[::-1])].sum() - scored.sum()
        ),
        quantiles=quantiles,
        of_quantiles=None if quantiles is None else _of_quantiles(steps, data, quantiles, scored, of),
    )


def _n_left_out(observed: Mask, scored: Mask) -> int:
    """Return how many observed steps between the first and the last scored one are not scored."""
    places = np.flatnonzero(scored)
    return int(observed[places[0] : places[-1] + 1].sum()) - len(places)


def _of_quantiles(
    steps: LaterSteps, data: HoldOut, quantiles: Floats, scored: Mask, of: Judged
) -> QuantileFindings | None:
    """Return what is found of quantiles, None where one is not finite."""
    if not np.isfinite(quantiles).all():
        return None
    naive = naive_quantiles(steps.fold.truth, FoldSettings(metric=of.metric), around_zero=of.around_zero)
    return judge_quantiles(
        data.actual,
        quantiles,
        QUANTILES,
        naive=data.to_beat,
        naive_forecasts=naive[data.to_beat][scored],
        horizon=1 + steps.fold.purge,
    )


def _scores(data: HoldOut, baselines: dict[str, Floats], of: Judged) -> tuple[Score, ...]:
    """Return the errors of all that was judged: the forecaster first, then by error."""
    naive_error = error(of.metric, data.actual, data.naive[data.to_beat])

    def score(name: str, kind: str, forecast: Floats) -> Score:
        rmse, mae = (error(metric, data.actual, forecast) for metric in ("rmse", "mae"))
        own = rmse if of.metric == "rmse" else mae
        return Score(name=name, kind=kind, rmse=rmse, mae=mae, skill=skill_of_errors(own, naive_error))

    others = [score(name, "naive", forecast) for name, forecast in data.naive.items()]
    others += [score(name, "baseline", forecast) for name, forecast in baselines.items()]
    others.sort(key=lambda each: each.rmse if of.metric == "rmse" else each.mae)
    return (score(of.what, "forecaster", data.forecast), *others)
