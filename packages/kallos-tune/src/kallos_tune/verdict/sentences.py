"""The sentences that the verdict of a study and that of a hold-out period share."""

import math
from typing import Final, Literal

from .detectable import LEVEL
from .evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from .figures import counted, listed, p_value, per_cent, signed_per_cent
from .findings import Findings

Subject = Literal["study", "hold-out"]
"""What is judged: one of many such in which luck plays its part."""

NO_EVIDENCE: Final = "verdict: no evidence that this model beats a naive forecast"
WORSE: Final = (
    "verdict: worse than a naive forecast, the whole interval lies below zero: do not trade on it, nor on its reverse"
)

_NAIVE = {ZERO: "a forecast of zero", TRAINING_MEAN: "the training mean", LAST_VALUE: "the last value"}
_MANY = {"study": "studies", "hold-out": "hold-outs"}
_BEST_BEFORE = {"study": "on earlier folds", "hold-out": "before these steps"}
_LONGER = {"study": "take a longer history", "hold-out": "judge a longer period"}
_COUNT = {"study": "count all you have run", "hold-out": "count all you have judged"}


def naive_in_words(name: str) -> str:
    """Return a naive forecast by its name as it stands in a sentence: the training mean."""
    return _NAIVE.get(name, f"the naive forecast {name!r}")


def period(findings: Findings) -> str:
    """Return how many steps were judged, and which: 456 steps from 2021-10-05 to 2023-01-03."""
    one_time = findings.first == findings.last
    when = f"on {findings.first}" if one_time else f"from {findings.first} to {findings.last}"
    return f"{counted(findings.n_steps, 'step')} {when}"


def compared(skill: float | None) -> str:
    """Return by how much errors are smaller or larger: 0.3 % worse than."""
    if skill is None:
        return "worse than"
    if skill == 0:
        return "exactly as good as"
    return f"{per_cent(skill)} % {'better' if skill > 0 else 'worse'} than"


def interval_of_skill(findings: Findings) -> str:
    """Return the interval of the skill as it follows a comparison that says the skill; nothing where there is none."""
    if findings.skill is None or findings.interval_low is None or findings.interval_high is None:
        return ""
    low, high = map(signed_per_cent, (findings.interval_low, findings.interval_high))
    return f", 95 % interval {low} to {high} % (+ is better)"


def against_each(findings: Findings, subject: Subject) -> str:
    """Return the line of the skill against each naive forecast, the best of these steps first.

    The skill that is announced is against another one, maybe: what was best here was not known before.
    """
    each = sorted(findings.skill_against.items(), key=lambda one: -math.inf if one[1] is None else one[1])
    shown = [
        f"{naive_in_words(name)} {'makes no error' if skill is None else signed_per_cent(skill) + ' %'}"
        for name, skill in each
    ]
    return (
        "the model against each naive forecast (+ is better; the verdict goes by the one that did best "
        f"{_BEST_BEFORE[subject]}): {', '.join(shown)}"
    )


def beats(findings: Findings, subject: Subject) -> str:
    """Return the claim, and how often luck makes it."""
    p = decisive_p(findings)
    return (
        f"verdict: beats every naive forecast on these {counted(findings.n_steps, 'step')} "
        f"({p_in_words(findings, p)}). By this test, luck alone does this in {how_rare(p, subject)}: "
        f"{_COUNT[subject]}"
    )


def how_much_is_open(findings: Findings) -> list[str]:
    """Return the line of a claim whose interval reaches below zero."""
    low, high = findings.interval_low, findings.interval_high
    if low is None or high is None or low > 0:
        return []
    return [f"how much better is open: from {signed_per_cent(low)} % (worse) to {signed_per_cent(high)} %"]


def no_evidence(findings: Findings, to_beat: str) -> str:
    """Return the sentence of no evidence, where a test was made; ``to_beat`` names the naive forecast in words."""
    if not has_signal(findings):
        return f"{NO_EVIDENCE} ({p_in_words(findings)}): do not trade on it"
    if loses(findings):
        return f"{NO_EVIDENCE}, its errors are not smaller: do not trade on it"
    unbeaten = [naive_in_words(name) for name in findings.skill_against if not _beaten(findings, name)]
    return (
        f"{NO_EVIDENCE}: it is better than {to_beat} ({p_in_words(findings)}), but nothing says so of "
        f"{listed(unbeaten)}. Do not trade on it"
    )


def overstated(findings: Findings, subject: Subject) -> list[str]:
    """Return what is to be said where a signal is found and the errors are larger all the same."""
    if findings.clark_west_p is None or not has_signal(findings) or not loses(findings):
        return []
    line = (
        f"maybe a signal ({p_in_words(findings)}; luck does this in {how_rare(findings.clark_west_p, subject)}): it "
        "strays from the naive forecast in the right direction, but too far. As it is, it loses"
    )
    return [line]


def power(findings: Findings, subject: Subject) -> str:
    """Return what would have shown."""
    if findings.detectable_skill is None:
        return f"With so few steps no difference, however large, would have shown: {_LONGER[subject]}"
    by_rmse = " by RMSE" if findings.metric == "mae" else ""
    return (
        f"Errors {per_cent(findings.detectable_skill)} % smaller{by_rmse} than the naive forecast's would have shown "
        f"in 4 of 5 such {_MANY[subject]}; smaller differences this test cannot tell"
    )


def hinges(findings: Findings) -> list[str]:
    """Return on which steps a claim hinges, where its sign turns without them."""
    if not findings.hinges_turn_sign or findings.conclusion == "no evidence":
        return []
    times = findings.hinge_times
    shown = listed(times) if len(times) <= 5 else f"{', '.join(times[:5])} and {len(times) - 5} more"
    then = (
        "do not trade on it, such days may not come again" if findings.conclusion == "beats" else "such days come again"
    )
    line = (
        f"this hinges on {len(times)} of {counted(findings.n_steps, 'step')} ({shown}): on all others it is "
        f"{compared(findings.skill_without_hinges)} naive: {then}"
    )
    return [line]


def p_in_words(findings: Findings, p: float | None = None) -> str:
    """Return a p-value, by default that of the naive forecast to beat; under MAE, what its test is about."""
    p = findings.clark_west_p if p is None else p
    assert p is not None
    return f"Clark-West p {p_value(p)}" + (", on squared errors" if findings.metric == "mae" else "")


def decisive_p(findings: Findings) -> float:
    """Return the largest of the p-values that a claim rests on."""
    assert findings.clark_west_p is not None
    return max(findings.clark_west_p, *findings.clark_west_p_against.values(), 0.0)


def how_rare(p: float, subject: Subject) -> str:
    """Return in how many studies or hold-outs of nothing but noise a p-value is as small."""
    return f"fewer than 1 {subject} of 1000" if p < 0.001 else f"1 {subject} of {1 / p:.0f}"


def has_signal(findings: Findings) -> bool:
    """Return whether the test against the naive forecast to beat says yes."""
    return findings.clark_west_p is not None and findings.clark_west_p < LEVEL


def loses(findings: Findings) -> bool:
    """Return whether errors are not smaller than those of the naive forecast to beat."""
    return findings.skill is None or findings.skill <= 0


def _beaten(findings: Findings, name: str) -> bool:
    skill, p = findings.skill_against[name], findings.clark_west_p_against.get(name)
    return skill is not None and skill > 0 and p is not None and p < LEVEL
