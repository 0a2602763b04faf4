"""Forecasters trained for a command: members told of as they begin and end, nothing replaced unasked."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kallos_tune import duration

from . import output
from .databases import Databases
from .user_error import UserError
from .wording import count

if TYPE_CHECKING:
    from kallos_tune import Event, ForecasterSettings, Recipe, Schedule, Trained


@dataclass(frozen=True, slots=True)
class Training:
    """What to train, and where to."""

    recipe: "Recipe"
    folder: Path
    databases: Databases
    settings: "ForecasterSettings"
    overwrite: bool
    quiet: bool

    def once(self) -> "Trained":
        """Train one model at the study's end."""
        from kallos_tune import train_forecaster

        return train_forecaster(
            self.recipe,
            self.folder,
            self.databases.prices or self.databases.studies,
            settings=self.settings,
            overwrite=self.overwrite or _may_replace(self.folder),
            on_event=self._listener(),
        )

    def _listener(self) -> "Callable[[Event], None]":
        # Epochs are the most there can be where the last steps stop a training.
        return _ignored if self.quiet else partial(_say, at_most=self.settings.stop_on_last is not None)

    def on_schedule(self, refit_every: str, until: str) -> "Schedule":
        """Train a model at the study's end, and again and again after it."""
        from kallos_tune import train_schedule

        return train_schedule(
            self.recipe,
            self.folder,
            self.databases.prices or self.databases.studies,
            refit_every=refit_every,
            until=until,
            settings=self.settings,
            on_event=self._listener(),
        )


def _may_replace(folder: Path) -> bool:
    """Ask whether a model that is there may be replaced, where there is somebody to ask."""
    if not (folder / "card.json").exists() or not sys.stdin.isatty():
        return False
    if not typer.confirm(f"replace the model in {folder}?", err=True):
        raise UserError(f"{folder} holds a model already, and it stays: choose another folder with --output")
    return True


def _ignored(_event: "Event") -> None:
    pass


def _say(event: "Event", *, at_most: bool) -> None:
    from kallos_tune import MemberFinished, MemberStarted

    if isinstance(event, MemberStarted):
        output.say(
            f"member {event.member} of {event.n_members} begins: trial {event.trial}, "
            f"{'at most ' if at_most else ''}{count(event.epochs, 'epoch')}"
        )
    if isinstance(event, MemberFinished):
        output.say(
            f"member {event.member} of {event.n_members} is trained: {count(event.epochs, 'epoch')}, "
            f"{duration(event.seconds)}"
        )
