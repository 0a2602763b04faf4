"""Runs a study for a command: shows its progress, and puts into words how it was stopped."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import EXIT_CTRL_C, EXIT_SIGTERM, StoppedError
from .live_display import watching
from .progress import Watch
from .wording import trials_are

if TYPE_CHECKING:
    import optuna

    from kallos_data import DatabaseConfig
    from kallos_tune import StudyData


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, in the words of :func:`kallos_tune.tune_on`."""

    data: "StudyData"
    config: "DatabaseConfig"
    optuna_schema: str | None
    model_name: str
    study_name: str
    n_trials: int


def run(request: Request, *, quiet: bool, again: Sequence[str]) -> "tuple[optuna.Study, int]":
    """Run a study and return it with the number of trials that this call finished.

    Parameters
    ----------
    request : Request
    quiet : bool
        Show no progress.
    again : sequence of str
        The commands that resume the study, for whoever stops it.

    Raises
    ------
    StoppedError
        On Ctrl-C and SIGTERM, with what is kept and how to resume.
    """
    from kallos_tune import tune_on

    settings = request.data.settings
    show = watching(quiet=quiet, max_epochs=settings.training.max_epochs, workers=settings.run.workers)
    # Ray prints what it has to say to stdout, which is for the result; above a live view, which stands in for stderr.
    with show as watch, redirect_stdout(sys.stderr):
        try:
            study = tune_on(
                request.data,
                request.model_name,
                request.study_name,
                request.n_trials,
                request.config,
                request.optuna_schema,
                on_event=watch,
            )
        except (KeyboardInterrupt, SystemExit) as stop:
            raise _stopped(stop, watch, request, again) from stop
    return study, watch.n_run


def _stopped(stop: BaseException, watch: Watch, request: Request, again: Sequence[str]) -> StoppedError:
    by_user = isinstance(stop, KeyboardInterrupt)
    word = "interrupted" if by_user else "terminated"
    kept = "before the first trial: nothing is lost" if watch.opened is None else _kept(watch, request)
    lines = (
        f"{word}{' ' if watch.opened is None else ': '}{kept}",
        "resume with:",
        *(f"  {command}" for command in again),
    )
    return StoppedError(EXIT_CTRL_C if by_user else EXIT_SIGTERM, *lines)


def _kept(watch: Watch, request: Request) -> str:
    """Return what became of the trials that were under way, and how many are finished, by what the study says."""
    from sqlalchemy.exc import SQLAlchemyError

    from kallos_data import KallosError
    from kallos_tune import KallosError as TuneError
    from kallos_tune import load_study, n_finished, trials_table

    try:
        study = load_study(request.config, request.study_name, optuna_schema=request.optuna_schema)
        words = dict(trials_table(study).select("trial", "state").iter_rows())
        finished = n_finished(study)
    except (KallosError, TuneError, SQLAlchemyError):
        recorded = f"{watch.n_finished} of {request.n_trials} finished trials were recorded before"
        return f"the database cannot be reached; {recorded}"
    parts = [
        f"{trials_are(those)} recorded as {word}"
        for word in ("failed", "interrupted", "abandoned")
        if (those := [number for number in sorted(watch.running) if words.get(number) == word])
    ]
    left = [number for number in sorted(watch.running) if words.get(number) == "running"]
    parts += [f"{trials_are(left)} still recorded as running, to be abandoned and run again later"] if left else []
    return ", ".join([*parts, f"{finished} of {request.n_trials} finished trials are kept"])
