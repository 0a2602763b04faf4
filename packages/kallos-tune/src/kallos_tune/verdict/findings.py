"""What is found where a row of forecasts is compared with naive ones: of a study's folds, or of a hold-out period."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..score_names import Metric

Conclusion = Literal["beats", "no evidence", "worse", "not judged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Skill, interval and tests of forecasts beside naive ones, and what is concluded from them.

    Numbers are None where they cannot be had: all of them where nothing was judged, a skill where the naive forecast
    makes no error.

    Attributes
    ----------
    conclusion : {"beats", "no evidence", "worse", "not judged"}
    reason, remedy : str or None
        Why there is no verdict, and what to do about it.
    metric : {"rmse", "mae"}
    horizon : int
        Steps from the last known one to the forecast one.
    n_steps : int
        Judged steps.
    first, last : str or None
        Times of the first and last of them, ISO 8601.
    skill : float or None
        ``1 - error / error of the naive forecast to beat`` over all judged steps.
    skill_against : mapping of str to float or None
        The same against each naive forecast by name.
    r2_oos : float or None
        Out-of-sample R² against the training mean; None where that is no naive forecast of this target.
    clark_west_statistic, clark_west_p : float or None
        Of the test that a model knows something that the naive forecast does not; a p of its own without variance.
    clark_west_p_against : mapping of str to float
        The same p against each naive forecast by name.
    diebold_mariano_statistic, diebold_mariano_p : float or None
        Of the test that the error is smaller.
    interval_low, interval_high : float or None
        The 95 % interval of the skill.
    detectable_skill : float or None
        The skill that such a test on as many steps would have found in 80 of 100 cases; None also where no forecast,
        however good, would have been found out.
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
    horizon: int
    n_steps: int = 0
    first: str | None = None
    last: str | None = None
    skill: float | None = None
    skill_against: Mapping[str, float | None]
    r2_oos: float | None = None
    clark_west_statistic: float | None = None
    clark_west_p: float | None = None
    clark_west_p_against: Mapping[str, float] = field(default_factory=dict[str, float])
    diebold_mariano_statistic: float | None = None
    diebold_mariano_p: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    detectable_skill: float | None = None
    hinge_times: tuple[str, ...] = ()
    skill_without_hinges: float | None = None
    hinges_turn_sign: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict in JSON's own types."""
        return {name: _as_json(value) for name, value in asdict(self).items()}


def with_tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as they were before JSON made lists of their tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}


def _as_json(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _as_json(each) for name, each in value.items()}
    return value
