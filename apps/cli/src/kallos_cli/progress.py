"""What a running study shows in lines."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kallos_tune import duration

from . import output
from .wording import count, features_of

if TYPE_CHECKING:
    from kallos_tune import Event, FoldFinished, StudyOpened, TrialFinished

LOADING = "loading the models…"


@dataclass
class Watch:
    """Follows a study, and prints a line for what is worth one.

    Trials go by their numbers, since several may run at a time; how far the study is, is how many are finished.

    Attributes
    ----------
    opened : StudyOpened or None
    n_finished : int
        Finished trials of the study so far, by whichever process.
    n_pruned, n_failed, n_interrupted, n_abandoned : int
        Trials pruned (finished ones, too), failed, interrupted and abandoned so far, likewise.
    n_run : int
        The finished ones that this call has run.
    running : set of int
        The trials under way.
    """

    lines: bool = True
    folds: bool = True
    opened: "StudyOpened | None" = None
    n_finished: int = 0
    n_pruned: int = 0
    n_failed: int = 0
    n_interrupted: int = 0
    n_abandoned: int = 0
    n_run: int = 0
    running: set[int] = field(default_factory=set[int])
    _best: float | None = None

    def __call__(self, event: "Event") -> None:
        """Take note of an event."""
        from kallos_tune import FoldFinished, StudyOpened, TrialFinished, TrialStarted

        match event:
            case StudyOpened():
                self.opened, self._best = event, event.best_score
                self._count(event)
                self._say_opened(event)
            case TrialStarted():
                self.running.add(event.trial)
                if self.lines and self.folds:
                    output.say(f"trial {event.trial} begins, {self.progress()}")
            case FoldFinished() if self.lines and self.folds:
                self._say_fold(event)
            case TrialFinished():
                self.running.discard(event.trial)
                self.n_run += event.score is not None
                self._count(event)
                self._say_trial(event)
                scores = [score for score in (self._best, event.best_score) if score is not None]
                self._best = min(scores, default=None)
            case _:
                pass

    def progress(self) -> str:
        """Return how many trials of how many are finished."""
        return "" if self.opened is None else f"{self.n_finished} of {self.opened.n_trials} finished"

    def _count(self, event: "StudyOpened | TrialFinished") -> None:
        # Workers count by themselves: what they tell may overlap.
        self.n_finished = max(self.n_finished, event.n_finished)
        self.n_pruned = max(self.n_pruned, event.n_pruned)
        self.n_failed = max(self.n_failed, event.n_failed)
        self.n_interrupted = max(self.n_interrupted, event.n_interrupted)
        self.n_abandoned = max(self.n_abandoned, event.n_abandoned)

    def _say_opened(self, event: "StudyOpened") -> None:
        if not self.lines:
            return
        output.say(
            f"study {event.study_name}: {event.n_rows} steps from {event.first[:10]} to {event.last[:10]}, "
            f"{features_of(event.n_features, event.n_columns)}, {event.n_folds} folds; "
            f"naive forecast: {event.metric} {event.naive_score:.4g} ({event.naive})"
        )
        if event.learnt:
            output.say(event.learnt)
        filled = [
            f"{train} of training and {val} of validation in fold {number}"
            for number, (train, val) in enumerate(event.n_filled, start=1)
            if train or val
        ]
        if filled:
            output.say(f"filled steps, neither trained on nor scored: {', '.join(filled)}")
        if event.n_finished >= event.n_trials:
            output.say(f"{count(event.n_finished, 'finished trial')} of {event.n_trials} asked for: nothing to run")
            return
        if event.n_finished:
            output.say(f"{count(event.n_finished, 'finished trial')} of {event.n_trials}: resuming")
        if self.folds:
            output.say(LOADING)

    def _say_fold(self, event: "FoldFinished") -> None:
        output.say(
            f"trial {event.trial}, fold {event.fold} of {event.n_folds}: error {event.score:.4g}, naive "
            f"{event.naive_score:.4g}, {count(event.epochs, 'epoch')}, {duration(event.seconds)}"
        )

    def _say_trial(self, event: "TrialFinished") -> None:
        if not self.lines or self.opened is None or event.score is None:
            return  # that it failed, and why, is a warning of kallos_tune
        if event.state == "PRUNED":
            # An error over less than all folds says nothing beside the naive mean of all.
            output.say(
                f"trial {event.trial}: pruned after {event.pruned_after}, {duration(event.seconds)}; {self.progress()}"
            )
            return
        best = " (best so far)" if self._best is None or event.score < self._best else ""
        output.say(f"trial {event.trial}: score {event.score:.4g}{best}, {duration(event.seconds)}; {self.progress()}")
