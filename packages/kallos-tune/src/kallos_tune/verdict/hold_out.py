"""From forecasts of a hold-out period to a verdict, by the rules of a study's end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..score_names import Metric
from .accuracy import error_of, losses_of, skill_of
from .compared import Compared, but_rounding
from .direction import direction_of, rank_correlation
from .evidence import ZERO, Floats, Times
from .facts import facts_of_tests, interval_facts, skill_facts
from .figures import in_iso
from .hold_out_verdict import HoldOutVerdict
from .judge import FEWEST_WINDOWS, conclude
from .unjudged import Unjudged, naive_without_error, too_few_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """What is judged, at the observed steps of the period only, oldest first.

    Attributes
    ----------
    times : numpy.ndarray, datetime64, [N]
        Sorted, each once; may be empty.
    actual : numpy.ndarray, float64, [N]
        The target, in its own unit.
    forecast : numpy.ndarray, float64, [N]
        Made step by step, each from what was known ``horizon`` steps before.
    naive : mapping of str to numpy.ndarray, float64, [N]
        Naive forecasts by name: of zero (for a target that swings around it), the training mean, the last value.
    to_beat : str
        The name of the one with the lowest error over the training window.
    known : numpy.ndarray, float64, [N]
        The last value known before each step. Directions count from it, and from 0 where zero is a naive forecast.
    """

    times: Times
    actual: Floats
    forecast: Floats
    naive: Mapping[str, Floats]
    to_beat: str
    known: Floats


def judge_hold_out(data: HoldOut, *, metric: Metric, horizon: int, seed: int = 0) -> HoldOutVerdict:
    """Return what may be said of forecasts of a period that had no part in any choice.

    The rules are those of :func:`kallos_tune.judge_study`: "beats" needs a one-sided Clark-West p below 0.025 and a
    skill above 0, against the naive forecast to beat and every other; "worse" is where the whole 95 % interval of the
    skill lies below 0; everything else is "no evidence".

    Parameters
    ----------
    data : HoldOut
    metric : {"rmse", "mae"}
        Of skill, interval and Diebold-Mariano; Clark-West is about squared errors in any case.
    horizon : int
        Steps from the last known one to the forecast one: 1 + purge.
    seed : int, default 0
        Of the resampling.

    Returns
    -------
    HoldOutVerdict
        "not judged", with reason and remedy, where there are fewer than ten steps that do not overlap, a forecast is
        not finite, or the naive forecast to beat makes no error. Errors are told where the forecasts are finite.

    Raises
    ------
    ConfigError
        Where the horizon is below 1, ``to_beat`` is none of the naive forecasts, lengths differ, times are not sorted,
        or a truth, a naive forecast or a last known value is not finite.
    """
    if horizon < 1:
        raise ConfigError(f"must be 1 or more, not {horizon}", "horizon")
    _check(data)
    facts: dict[str, Any] = {
        "metric": metric,
        "horizon": horizon,
        "to_beat": data.to_beat,
        "n_steps": len(data.actual),
        **_span(data.times),
    }
    finite = bool(np.isfinite(data.forecast).all())
    if finite and len(data.actual):
        facts |= _errors(data)
    if why := _why_not_judged(data, fewest=FEWEST_WINDOWS * horizon):
        return HoldOutVerdict(conclusion="not judged", reason=why.reason, remedy=why.remedy, skill_against={}, **facts)
    to_beat = data.naive[data.to_beat]
    forecast = but_rounding(data.forecast, data.actual, to_beat)
    compared = Compared(data.times, data.actual, forecast, to_beat, data.naive)
    facts |= skill_facts(compared, metric)
    facts |= interval_facts(compared, metric, horizon, seed)
    facts |= facts_of_tests(compared, metric, horizon)
    reference = 0.0 if ZERO in data.naive else data.known
    return HoldOutVerdict(
        conclusion=conclude(facts),
        direction=direction_of(data.actual, forecast, reference, horizon=horizon),
        rank_correlation=rank_correlation(data.actual, forecast, reference),
        **facts,
    )


def baseline_skills(data: HoldOut, baselines: Mapping[str, Floats], *, metric: Metric) -> dict[str, float | None]:
    """Return the skill of other forecasts of the same steps, against the same naive forecast to beat.

    Parameters
    ----------
    data : HoldOut
    baselines : mapping of str to numpy.ndarray, float64, [N]
        By name, as of :func:`kallos_tune.baseline_forecasts`, at the steps of ``data``.
    metric : {"rmse", "mae"}

    Returns
    -------
    dict of str to float or None
        As :attr:`HoldOutVerdict.skill`: what exceeds that did better than the forecast judged.

    Raises
    ------
    ConfigError
        As :func:`judge_hold_out`, and where a baseline has another length.
    """
    _check(data)
    for name, forecast in baselines.items():
        if len(forecast) != len(data.actual):
            raise ConfigError(f"has {len(forecast)} steps of {name!r} and {len(data.actual)} of the truth", "baselines")
    if not len(data.actual):
        return dict.fromkeys(baselines)
    to_beat = losses_of(metric, data.actual, data.naive[data.to_beat])
    return {name: skill_of(metric, losses_of(metric, data.actual, each), to_beat) for name, each in baselines.items()}


def _check(data: HoldOut) -> None:
    if data.to_beat not in data.naive:
        raise ConfigError(f"must be one of {', '.join(data.naive)}, not {data.to_beat}", "to_beat")
    if not (np.diff(data.times) > np.timedelta64(0)).all():
        raise ConfigError("must be sorted, each once: bring the steps in order", "times")
    rows: dict[str, Floats] = {"actual": data.actual, "known": data.known, **data.naive}
    for name, values in {"forecast": data.forecast, **rows}.items():
        if len(values) != len(data.times):
            raise ConfigError(f"has {len(values)} values of {name!r} and {len(data.times)} times", "data")
    for name, values in rows.items():
        if not np.isfinite(values).all():
            raise ConfigError(f"has a value of {name!r} that is not finite: leave such steps out", "data")


def _span(times: Times) -> dict[str, str]:
    return {"first": in_iso(times[0]), "last": in_iso(times[-1])} if len(times) else {}


def _errors(data: HoldOut) -> dict[str, Any]:
    def error(metric: Metric, forecast: Floats) -> float:
        return error_of(metric, losses_of(metric, data.actual, forecast))

    return {
        "rmse": error("rmse", data.forecast),
        "mae": error("mae", data.forecast),
        "naive_rmse": {name: error("rmse", each) for name, each in data.naive.items()},
        "naive_mae": {name: error("mae", each) for name, each in data.naive.items()},
    }


def _why_not_judged(data: HoldOut, *, fewest: int) -> Unjudged | None:
    n_wrong = int((~np.isfinite(data.forecast)).sum())
    if n_wrong:
        return Unjudged(
            f"{n_wrong} of {len(data.forecast)} forecasts {'is' if n_wrong == 1 else 'are'} infinite or not a number",
            "give a number for every step; a model that forecasts none has diverged, train it at a lower rate",
        )
    if len(data.actual) < fewest:
        return too_few_steps(
            len(data.actual), fewest, "let the period begin earlier, after the training ends, or wait for newer rows"
        )
    return naive_without_error(data.actual, data.naive[data.to_beat])
