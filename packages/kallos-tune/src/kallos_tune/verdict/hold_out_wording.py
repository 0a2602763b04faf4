"""The verdict on a hold-out period in words, by the rules and with the sentences of a study's end.

No error is shown relative to the error of a naive forecast within the training window (MASE): on returns it flatters
whoever forecasts zero.
"""

from collections.abc import Mapping
from typing import Final

from .baseline_names import baseline_in_words
from .detectable import LEVEL
from .direction import Direction
from .figures import counted, p_value, per_cent
from .hold_out_verdict import HoldOutVerdict
from .sentences import (
    WORSE,
    against_each,
    beats,
    compared,
    hinges,
    how_much_is_open,
    interval_of_skill,
    naive_in_words,
    no_evidence,
    overstated,
    period,
    power,
)

OVERLAP: Final = " [overlaps the training span: no test, the model has seen these steps]"


def hold_out_lines(
    verdict: HoldOutVerdict,
    *,
    what: str,
    better_baselines: Mapping[str, float | None] | None = None,
    looks: int = 1,
    overlap: bool = False,
) -> list[str]:
    """Return the lines that tell what forecasts of a hold-out period are worth, without ends of line.

    The result beside the naive forecasts, the verdict, the smallest skill that would have shown, and what the reader
    must know beside it.

    Parameters
    ----------
    verdict : HoldOutVerdict
    what : str
        What was judged, as a sentence begins with it: ``"the forecaster in models/btc"``.
    better_baselines : mapping of str to float or None, optional
        Skills of baselines by name, from :func:`kallos_tune.baseline_skills`. Those above the verdict's are named.
    looks : int, default 1
        How often forecasts of this period have been judged, this time included.
    overlap : bool, default False
        Whether the period overlaps the training span: every line then says so.
    """
    lines = _lines(verdict, what, better_baselines or {}, looks)
    return [line + OVERLAP for line in lines] if overlap else lines


def _lines(verdict: HoldOutVerdict, what: str, baselines: Mapping[str, float | None], looks: int) -> list[str]:
    if verdict.conclusion == "not judged":
        return [
            f"verdict: none, because {verdict.reason}: do not trade on it. To get one, {verdict.remedy}",
            *_looks(looks),
        ]
    result = f"{what} is {compared(verdict.skill)} {naive_in_words(verdict.to_beat)}{interval_of_skill(verdict)}"
    return [
        f"hold-out ({period(verdict)}): {result}",
        against_each(verdict, "hold-out"),
        *_conclusion(verdict),
        power(verdict, "hold-out"),
        *hinges(verdict),
        *_better(verdict, baselines),
        *([] if verdict.direction is None else _direction(verdict.direction)),
        *_looks(looks),
    ]


def _conclusion(verdict: HoldOutVerdict) -> list[str]:
    if verdict.conclusion == "beats":
        caution = "before real money: smaller errors are no profit, costs of trading are not counted"
        return [beats(verdict, "hold-out"), caution, *how_much_is_open(verdict)]
    worse = verdict.conclusion == "worse"
    sentence = WORSE if worse else no_evidence(verdict, naive_in_words(verdict.to_beat))
    return [sentence, *overstated(verdict, "hold-out")]


def _better(verdict: HoldOutVerdict, baselines: Mapping[str, float | None]) -> list[str]:
    """Return which baselines did better, the best first, and what follows for acting; nothing where none did."""
    if verdict.skill is None:
        return []
    better = {name: skill for name, skill in baselines.items() if skill is not None and skill > verdict.skill}
    if not better:
        return []
    named = [
        f"{baseline_in_words(name)} (by {per_cent(_smaller(better[name], verdict.skill))} %)"
        for name in sorted(better, key=lambda name: -better[name])
    ]
    line = f"cheaper models with smaller errors: {', '.join(named)}. "
    if verdict.conclusion == "beats":
        worth = "On these steps this model was not worth its training."
        return [f"{line}{worth} The baseline was picked after the fact: test it on later steps before acting on it"]
    return [f"{line}No reason to trade on a baseline either: it was picked after the fact, test it on later steps"]


def _smaller(baseline_skill: float, skill: float) -> float:
    """Return how much smaller than the forecaster's the error of a baseline is, from the skills of both."""
    return 1 - (1 - baseline_skill) / (1 - skill)


def _direction(direction: Direction) -> list[str]:
    if direction.share_right is None or direction.share_by_chance is None:
        return [f"direction: not tested, {direction.untested}"]
    line = (
        f"direction: right in {per_cent(direction.share_right)} % of {counted(direction.n_steps, 'step')}, by chance "
        f"it would be in {per_cent(direction.share_by_chance)} %"
    )
    if direction.n_still:
        line += f" ({counted(direction.n_still, 'step')} without a direction left out)"
    if direction.p is None:
        return [f"{line}; not tested, {direction.untested}"]
    said = "more than chance" if direction.p < LEVEL else "not clearly more than chance"
    return [f"{line}; Pesaran-Timmermann p {p_value(direction.p)}: {said}"]


def _looks(looks: int) -> list[str]:
    if looks <= 1:
        return []
    line = (
        f"this period was looked at {looks} times: the first look is a test, later ones are part of the search, and "
        "the best of several looks flatters. Trust what steps confirm that nobody has looked at yet"
    )
    return [line]
