"""What a running study shows on a terminal: how far it is, where each running trial is, and what is best so far."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from . import output, signals
from .glyphs import glyphs_of
from .live_lines import Board, RunningTrial, lines_of
from .pace import Pace
from .progress import LOADING, Watch

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from kallos_tune import EpochFinished, Event, StudyOpened, TrialFinished

_PICTURES_A_SECOND = 4


@dataclass
class LiveWatch(Watch):
    """Also draws how far the study is, in as many lines of a terminal as there are.

    Attributes
    ----------
    max_epochs : int
        Most epochs of a fold.
    workers : int
        How many trials run at a time at most: one that has not been heard of for longest, its worker killed, goes.
    clock : callable
        Tells seconds that never go back.
    """

    max_epochs: int = 100
    workers: int = 1
    folds: bool = False
    clock: Callable[[], float] = time.monotonic
    _running: dict[int, RunningTrial] = field(default_factory=dict[int, RunningTrial])
    _idle: str = LOADING
    _pace: Pace | None = None
    _best_trial: int | None = None
    _best_params: Mapping[str, int | float] = field(default_factory=dict[str, int | float])

    def __call__(self, event: "Event") -> None:
        """Take note of an event; the next picture shows it."""
        from kallos_tune import EpochFinished, StudyOpened, TrialFinished, TrialStarted

        if isinstance(event, StudyOpened | TrialFinished):
            self._take_best(event)
        super().__call__(event)
        match event:
            case StudyOpened():
                self._pace = Pace(self.clock(), event.n_finished, event.n_trials)
            case TrialStarted():
                self._idle = "waiting for the next trial…"
                if self._pace is not None:
                    self._pace.begin(self.clock())
                self._put(RunningTrial(event.trial, n_folds=None if self.opened is None else self.opened.n_folds))
            case EpochFinished():
                self._put(self._after(event))
            case TrialFinished():
                self._running.pop(event.trial, None)
            case _:
                return
        if self._pace is not None:
            self._pace.guess(self.clock(), self.n_finished, self._under_way())

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Draw it in what room there is; the last column stays free, where terminals break lines by themselves."""
        glyphs = glyphs_of(console)
        if self.opened is None or self._pace is None:
            yield Text("opening the study" + glyphs.ellipsis)
            return
        height = options.height or options.size.height
        lines = lines_of(self._board(glyphs.ellipsis), max(1, options.max_width - 1), max(1, height - 1), glyphs)
        yield Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _board(self, ellipsis: str) -> Board:
        assert self.opened is not None, "nothing is drawn before"
        assert self._pace is not None, "the pace begins with the study"
        now = self.clock()
        return Board(
            n_finished=self.n_finished,
            n_trials=self.opened.n_trials,
            done=self.n_finished + self._under_way(),
            running=sorted(self._running.values(), key=lambda trial: trial.number),
            max_epochs=self.max_epochs,
            idle=self._idle.replace("…", ellipsis),
            metric=self.opened.metric,
            naive=self.opened.naive_score,
            best=self._best,
            best_trial=self._best_trial,
            best_params=self._best_params,
            n_pruned=self.n_pruned,
            n_failed=self.n_failed,
            n_interrupted=self.n_interrupted,
            n_abandoned=self.n_abandoned,
            elapsed=now - self._pace.began,
            left=self._pace.left(now),
            per_minute=self._pace.per_minute,
        )

    def _take_best(self, event: "StudyOpened | TrialFinished") -> None:
        if event.best_score is not None and (self._best is None or event.best_score <= self._best):
            self._best_trial, self._best_params = event.best_trial, event.best_params

    def _after(self, event: "EpochFinished") -> RunningTrial:
        before = self._running.get(event.trial)
        losses = before.losses if before is not None and before.fold == event.fold else ()
        return RunningTrial(event.trial, event.fold, event.n_folds, event.epoch, (*losses, event.val_loss))

    def _put(self, trial: RunningTrial) -> None:
        self._running.pop(trial.number, None)
        self._running[trial.number] = trial
        while len(self._running) > self.workers:
            del self._running[next(iter(self._running))]

    def _under_way(self) -> float:
        return sum(
            (trial.fold - 1 + min(1.0, trial.epoch / self.max_epochs)) / trial.n_folds
            for trial in list(self._running.values())  # it is drawn by a thread of its own
            if trial.n_folds
        )


@contextmanager
def watching(*, quiet: bool, max_epochs: int, workers: int) -> Generator[Watch]:
    """Follow a study: live where stderr is a terminal that can be drawn on, else in lines, or silently."""
    console = output.words()
    if quiet or not (console.is_interactive and console.file.isatty()):
        yield Watch(lines=not quiet)
        return
    watch = LiveWatch(max_epochs=max_epochs, workers=workers)
    live = Live(watch, console=console, transient=True, refresh_per_second=_PICTURES_A_SECOND, redirect_stdout=False)
    try:
        with signals.held_back():
            live.start(refresh=True)
        yield watch
    finally:
        # However often Ctrl-C comes, the terminal is left as it was.
        with signals.held_back():
            live.stop()
