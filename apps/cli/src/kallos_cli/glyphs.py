"""Bars and curves made of characters: blocks, or ASCII where a terminal cannot print those."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that drawings are made of.

    Attributes
    ----------
    levels : str
        Of a curve, the lowest first.
    full, empty : str
        The part of a bar that is done, and the rest.
    train, purge, val : str
        A step of a fold by what it is for.
    ellipsis : str
        Stands for what there is no room for.
    """

    levels: str
    full: str
    empty: str
    train: str
    purge: str
    val: str
    ellipsis: str


BLOCKS: Final = Glyphs("▁▂▃▄▅▆▇█", full="━", empty="─", train="█", purge="░", val="▒", ellipsis="…")
ASCII: Final = Glyphs(".:-=+*#", full="#", empty="-", train="=", purge=".", val="#", ellipsis="...")

_LOCALES_WITHOUT: Final = {"C", "POSIX"}
# What Python itself sets at its start where the locale is one of those.
_COERCED: Final = {"C.UTF-8", "C.utf8", "UTF-8"}


def glyphs_of(console: "Console") -> Glyphs:
    """Return what a console can print, by its encoding and by the locale that whoever sits there asks for."""
    kind = os.environ.get("LC_CTYPE", "")
    locale = os.environ.get("LC_ALL") or (kind if kind not in _COERCED else "") or os.environ.get("LANG")
    return ASCII if console.options.ascii_only or locale in _LOCALES_WITHOUT else BLOCKS


def bar(share: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """Return the two parts of a bar that is so far done, together ``width`` characters."""
    done = math.floor(min(1.0, max(0.0, share)) * width)
    return glyphs.full * done, glyphs.empty * (width - done)


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """Return values as a curve of at most ``width`` characters, from their lowest to their highest.

    Where there are more values than characters, each stands for the mean of as many as its neighbours. What is not
    finite counts as the highest.
    """
    if not values or width < 1:
        return ""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return glyphs.levels[-1] * min(width, len(values))
    # Of size 1 at most: differences and sums of the largest floats are infinite.
    size, top = max(map(abs, finite)) or 1.0, max(finite)
    sizes = [(value if math.isfinite(value) else top) / size for value in values]
    heights = _means(sizes, min(width, len(values)))
    low, high = min(heights), max(heights)
    if low == high:
        return glyphs.levels[0] * len(heights)
    last = len(glyphs.levels) - 1
    return "".join(glyphs.levels[round(last * ((height - low) / (high - low)))] for height in heights)


def _means(values: Sequence[float], n: int) -> list[float]:
    """Return the means of ``n`` neighbouring groups of values, of the same size as far as that goes."""
    edges = [place * len(values) // n for place in range(n + 1)]
    return [math.fsum(values[first:end]) / (end - first) for first, end in pairwise(edges)]
