"""The folds of a study drawn as bars, one below the other on the same time line."""

from collections.abc import Sequence
from dataclasses import dataclass

from .glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class FoldSpan:
    """A fold by positions in its history: the training window, what is purged after it, the validation window.

    Attributes
    ----------
    train_start, train_end, val_start, val_end : int
        The ends are those of slices: ``train_end`` is the first step after the training window.
    """

    train_start: int
    train_end: int
    val_start: int
    val_end: int


def fold_bars(spans: Sequence[FoldSpan], n_steps: int, width: int, glyphs: Glyphs) -> list[str]:
    """Return a line of at most ``width`` characters for each fold, its number before it.

    A purge is seen wherever there is one, though it may be shorter than what a character stands for.
    """
    digits = len(str(len(spans)))
    room = max(1, width - digits - 1)
    return [f"{n:>{digits}} {_bar(span, n_steps, room, glyphs)}".rstrip() for n, span in enumerate(spans, start=1)]


def legend(glyphs: Glyphs, *, purged: bool) -> str:
    """Return what the characters of the bars mean."""
    meanings = {glyphs.train: "train", glyphs.purge: "purge", glyphs.val: "validation"}
    return "  ".join(f"{sign} {word}" for sign, word in meanings.items() if purged or word != "purge")


def _bar(span: FoldSpan, n_steps: int, width: int, glyphs: Glyphs) -> str:
    cells = [_sign(span, int((cell + 0.5) * n_steps / width), glyphs) for cell in range(width)]
    if span.val_start > span.train_end and glyphs.purge not in cells and glyphs.val in cells:
        cells[max(0, cells.index(glyphs.val) - 1)] = glyphs.purge
    return "".join(cells)


def _sign(span: FoldSpan, step: int, glyphs: Glyphs) -> str:
    if span.train_start <= step < span.train_end:
        return glyphs.train
    if span.train_end <= step < span.val_start:
        return glyphs.purge
    return glyphs.val if span.val_start <= step < span.val_end else " "
