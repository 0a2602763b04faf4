"""A study's verdict in words: all that is announced of its worth.

The lines are read by someone who may put money on them. So the score of the search comes first and is said to be no
promise; every number names what it is compared with; and each verdict ends with what it means for acting on it.
"""

from typing import Final

from .figures import counted, listed, signed_per_cent
from .sentences import (
    NO_EVIDENCE,
    WORSE,
    against_each,
    beats,
    compared,
    has_signal,
    hinges,
    how_much_is_open,
    interval_of_skill,
    naive_in_words,
    no_evidence,
    overstated,
    period,
    power,
)
from .verdict import Verdict

_SCORES: Final = {"error": "error", "pinball": "pinball loss of the quantiles"}


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return the lines that tell what a study is worth, without ends of line.

    The search score and its caveat, the out-of-sample result, the verdict, and what the reader must know beside it.
    """
    if verdict.conclusion == "not judged":
        return [
            _search(verdict),
            f"verdict: none yet, because {verdict.reason}: do not trade on it. To get one, {verdict.remedy}",
            *_left_out(verdict),
        ]
    return [_search(verdict), *_out_of_sample(verdict), *_conclusion(verdict), *hinges(verdict), *_left_out(verdict)]


def _search(verdict: Verdict) -> str:
    if verdict.search_score is None:
        return "search score: none yet, no trial has finished every fold"
    score = f"search score ({_SCORES[verdict.score_name]}, lower is better): {verdict.search_score:.4g}"
    naive = f"{verdict.search_naive_score:.4g}{_which(verdict)}"
    return (
        f"{score}, {_among(verdict)}, {compared(verdict.search_skill)} naive ({naive}). It was picked on these same "
        "windows, which makes it look better than it is: use it only to rank trials"
    )


def _among(verdict: Verdict) -> str:
    """Return what the search score is a mean of, and among how many it is the best."""
    mean, n_complete = f"mean of {counted(verdict.n_folds, 'fold')}", verdict.n_complete
    if n_complete == 1:
        return f"the {mean} of the only complete trial{'' if verdict.n_trials == 1 else f' of {verdict.n_trials}'}"
    of = "" if n_complete == verdict.n_trials else f"of {verdict.n_trials} "
    return f"the best {mean} among {n_complete} complete {of}trials"


def _which(verdict: Verdict) -> str:
    """Return which naive forecast the search score stands beside; nothing where an older verdict does not say."""
    return "" if verdict.search_naive is None else f": {naive_in_words(verdict.search_naive)}"


def _out_of_sample(verdict: Verdict) -> list[str]:
    """Return the result, how it came about, and the skill against each naive forecast."""
    line = (
        f"out of sample ({period(verdict)}, each fold forecast by {_what(verdict)} best on earlier folds): "
        f"{compared(verdict.skill)} {to_beat(verdict)}{interval_of_skill(verdict)}"
    )
    if verdict.single_skill is not None and _averages(verdict):
        line += f"; the best trial of earlier folds alone: {signed_per_cent(verdict.single_skill)} % against it"
    return [line, against_each(verdict, "study"), *_about_the_median(verdict)]


def _about_the_median(verdict: Verdict) -> list[str]:
    if verdict.score_name != "pinball":
        return []
    line = (
        "these skills are of the median forecast, by absolute error (MAE); whether the quantiles hold what they "
        "promise, kallos-run evaluate tells of later steps"
    )
    return [line]


def _what(verdict: Verdict) -> str:
    """Return what is judged, as "best on earlier folds" may follow it."""
    sizes = sorted({len(fold.trials) for fold in verdict.folds})
    if sizes == [1]:
        return "the trial that was"
    many = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return f"the average of the {many} trials that were"


def _averages(verdict: Verdict) -> bool:
    return any(len(fold.trials) > 1 for fold in verdict.folds)


def to_beat(verdict: Verdict) -> str:
    """Return the naive forecast that was to be beaten, with its folds where it changes from fold to fold."""
    folds_of: dict[str, list[int]] = {}
    for fold in verdict.folds:
        folds_of.setdefault(fold.naive, []).append(fold.number)
    if len(folds_of) == 1:
        return naive_in_words(verdict.folds[0].naive)
    of_folds = [
        f"{naive_in_words(name)} in {'fold' if len(folds) == 1 else 'folds'} {listed(folds)}"
        for name, folds in folds_of.items()
    ]
    return f"the naive forecast ({', '.join(of_folds)})"


def _conclusion(verdict: Verdict) -> list[str]:
    if verdict.conclusion == "beats":
        return _beats(verdict)
    return [WORSE if verdict.conclusion == "worse" else _no_evidence(verdict), *overstated(verdict, "study")]


def _beats(verdict: Verdict) -> list[str]:
    caution = (
        "before real money: smaller errors are no profit, costs of trading are not counted; test it first on days that "
        "no study has seen"
    )
    lines = [beats(verdict, "study"), caution, *how_much_is_open(verdict)]
    if _averages(verdict):
        lines.append(
            f"all this is about {_what(verdict)} best, not about the best parameters alone: forecast with that average"
        )
    return lines


def _no_evidence(verdict: Verdict) -> str:
    if verdict.forecast == "recursive":
        n_windows = len(verdict.folds)
        return (
            f"{NO_EVIDENCE}: do not trade on it. The steps of a recursive forecast share their errors, so each window "
            f"counts as one forecast, and {n_windows} {'is' if n_windows == 1 else 'are'} too few for a test; rolling "
            "forecasts can be tested"
        )
    sentence = no_evidence(verdict, to_beat(verdict))
    return sentence if has_signal(verdict) else f"{sentence}. {power(verdict, 'study')}"


def _left_out(verdict: Verdict) -> list[str]:
    """Return what was not judged, and why."""
    lines: list[str] = []
    if len(verdict.folds) == 1:
        lines.append(
            f"only fold {verdict.folds[0].number} could be judged, a single stretch of the market: more folds say more"
        )
    lines += [f"fold {fold.number} is not judged: {fold.reason}" for fold in verdict.skipped]
    lines += [
        f"{'trial' if len(fold.not_finite) == 1 else 'trials'} {listed(fold.not_finite)} left out of fold "
        f"{fold.number}: infinite or not a number"
        for fold in verdict.folds
        if fold.not_finite
    ]
    return lines
