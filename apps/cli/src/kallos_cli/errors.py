"""From an error to what the user reads and the exit code that scripts see."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kallos_tune.errors import StudyMismatchError

EXIT_OURS = 1
EXIT_USER = 2
EXIT_CTRL_C = 130
EXIT_SIGTERM = 143

# Words of the libraries' Python interface, in the words of the command line.
_OPTIONS = {
    "asset_id": "--asset-id",
    "cpus_per_worker": "--cpus-per-worker",
    "db_kwargs": "--db-url",
    "database_wait_seconds": "--database-wait",
    "device": "--device",
    "end_date": "--end-date",
    "engine": "--engine",
    "feature_groups": "--features",
    "forecast": "--forecast",
    "gpus_per_worker": "--gpus-per-worker",
    "grace_seconds": "--grace-seconds",
    "indicators_table": "--indicators-table",
    "market_table": "--market-table",
    "max_epochs": "--max-epochs",
    "max_gap": "--max-gap",
    "metric": "--metric",
    "model_name": "--model-name",
    "n_trials": "--n-trials",
    "optuna_schema": "--optuna-schema",
    "patience": "--patience",
    "pruner": "--pruner",
    "purge": "--purge",
    "ray_address": "--ray-address",
    "sampler": "--sampler",
    "seed": "--seed",
    "start_date": "--start-date",
    "study_name": "--study-name",
    "target_col": "--target-col",
    "target_folds": "--folds",
    "val_share": "--val-share",
    "window": "--window",
    "workers": "--workers",
}
_ASSIGNED = re.compile(r"\b([a-z_]+)=(?:'([^']*)'|\"([^\"]*)\"|([\w.+-]+))")
_NAMED = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_LEADING = re.compile(r"^[a-z]+\b(?= (?:must|needs|is one of)\b)")


class UserError(Exception):
    """A mistake of the user that only the command line can see."""


class StoppedError(Exception):
    """The user stopped the command, and this is what to say about it."""

    def __init__(self, exit_code: int, *lines: str) -> None:
        super().__init__(*lines)
        self.exit_code = exit_code
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Explanation:
    """What to print, and how to exit."""

    exit_code: int
    lines: tuple[str, ...]


def explain(error: Exception) -> Explanation:
    """Return an error in one or two lines, with its exit code."""
    from kallos_data.errors import InsufficientDataError
    from kallos_data.errors import KallosError as DataError
    from kallos_models.errors import KallosError as ModelError
    from kallos_tune.errors import (
        DatabaseUnavailableError,
        StudyExistsError,
        StudyMismatchError,
        TooManyFailuresError,
        WorkerError,
    )
    from kallos_tune.errors import KallosError as TuneError

    user = True
    match error:
        case UserError():
            lines = tuple(str(error).splitlines())
        case StudyMismatchError():
            lines = _mismatch(error)
        case StudyExistsError():
            remedy = "choose another --study-name, or leave out --resume never to go on with it"
            lines = (f"study {error.name!r} exists already: {remedy}",)
        case TooManyFailuresError():
            user = False
            lines = (
                str(error),
                "the trials are kept and the same command tries again; --debug logs the failures in full",
            )
        case DatabaseUnavailableError():
            user = False
            lines = _database_away(str(error))
        case WorkerError():
            user = False
            lines = _worker_ended(str(error))
        case InsufficientDataError() if "min_train_length" in str(error):
            what = str(error).partition(": ")[0]
            lines = (f"{what}: ingest a longer history, or move --start-date or --end-date",)
        case DataError() | ModelError() | TuneError():
            lines = tuple(in_options(str(error)).splitlines())
        case _:
            user = False
            lines = _internal(error)
    return Explanation(EXIT_USER if user else EXIT_OURS, lines)


def in_options(message: str) -> str:
    """Return a library's message with its argument names as options of the command line."""

    def assigned(match: re.Match[str]) -> str:
        option = _OPTIONS.get(match[1])
        value = next((group for group in match.groups()[1:] if group is not None), "")
        return f"{option} {value}" if option else match[0]

    message = _ASSIGNED.sub(assigned, message)
    message = _NAMED.sub(lambda match: _OPTIONS.get(match[0], match[0]), message)
    return _LEADING.sub(lambda match: _OPTIONS.get(match[0], match[0]), message)


def _internal(error: Exception) -> tuple[str, str]:
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"internal error: {what}", "run the same command again with --debug to see where it comes from"


def _database_away(message: str) -> tuple[str, str]:
    what, _, remedy = message.rpartition(": ")
    return what, f"{remedy}; --database-wait sets how long it is waited for"


def _worker_ended(message: str) -> tuple[str, str]:
    """Return why a worker ended; that the database was away is no fault of the worker's."""
    _, away, words = message.partition("DatabaseUnavailableError: ")
    if away:
        return _database_away(words)
    remedy = "finished trials are kept, and the same command goes on with the rest; --debug logs the failure in full"
    return " ".join(message.split()), remedy


def _mismatch(error: "StudyMismatchError") -> tuple[str, str]:
    shown = "; ".join(f"{_OPTIONS.get(key, key)} was {old}, now {new}" for key, (old, new) in error.differences.items())
    ways = ["go back to the stored values", "choose another --study-name"]
    ways += ["go on nevertheless with --resume force"] if error.can_go_on else []
    return f"study {error.name!r} was made with something else: {shown}", ", or ".join(ways)
