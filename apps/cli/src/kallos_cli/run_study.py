"""Runs a study for a command: shows its progress, and puts into words how it was stopped."""

import sys
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
    from kallos_tune import TuningSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run, in the words of :func:`kallos_tune.run_tuning`."""

    asset_id: str
    end_date: str
    config: "DatabaseConfig"
    optuna_schema: str | None = None
    model_name: str
    study_name: str
    target_col: str
    feature_groups: dict[str, list[str]]
    n_trials: int
    settings: "TuningSettings"


def run(order: Order, *, quiet: bool, again: str) -> "tuple[optuna.Study, int]":
    """Run a study and return it with the number of trials that this call finished.

    Parameters
    ----------
    order : Order
    quiet : bool
        Show no progress.
    again : str
        The command that continues the study, for who stops it.

    Raises
    ------
    StoppedError
        On Ctrl-C and SIGTERM, with what is kept and how to go on.
    """
    from kallos_tune import run_tuning

    show = watching(quiet=quiet, max_epochs=order.settings.max_epochs, workers=order.settings.workers)
    # Ray prints what it has to say to stdout, which is for the result.
    with redirect_stdout(sys.stderr), show as watch:
        try:
            study = run_tuning(
                order.asset_id,
                order.end_date,
                order.config,
                order.optuna_schema,
                order.model_name,
                order.study_name,
                order.target_col,
                order.feature_groups,
                order.n_trials,
                settings=order.settings,
                on_event=watch,
            )
        except (KeyboardInterrupt, SystemExit) as stop:
            raise _stopped(stop, watch, order, again) from stop
    return study, watch.n_run


def _stopped(stop: BaseException, watch: Watch, order: Order, again: str) -> StoppedError:
    by_user = isinstance(stop, KeyboardInterrupt)
    word = "interrupted" if by_user else "terminated"
    kept = "before the first trial: nothing is lost" if watch.opened is None else _kept(watch, order)
    lines = (f"{word}{' ' if watch.opened is None else ': '}{kept}", "continue with:", f"  {again}")
    return StoppedError(EXIT_CTRL_C if by_user else EXIT_SIGTERM, *lines)


def _kept(watch: Watch, order: Order) -> str:
    """Return what became of the trials that were under way, and how many are finished, by what the study says."""
    from sqlalchemy.exc import SQLAlchemyError

    from kallos_data import KallosError
    from kallos_tune import load_study
    from kallos_tune.errors import KallosError as TuneError
    from kallos_tune.trial_attributes import n_finished

    try:
        study = load_study(order.config, order.study_name, optuna_schema=order.optuna_schema)
        states = {trial.number: trial.state.name for trial in study.get_trials(deepcopy=False)}
        finished = n_finished(study)
    except (KallosError, TuneError, SQLAlchemyError):
        return f"the database is away; {watch.n_finished} of {order.n_trials} finished trials were recorded before"
    failed = [number for number in sorted(watch.running) if states.get(number) == "FAIL"]
    left = [number for number in sorted(watch.running) if states.get(number) == "RUNNING"]
    parts = [f"{trials_are(failed)} recorded as failed"] if failed else []
    parts += [f"{trials_are(left)} left unrecorded and will be given up"] if left else []
    return ", ".join([*parts, f"{finished} of {order.n_trials} finished trials are kept"])
