"""What may be announced of a study: plain numbers and words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from ..settings import Forecast, Metric

Conclusion = Literal["beats", "no evidence", "worse", "not judged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldVerdict:
    """One judged fold.

    Attributes
    ----------
    number, n_steps : int
    first, last : str
        Times of its first and last judged step, ISO 8601.
    trials : tuple of int
        Numbers of the trials whose forecasts were averaged, the best on earlier folds first.
    naive : str
        The naive forecast to beat, chosen on earlier folds too.
    skill : float or None
        Of the average, against that; None where the naive forecast made no error.
    not_finite : tuple of int
        Trials left out because their forecast was not finite.
    """

    number: int
    n_steps: int
    first: str
    last: str
    trials: tuple[int, ...]
    naive: str
    skill: float | None
    not_finite: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFold:
    """A fold after the first that could not be judged.

    Attributes
    ----------
    number : int
    reason : str
        ``"no step was observed"``, for instance.
    """

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the average of a study's best trials, chosen fold by fold, beats a naive forecast out of sample.

    Numbers are None where they cannot be had: all of them where nothing was judged, tests where forecasts are
    recursive, a skill where the naive forecast makes no error.

    Attributes
    ----------
    conclusion : {"beats", "no evidence", "worse", "not judged"}
    reason, remedy : str or None
        Why there is no verdict, and what to do about it.
    metric, forecast : str
    horizon : int
        Steps from the last known one to the forecast one.
    n_average : int
        How many trials are averaged in each fold, where there are as many.
    n_folds, n_trials, n_complete : int
        Folds of the study, judged or not; trials known, and those that finished every fold.
    search_score, search_naive_score : float or None
        Lowest mean error over all folds of a complete trial, and of a naive forecast, both chosen after the fact.
    search_skill : float or None
        The skill that these two come to.
    folds : tuple of FoldVerdict
    skipped : tuple of SkippedFold
    n_steps : int
        Judged steps.
    first, last : str or None
        Times of the first and last of them, ISO 8601.
    skill : float or None
        ``1 - error / error of the naive forecast`` over all judged steps, against the one chosen in each fold.
    skill_against : mapping of str to float or None
        The same against each naive forecast by name.
    single_skill : float or None
        That of the best single trial, chosen in the same way; nothing is concluded from it.
    optimism : float or None
        ``search_skill - skill``: what choosing and quoting on the same windows adds.
    r2_oos : float or None
        Out-of-sample R² against the training mean.
    clark_west_statistic, clark_west_p, diebold_mariano_statistic, diebold_mariano_p : float or None
        One-sided, against the naive forecast chosen in each fold.
    clark_west_p_against : mapping of str to float
        The same p-value against each naive forecast by name, in all folds.
    interval_low, interval_high : float or None
        The skill's 95 % interval.
    detectable_skill : float or None
        Would have been found in 80 % of cases.
    spa_p : float or None
        That the best of all complete trials is no better than the naive forecast.
    spa_trials : int
        How many these are.
    hinge_times : tuple of str
        Times of the one step in a hundred that holds up the sign of the skill most.
    skill_without_hinges : float or None
    hinges_turn_sign : bool
        Whether the skill has another sign without them.
    """

    conclusion: Conclusion
    reason: str | None = None
    remedy: str | None = None
    metric: Metric
    forecast: Forecast
    horizon: int
    n_average: int
    n_folds: int
    n_trials: int
    n_complete: int
    search_score: float | None = None
    search_naive_score: float | None = None
    search_skill: float | None = None
    folds: tuple[FoldVerdict, ...] = ()
    skipped: tuple[SkippedFold, ...] = ()
    n_steps: int = 0
    first: str | None = None
    last: str | None = None
    skill: float | None = None
    skill_against: Mapping[str, float | None]
    single_skill: float | None = None
    optimism: float | None = None
    r2_oos: float | None = None
    clark_west_statistic: float | None = None
    clark_west_p: float | None = None
    clark_west_p_against: Mapping[str, float] = field(default_factory=dict[str, float])
    diebold_mariano_statistic: float | None = None
    diebold_mariano_p: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    detectable_skill: float | None = None
    spa_p: float | None = None
    spa_trials: int = 0
    hinge_times: tuple[str, ...] = ()
    skill_without_hinges: float | None = None
    hinges_turn_sign: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict in JSON's own types."""
        return {name: _as_json(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the verdict that :meth:`to_dict` was called on, also after a way through JSON."""
        facts: dict[str, Any] = {
            **_with_tuples(values),
            "folds": tuple(FoldVerdict(**_with_tuples(fold)) for fold in values["folds"]),
            "skipped": tuple(SkippedFold(**fold) for fold in values["skipped"]),
        }
        return cls(**facts)


def _as_json(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _as_json(each) for name, each in value.items()}
    return value


def _with_tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
