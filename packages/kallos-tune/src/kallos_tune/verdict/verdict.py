"""What may be announced of a study: plain numbers and words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ..settings import Forecast
from .findings import Findings, with_tuples


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
class Verdict(Findings):
    """Whether the average of a study's best trials, chosen fold by fold, beats a naive forecast out of sample.

    Numbers are None where they cannot be had: all of them where nothing was judged, tests where forecasts are
    recursive, a skill where the naive forecast makes no error.

    Attributes
    ----------
    conclusion, reason, remedy, metric, horizon, n_steps, first, last : see :class:`Findings`
    skill, skill_against, r2_oos, interval_low, interval_high, detectable_skill : see :class:`Findings`
        Of the judged folds in one row; the naive forecast to beat is the one chosen for each fold.
    clark_west_statistic, clark_west_p, clark_west_p_against : see :class:`Findings`
    diebold_mariano_statistic, diebold_mariano_p : see :class:`Findings`
    hinge_times, skill_without_hinges, hinges_turn_sign : see :class:`Findings`
    forecast : {"rolling", "recursive"}
    n_average : int
        How many trials are averaged in each fold, where there are as many.
    n_folds, n_trials, n_complete : int
        Folds of the study, judged or not; trials known, and those that finished every fold.
    search_score, search_naive_score : float or None
        Lowest mean error over all folds of a complete trial, and of a naive forecast, both chosen after the fact.
    search_naive : str or None
        Which naive forecast that is.
    search_skill : float or None
        The skill that these two scores come to.
    score_name : {"error", "pinball"}
        What these three are about: the error that the metric names, or the pinball loss of quantiles. All other skills
        are then those of the median forecast.
    folds : tuple of FoldVerdict
    skipped : tuple of SkippedFold
    single_skill : float or None
        That of the best single trial, chosen in the same way; nothing is concluded from it.
    optimism : float or None
        ``search_skill - skill``: what choosing and quoting on the same windows adds; None where the two measure
        different things.
    spa_p : float or None
        That the best of all complete trials is no better than the naive forecast.
    spa_trials : int
        How many these are.
    """

    forecast: Forecast
    n_average: int
    n_folds: int
    n_trials: int
    n_complete: int
    search_score: float | None = None
    search_naive_score: float | None = None
    search_naive: str | None = None
    search_skill: float | None = None
    score_name: Literal["error", "pinball"] = "error"
    folds: tuple[FoldVerdict, ...] = ()
    skipped: tuple[SkippedFold, ...] = ()
    single_skill: float | None = None
    optimism: float | None = None
    spa_p: float | None = None
    spa_trials: int = 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the verdict that :meth:`to_dict` was called on, also after a way through JSON."""
        facts: dict[str, Any] = {
            **with_tuples(values),
            "folds": tuple(FoldVerdict(**with_tuples(fold)) for fold in values["folds"]),
            "skipped": tuple(SkippedFold(**fold) for fold in values["skipped"]),
        }
        return cls(**facts)
