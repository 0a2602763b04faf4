"""Times and numbers of things in words."""

from collections.abc import Sequence


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
