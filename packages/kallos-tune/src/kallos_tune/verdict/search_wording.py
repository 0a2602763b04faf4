"""What may be said of all trials of a study together, in words."""

from typing import Final

from .backtest_overfitting import HIGH_FROM, LOW_BELOW, Band, Overfitting
from .figures import counted, p_value, per_cent
from .verdict import Verdict

_MEANS: Final[dict[Band, str]] = {
    "low": "low: the best trial of one half mostly stays among the better ones on the other, so the choice means "
    "something. Whether it beats a naive forecast is another question, which the verdict answers",
    "middling": "middling: which trial is best depends to some part on luck: trust the average of several more than "
    "the best one",
    "high": "high: the best trial of one half is little better on the other than one drawn by lot: its parameters "
    "are no finding. So it is, too, where all trials are equally good",
}


def overfitting_lines(found: Overfitting, *, row: str) -> list[str]:
    """Return the lines of the probability of backtest overfitting: the number, and what its band means.

    Parameters
    ----------
    found : Overfitting
    row : str
        What a row is, in the singular: "step", "fold".
    """
    number = (
        f"probability of backtest overfitting: {per_cent(found.probability)} %. {counted(found.n_rows, row)} in "
        f"{found.n_blocks} blocks were halved in all {found.n_halves} ways; in so many of them the best of "
        f"{counted(found.n_trials, 'complete trial')} on one half was below their median on the other"
    )
    bands = f"below {100 * LOW_BELOW:.0f} % is low, from {100 * HIGH_FROM:.0f} % on high, luck alone comes to some 50 %"
    return [number, f"{_MEANS[found.band]} ({bands})"]


def spa_line(verdict: Verdict) -> str:
    """Return the line of the test of all complete trials (Hansen 2005), or why there is none."""
    if verdict.spa_p is None:
        why = "nothing was judged" if verdict.conclusion == "not judged" else "it needs rolling forecasts"
        if verdict.conclusion != "not judged" and verdict.forecast == "rolling":
            why = "no complete trial has a forecast of every judged step"
        return f"test for superior predictive ability (SPA, Hansen 2005): none, {why}"
    return (
        f"test for superior predictive ability (SPA, Hansen 2005): p {p_value(verdict.spa_p)} that not even the best "
        f"of {counted(verdict.spa_trials, 'complete trial')} is better than the naive forecast to beat. It allows for "
        "how many were tried, and decides nothing in the verdict"
    )
