"""What a running study shows on a terminal: a bar, and where each running trial is."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from . import output
from .progress import LOADING, Watch

if TYPE_CHECKING:
    from kallos_tune import Event


@dataclass
class LiveWatch(Watch):
    """Also draws a bar, where each running trial is, the best score and times.

    Attributes
    ----------
    max_epochs : int
        Scales the bar.
    workers : int
        How many trials run at a time at most: one that has not been heard of for longest, its worker killed, goes.
    clock : callable
        Tells seconds that never go back.
    """

    max_epochs: int = 100
    workers: int = 1
    folds: bool = False
    clock: Callable[[], float] = time.monotonic
    _where: dict[int, tuple[float, str]] = field(default_factory=dict[int, tuple[float, str]])
    _idle: str = LOADING
    _began: float = 0.0
    _ends: float | None = None
    _bar: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("elapsed{task.fields[left]}"),
        )
    )
    _task: TaskID | None = None

    def __call__(self, event: "Event") -> None:
        """Take note of an event and draw it."""
        super().__call__(event)
        from kallos_tune import EpochFinished, StudyOpened, TrialFinished, TrialStarted

        match event:
            case StudyOpened():
                self._task = self._bar.add_task("", total=event.n_trials, left="")
                self._began = self.clock()
            case TrialStarted():
                self._idle = "waiting for the next trial…"
                self._put(event.trial, 0.0, "fold 1, epoch 1")
            case EpochFinished():
                share = (event.fold - 1 + min(1.0, event.epoch / self.max_epochs)) / event.n_folds
                text = f"fold {event.fold} of {event.n_folds}, epoch {event.epoch} of at most {self.max_epochs}"
                self._put(event.trial, share, f"{text}, validation loss {event.val_loss:.4g}")
            case TrialFinished():
                self._where.pop(event.trial, None)
            case _:
                return
        self._draw()

    def __rich__(self) -> RenderableType:
        if self._task is None or self.opened is None:
            return Text("opening the study…")
        if self._ends is not None:
            left = timedelta(seconds=round(max(0.0, self._ends - self.clock())))
            self._bar.update(self._task, left=f", about {left} left")
        best = "none yet" if self._best is None else f"{self._best:.4g}"
        lines = [f"trial {trial}: {text}" for trial, (_, text) in sorted(self._where.items())] or [self._idle]
        lines.append(f"best {self.opened.metric} {best}, naive {self.opened.naive_score:.4g}")
        return Group(self._bar, *(Text(f"  {line}", overflow="ellipsis", no_wrap=True) for line in lines))

    def _put(self, trial: int, share: float, text: str) -> None:
        self._where.pop(trial, None)
        self._where[trial] = (share, text)
        while len(self._where) > self.workers:
            del self._where[next(iter(self._where))]

    def _draw(self) -> None:
        """Move the bar, and guess the end from how fast trials have been finished since the study was opened."""
        if self._task is None or self.opened is None:
            return
        under_way = sum(share for share, _ in self._where.values())
        done = min(self.opened.n_trials, self.n_finished + under_way)
        self._bar.update(self._task, completed=done, description=self.progress())
        if self.n_finished > self.opened.n_finished:
            seconds_each = (self.clock() - self._began) / (done - self.opened.n_finished)
            self._ends = self.clock() + seconds_each * (self.opened.n_trials - done)


@contextmanager
def watching(*, quiet: bool, max_epochs: int, workers: int) -> Generator[Watch]:
    """Follow a study: live where stderr is a terminal, else in lines, or silently."""
    if quiet or not output.words().is_terminal:
        yield Watch(lines=not quiet)
        return
    watch = LiveWatch(max_epochs=max_epochs, workers=workers)
    with Live(watch, console=output.words(), transient=True, refresh_per_second=4, redirect_stdout=False):
        yield watch
