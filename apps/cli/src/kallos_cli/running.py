"""Runs a study for a command: shows its progress, and puts into words how it was stopped."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import EXIT_CTRL_C, EXIT_SIGTERM, StoppedError
from .progress import Watch, watching

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

    with watching(quiet=quiet, max_epochs=order.settings.max_epochs) as watch:
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
    return study, watch.n_finished - (watch.opened.n_finished if watch.opened else 0)


def _stopped(stop: BaseException, watch: Watch, order: Order, again: str) -> StoppedError:
    by_user = isinstance(stop, KeyboardInterrupt)
    word = "interrupted" if by_user else "terminated"
    if watch.opened is None:
        kept = f"{word} before the first trial: nothing is lost"
    else:
        running = "" if watch.running is None else f"trial {watch.running} is recorded as failed, "
        kept = f"{word}: {running}{watch.n_finished} of {order.n_trials} finished trials are kept"
    return StoppedError(EXIT_CTRL_C if by_user else EXIT_SIGTERM, kept, "continue with:", f"  {again}")
