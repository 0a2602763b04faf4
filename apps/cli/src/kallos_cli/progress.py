"""What a running study shows: a live display on a terminal, lines elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from . import output
from .words import against_naive, count, duration

if TYPE_CHECKING:
    from kallos_tune import EpochFinished, Event, FoldFinished, StudyOpened, TrialFinished

_LOADING = "loading the models (about 8 s)…"


@dataclass
class Watch:
    """Follows a study, and prints a line for what is worth one.

    Attributes
    ----------
    opened : StudyOpened or None
    n_finished : int
        Finished trials so far.
    running : int or None
        The trial under way.
    """

    lines: bool = True
    folds: bool = True
    opened: "StudyOpened | None" = None
    n_finished: int = 0
    running: int | None = None
    _best: float | None = None

    def __call__(self, event: "Event") -> None:
        """Take note of an event."""
        from kallos_tune import FoldFinished, StudyOpened, TrialFinished, TrialStarted

        match event:
            case StudyOpened():
                self.opened, self.n_finished, self._best = event, event.n_finished, event.best_score
                self._say_opened(event)
            case TrialStarted():
                self.running = event.trial
                if self.lines and self.folds:
                    output.say(f"{self.trial_of()} begins (number {event.trial})")
            case FoldFinished() if self.lines and self.folds:
                self._say_fold(event)
            case TrialFinished():
                self._say_trial(event)
                self.running, self.n_finished, self._best = None, event.n_finished, event.best_score
            case _:
                pass

    def trial_of(self) -> str:
        """Return which of how many trials is under way."""
        if self.opened is None:
            return "trial"
        return f"trial {min(self.n_finished + 1, self.opened.n_trials)} of {self.opened.n_trials}"

    def _say_opened(self, event: "StudyOpened") -> None:
        if not self.lines:
            return
        output.say(
            f"study {event.study_name}: {event.n_rows} steps from {event.first[:10]} to {event.last[:10]}, "
            f"{event.n_features} features, {event.n_folds} folds; "
            f"naive forecast: {event.metric} {event.naive_score:.4g}"
        )
        if event.n_finished >= event.n_trials:
            output.say(f"{count(event.n_finished, 'finished trial')} of {event.n_trials} asked for: nothing to run")
            return
        if event.n_finished:
            output.say(f"{count(event.n_finished, 'finished trial')} of {event.n_trials}: going on")
        if self.folds:
            output.say(_LOADING)

    def _say_fold(self, event: "FoldFinished") -> None:
        output.say(
            f"{self.trial_of()}, fold {event.fold} of {event.n_folds}: error {event.score:.4g}, naive "
            f"{event.naive_score:.4g}, {count(event.epochs, 'epoch')}, {duration(event.seconds)}"
        )

    def _say_trial(self, event: "TrialFinished") -> None:
        if not self.lines or self.opened is None or event.score is None:
            return  # that it failed, and why, is a warning of kallos_tune
        best = " (best so far)" if self._best is None or event.score < self._best else ""
        pruned = " (pruned)" if event.state == "PRUNED" else ""
        output.say(
            f"{self.trial_of()}: error {event.score:.4g}, {against_naive(event.score, self.opened.naive_score)}"
            f"{best}{pruned}, {duration(event.seconds)}"
        )


@dataclass
class LiveWatch(Watch):
    """Also draws bar, fold, epoch, best score and times; ``max_epochs`` scales the bar."""

    max_epochs: int = 100
    folds: bool = False
    _now: str = "opening the study…"
    _bar: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("elapsed, about"),
            TimeRemainingColumn(),
            TextColumn("left"),
            speed_estimate_period=3600,
        )
    )
    _task: TaskID | None = None

    def __call__(self, event: "Event") -> None:
        """Take note of an event and draw it."""
        super().__call__(event)
        from kallos_tune import EpochFinished, StudyOpened, TrialFinished, TrialStarted

        match event:
            case StudyOpened():
                self._now = _LOADING
                self._task = self._bar.add_task(self.trial_of(), total=event.n_trials, completed=event.n_finished)
            case TrialStarted():
                self._now = "fold 1, epoch 1"
                self._draw(0.0)
            case EpochFinished():
                self._now = f"fold {event.fold} of {event.n_folds}, epoch {event.epoch} of at most {self.max_epochs}, "
                self._now += f"validation loss {event.val_loss:.4g}"
                self._draw(self._share(event))
            case TrialFinished():
                self._draw(0.0)
            case _:
                pass

    def __rich__(self) -> RenderableType:
        if self._task is None:
            return Text(self._now)
        return Group(self._bar, *(Text(f"  {line}", overflow="ellipsis", no_wrap=True) for line in self._lines()))

    def _share(self, event: "EpochFinished") -> float:
        return (event.fold - 1 + min(1.0, event.epoch / self.max_epochs)) / event.n_folds

    def _draw(self, share: float) -> None:
        if self._task is not None:
            self._bar.update(self._task, description=self.trial_of(), completed=self.n_finished + share)

    def _lines(self) -> list[str]:
        if self.opened is None:
            return [self._now]
        best = "none yet" if self._best is None else f"{self._best:.4g}"
        return [self._now, f"best {self.opened.metric} {best}, naive {self.opened.naive_score:.4g}"]


@contextmanager
def watching(*, quiet: bool, max_epochs: int) -> Generator[Watch]:
    """Follow a study: live where stderr is a terminal, else in lines, or silently."""
    if quiet or not output.words().is_terminal:
        yield Watch(lines=not quiet)
        return
    watch = LiveWatch(max_epochs=max_epochs)
    with Live(watch, console=output.words(), transient=True, refresh_per_second=4, redirect_stdout=False):
        yield watch
