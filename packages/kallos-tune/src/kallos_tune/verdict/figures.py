"""Skills, p-values and dates as people write them."""

from collections.abc import Sequence

import numpy as np

from .detectable import LEVEL


def per_cent(share: float) -> str:
    """Return the size of a share in per cent, without its sign: 0.3, 12.4, 0.04; never 0.0 for what is not 0.

    What is smaller than any history can tell from nothing has no digits: less than 0.01.
    """
    size = abs(100 * share)
    if size >= 99.95:
        return f"{size:.0f}"
    if size >= 0.05 or size == 0:
        return f"{size:.1f}"
    return "less than 0.01" if _is_next_to_nothing(share) else f"{size:.2f}"


def signed_per_cent(share: float) -> str:
    """Return a share in per cent with its sign: +0.3, -1.2, 0.0; just above 0, just below 0 where it has no digits."""
    if share and _is_next_to_nothing(share):
        return f"just {'above' if share > 0 else 'below'} 0"
    return ("+" if share > 0 else "-" if share < 0 else "") + per_cent(share)


def short_per_cent(share: float) -> str:
    """Return a share in per cent for where there is little room, with one digit and, unless that is 0, its sign."""
    text = f"{100 * share:+.1f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _is_next_to_nothing(share: float) -> bool:
    return abs(100 * share) < 0.005


def p_value(p: float) -> str:
    """Return a p-value with its sign of relation: "= 0.41", "= 0.003", "< 0.001".

    It is on the same side of the level as written as it is in truth.
    """
    if p < 0.001:
        return "< 0.001"
    for digits in (2, 3, 4, 5, 6):
        text = f"{p:.{digits}f}"
        fine_enough = digits > 2 or p >= 0.1
        if fine_enough and (float(text) < LEVEL) == (p < LEVEL):
            return f"= {text.rstrip('0') if digits > 2 else text}"
    return f"= {p!r}"


def listed(things: Sequence[object]) -> str:
    """Return things in a row: 1; 1 and 2; 1, 2 and 3."""
    *first, last = map(str, things)
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, thing: str) -> str:
    """Return a number of things: 1 step, 2 steps."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def in_iso(time: np.datetime64) -> str:
    """Return a time in UTC as ISO 8601 has it, to the second; midnight as its day alone."""
    text = str(np.datetime_as_string(time, unit="s"))
    return text.removesuffix("T00:00:00") if text.endswith("T00:00:00") else f"{text}Z"
