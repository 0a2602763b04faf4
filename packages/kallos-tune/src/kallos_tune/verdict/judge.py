"""From evidence to verdict: choose on earlier folds, put the steps in one row, test, conclude."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..errors import ConfigError
from ..score_names import PINBALL, Metric
from ..settings import Forecast
from .detectable import LEVEL
from .evidence import JudgedFold, TrialEvidence, check_evidence
from .facts import (
    choice_facts,
    facts_of_all_trials,
    facts_of_tests,
    fold_verdict,
    interval_facts,
    skipped_folds,
    study_facts,
    window_interval_facts,
)
from .findings import Conclusion
from .unjudged import why_nothing_is_judged
from .verdict import Verdict
from .walk_forward import walk_forward

N_AVERAGE: Final = 5
FEWEST_WINDOWS: Final = 10
"""Judged steps that do not overlap, at least, for a verdict."""


def judge(
    folds: Sequence[JudgedFold],
    trials: Sequence[TrialEvidence],
    *,
    metric: Metric,
    horizon: int,
    forecast: Forecast,
    n_average: int = N_AVERAGE,
    seed: int = 0,
) -> Verdict:
    """Return what may be said of a study's models, from what each trial forecast of folds that it was not chosen on.

    "Beats" needs a one-sided Clark-West p below 0.025 and a skill above 0, against the naive forecast chosen on earlier
    folds and against every other one: which of them comes out as the one to beat is itself a matter of luck. "Worse" is
    where the whole 95 % interval of the skill lies below 0. Everything else is "no evidence".

    A recursive forecast of a window is one forecast, whatever the number of its steps: its errors hang together. Such
    a study has as many as judged folds, too few for any test, and so a skill, from two judged folds on an interval, and
    never "beats".

    Parameters
    ----------
    folds : sequence of JudgedFold
        All folds of the study, oldest first.
    trials : sequence of TrialEvidence
        All its trials, in any order, pruned ones too.
    metric : {"rmse", "mae"}
        Of skills, interval, Diebold-Mariano and SPA; Clark-West is about squared errors in any case.
    horizon : int
        Steps from the last known one to the forecast one: 1 + purge.
    forecast : {"rolling", "recursive"}
    n_average : int, default 5
        How many trials are averaged; fewer where there are fewer.
    seed : int, default 0
        Of the resampling.

    Returns
    -------
    Verdict
        "not judged", with reason and remedy, where there is too little to judge.

    Raises
    ------
    ConfigError
        Where folds and trials do not fit together, or a number is below 1.
    """
    for name, number in {"horizon": horizon, "n_average": n_average}.items():
        if number < 1:
            raise ConfigError(f"must be 1 or more, not {number}", name)
    check_evidence(folds, trials)
    walked = walk_forward(folds, trials, metric=metric, n_average=n_average)
    choices, usable, sample = walked.choices, walked.usable, walked.sample
    facts: dict[str, Any] = {
        "metric": metric,
        "forecast": forecast,
        "horizon": horizon,
        "n_average": n_average,
        **study_facts(folds, trials, metric),
        "skipped": skipped_folds(folds, choices),
    }
    if sample is not None:
        facts["n_steps"] = len(sample)
    if why := why_nothing_is_judged(folds, choices, sample, fewest=FEWEST_WINDOWS * horizon):
        return Verdict(conclusion="not judged", reason=why.reason, remedy=why.remedy, skill_against={}, **facts)
    assert sample is not None
    facts |= {
        "folds": tuple(fold_verdict(sample, choice, metric) for choice in usable),
        # A skill by pinball loss and one by absolute error differ by more than optimism.
        **choice_facts(sample, metric, None if facts.get("score_name") == PINBALL else facts["search_skill"]),
    }
    if forecast == "rolling":
        facts |= interval_facts(sample.compared, metric, horizon, seed)
        facts |= facts_of_tests(sample.compared, metric, horizon)
        facts |= facts_of_all_trials(sample, metric, horizon, seed)
    else:
        facts |= window_interval_facts(sample, metric)
    return Verdict(conclusion=conclude(facts), **facts)


def conclude(facts: Mapping[str, Any]) -> Conclusion:
    """Return the conclusion of skills, Clark-West p and interval, by the names that they have in a verdict."""
    skills = [facts["skill"], *facts["skill_against"].values()]
    ps = [facts.get("clark_west_p"), *facts.get("clark_west_p_against", {}).values()]
    if all(p is not None and p < LEVEL for p in ps) and all(skill is not None and skill > 0 for skill in skills):
        return "beats"
    high = facts["interval_high"]
    return "worse" if high is not None and high < 0 else "no evidence"
