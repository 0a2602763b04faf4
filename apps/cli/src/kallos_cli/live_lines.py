"""What stands on the terminal while a study runs, line by line, for any width and height."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from kallos_tune import duration

from . import output
from .fitting import Part, cut, fit_at_all, fitted, wrapped
from .glyphs import Glyphs, bar, sparkline

_WIDEST_BAR, _NARROWEST_BAR = 30, 8
_WIDEST_CURVE, _NARROWEST_CURVE = 24, 5
_MOST_LINES_OF_PARAMS = 4
# Below, a trial's parameters say nothing.
_LEAST_FOR_PARAMS = 24
_WIDEST_LOSS, _SHORT_LOSS = 9, 6
# Where trials are called by their number alone, so that those that begin look like all others.
_NARROW = 56
_LEAST_WITHOUT_DECIMALS = 9.95
_INDENT, _LEAST_FOR_INDENT = "  ", 20


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """Where a running trial is; ``fold`` and ``epoch`` count from 1, ``losses`` are those of the fold's epochs."""

    number: int
    fold: int = 1
    n_folds: int | None = None
    epoch: int = 0
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All that the live view shows at one moment.

    Attributes
    ----------
    n_finished, n_trials : int
    done : float
        Finished trials and what is done of running ones.
    running : sequence of RunningTrial
    max_epochs : int
        Most epochs of a fold.
    idle : str
        What to say where nothing runs.
    metric : str
    best, naive : float or None
        Scores.
    best_trial : int or None
    best_params : mapping of str to int or float
    n_pruned, n_failed, n_interrupted, n_abandoned : int
    elapsed : float
        Seconds.
    left, per_minute : float or None
        See :class:`kallos_cli.pace.Pace`.
    """

    n_finished: int
    n_trials: int
    done: float
    running: Sequence[RunningTrial]
    max_epochs: int
    idle: str
    metric: str
    naive: float
    best: float | None
    best_trial: int | None
    best_params: Mapping[str, int | float]
    n_pruned: int
    n_failed: int
    n_interrupted: int
    n_abandoned: int
    elapsed: float
    left: float | None
    per_minute: float | None


def lines_of(board: Board, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the live view in at most ``height`` lines of at most ``width`` cells each.

    Where there are more, the parameters go first, then counts and pace, then the best score, then the last trials.
    """
    indent = _INDENT if width > _LEAST_FOR_INDENT else ""
    inside = width - len(indent)
    below = [[_best(board, inside, glyphs)], _params(board, inside, glyphs), [_counts(board, inside, glyphs)]]
    trials = [_trial(trial, board.max_epochs, inside, glyphs) for trial in board.running]
    trials = trials or [cut(board.idle, inside, glyphs)]
    for expendable in (1, 2, 0):
        if 1 + len(trials) + sum(map(len, below)) <= height:
            break
        below[expendable] = []
    room = max(0, height - 1 - sum(map(len, below)))
    if len(trials) > room:
        n_more = len(trials) - max(0, room - 1)
        trials = [*trials[: max(0, room - 1)], cut(f"{glyphs.ellipsis} and {n_more} more", inside, glyphs)][:room]
    lines = [Text(indent, end="").append_text(line) for line in (*trials, *(line for part in below for line in part))]
    return [_budget(board, width, glyphs), *lines]


def _budget(board: Board, width: int, glyphs: Glyphs) -> Text:
    parts = [Part(f"{board.n_finished} of {board.n_trials} finished", short=f"{board.n_finished}/{board.n_trials}")]
    if board.left is not None:
        words = _rounded(board.left)
        parts.append(Part(f"about {words} left", rank=1, short=f"{words} left"))
    if not fit_at_all(parts, width - _NARROWEST_BAR):
        return fitted(parts, width, glyphs)
    words = fitted(parts, width - _NARROWEST_BAR, glyphs).plain
    head, _, tail = words.partition("  ")
    n_cells = min(_WIDEST_BAR, width - len(head) - len(tail) - 2)
    done, rest = bar(board.done / board.n_trials, n_cells, glyphs)
    drawn = Text(f"{head} ", end="").append(done, style="green").append(rest, style="dim")
    return drawn.append(f" {tail}" if tail else "")


def _trial(trial: RunningTrial, max_epochs: int, width: int, glyphs: Glyphs) -> Text:
    n_folds, digits = trial.n_folds, len(str(max_epochs))
    short_fold = f"fold {trial.fold}/{n_folds}" if n_folds else f"fold {trial.fold}"
    parts = [
        Part(f"trial {trial.number}" if width >= _NARROW else f"{trial.number}", short=f"{trial.number}", style="bold"),
        Part(
            f"fold {trial.fold} of {n_folds}" if n_folds and width >= _NARROW else short_fold,
            rank=2,
            short=short_fold,
        ),
    ]
    if not trial.losses:
        return fitted([*parts, Part("begins", rank=3)], width, glyphs)
    epoch = f"epoch {trial.epoch:>{digits}}"
    parts.append(Part(f"{epoch} of {max_epochs}", rank=3, short=epoch))
    loss = f"{trial.losses[-1]:.4g}"
    # As wide as any other, so that the curves of all trials begin below one another.
    columns = [*parts, Part(f"loss {loss:<{_WIDEST_LOSS}}", rank=1, short=f"{loss:<{_SHORT_LOSS}}")]
    room = width - _NARROWEST_CURVE - 1
    if not fit_at_all(columns, room):
        return fitted([*parts, Part(f"loss {loss}", rank=1, short=loss)], width, glyphs)
    line = fitted(columns, room, glyphs)
    curve = sparkline(trial.losses, min(_WIDEST_CURVE, width - line.cell_len - 1), glyphs)
    return line.append(" ").append(curve, style="cyan")


def _best(board: Board, width: int, glyphs: Glyphs) -> Text:
    naive = Part(f"naive {board.naive:.4g}", rank=1)
    best = Part(f"best {board.metric} none yet", short="best none yet")
    if board.best is not None:
        which = "" if board.best_trial is None else f" (trial {board.best_trial})"
        best = Part(f"best {board.metric} {board.best:.4g}{which}", short=f"best {board.best:.4g}", style="bold")
    return fitted([best, naive], width, glyphs, between=", ")


def _params(board: Board, width: int, glyphs: Glyphs) -> list[Text]:
    if not board.best_params or width < _LEAST_FOR_PARAMS:
        return []
    # A name stays with its value: the blank between them is none to break at.
    text = ", ".join(f"{name}\N{NO-BREAK SPACE}{output.cell(value)}" for name, value in board.best_params.items())
    lines = wrapped(text, width - len(_INDENT), glyphs, most=_MOST_LINES_OF_PARAMS)
    return [Text(_INDENT + line.plain.replace("\N{NO-BREAK SPACE}", " "), style="dim", end="") for line in lines]


def _counts(board: Board, width: int, glyphs: Glyphs) -> Text:
    parts = [
        Part(f"{board.n_finished - board.n_pruned} complete"),
        Part(f"{board.n_pruned} pruned", rank=1),
        Part(f"{board.n_failed} failed" if board.n_failed else "", rank=1, style="yellow"),
        Part(f"{board.n_interrupted} interrupted" if board.n_interrupted else "", rank=2),
        Part(f"{board.n_abandoned} abandoned" if board.n_abandoned else "", rank=1, style="yellow"),
    ]
    if board.per_minute is not None:
        # Two digits always, since a decimal that comes and goes would flicker: 6.0, not 6 between 5.9 and 6.1.
        rate = f"{board.per_minute:#.2g}" if board.per_minute < _LEAST_WITHOUT_DECIMALS else f"{board.per_minute:.0f}"
        parts.append(Part(f"{rate} trials a minute", rank=2, short=f"{rate}/min"))
    parts.append(Part(f"{_rounded(board.elapsed)} elapsed", rank=4))
    return fitted(parts, width, glyphs, between=", ")


def _rounded(seconds: float) -> str:
    """Return a length of time without tenths, which would only flicker; of short ones of a trial, with them."""
    return duration(seconds) if 0 < seconds < 10 and seconds != round(seconds) else _whole(seconds)


def _whole(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 59.5 else duration(max(60, round(seconds)))
