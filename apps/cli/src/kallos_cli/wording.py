"""Scores and times in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kallos_tune import StudyResult


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 3.2 s, 4 min 5 s, 2 h 10 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def count(number: int, thing: str) -> str:
    """Return a number of things: 1 trial, 2 trials."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def trials_are(numbers: Sequence[int]) -> str:
    """Return trials by their numbers, with the verb: trial 3 is, trials 3 and 4 are."""
    *first, last = map(str, numbers)
    return f"trials {', '.join(first)} and {last} are" if first else f"trial {last} is"


def against_naive(score: float, naive: float) -> str:
    """Return by how much an error is better or worse than the naive forecast's, in per cent."""
    if naive <= 0:
        return f"naive {naive:.4g}"
    per_cent = 100 * (1 - score / naive)
    return f"{abs(per_cent):.1f} % {'better' if per_cent > 0 else 'worse'} than naive"


def verdict(result: "StudyResult") -> list[str]:
    """Return what the best score is worth, in words a trader understands."""
    wins = sum(score < naive for score, naive in zip(result.fold_scores, result.fold_naive_scores, strict=True))
    n_folds = len(result.fold_scores)
    first = f"forecast error {result.best_score:.4g} against {result.naive_score:.4g} of the naive forecast"
    per_cent = f"{abs(100 * result.skill):.1f} %"
    if result.skill > 0:
        lines = [f"{first}: {per_cent} better, in {wins} of {n_folds} folds"]
    else:
        lines = [
            f"{first}: {per_cent} worse, better in {wins} of {n_folds} folds",
            "it does not beat the naive forecast: do not trade on it",
        ]
    if result.forecast == "recursive":
        lines.append(
            "the recursive forecast was given features of the validation window, which a real forecast would not have"
        )
    return lines
