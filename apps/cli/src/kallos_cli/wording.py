"""Numbers of things in words."""

from collections.abc import Sequence


def count(number: int, thing: str) -> str:
    """Return a number of things: 1 trial, 2 trials."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def trials_are(numbers: Sequence[int]) -> str:
    """Return trials by their numbers, with the verb: trial 3 is, trials 3 and 4 are."""
    *first, last = map(str, numbers)
    return f"trials {', '.join(first)} and {last} are" if first else f"trial {last} is"


def features_of(n_features: int, n_columns: int | None) -> str:
    """Return how many features there are, and of how many columns of the history: 16 features of 24 columns."""
    return count(n_features, "feature") + (f" of {count(n_columns, 'column')}" if n_columns is not None else "")
