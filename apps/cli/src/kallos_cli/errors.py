"""From an error to what the user reads and the exit code that scripts see."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .user_error import UserError

if TYPE_CHECKING:
    from kallos_data import AssetNotFoundError
    from kallos_data import KallosError as DataError
    from kallos_models import KallosError as ModelError
    from kallos_tune import KallosError as TuneError
    from kallos_tune import StudyMismatchError

EXIT_OURS = 1
# Of a rerun: its scores are others than those stored.
EXIT_DIFFERENT = 1
EXIT_USER = 2
EXIT_NO_EVIDENCE = 3
EXIT_CTRL_C = 130
EXIT_SIGTERM = 143

# Arguments of the libraries' functions, as the command line spells them; settings name their options themselves.
_OPTION_OF_ARGUMENT = {
    "allow_overlap": "--allow-overlap",
    "asset_id": "--asset-id",
    "date_format": "--date-format",
    "db_kwargs": "--db-url",
    "decimal": "--decimal",
    "end": "--end",
    "end_date": "--end-date",
    "feature_groups": "--features",
    "forecasts": "--forecasts",
    "foreign": "--foreign",
    "format": "--format",
    "frequency": "--frequency",
    "from_date": "--from",
    "hold_features": "--hold-features",
    "horizon": "--horizon",
    "id_column": "--id-column",
    "indicators": "--indicators-table",
    "indicators_table": "--indicators-table",
    "interactive": "--interactive",
    "keep_unfinished": "--keep-unfinished",
    "market": "--market-table",
    "market_table": "--market-table",
    "max_age": "--max-age",
    "model_name": "--model-name",
    "n_trials": "--n-trials",
    "optuna_schema": "--optuna-schema",
    "new_name": "NEW",
    "overwrite": "--overwrite",
    "params": "--params",
    "path": "FILE",
    "refit_every": "--refit-every",
    "repair": "--repair",
    "schema": "--optuna-schema",
    "snap": "--snap",
    "start": "--start",
    "studies_url": "--studies-url",
    "study_name": "--study-name",
    "table": "--table",
    "target_col": "--target-col",
    "thousands": "--thousands",
    "time_zone": "--time-zone",
    "timestamp_column": "--timestamp-column",
    "to_date": "--to",
    "to_url": "--to-url",
    "trial": "--trial",
    "until": "--until",
    "url": "--db-url",
    "wait_seconds": "--database-wait",
    "where": "--where",
}
# Arguments that messages name as what to set.
_REMEDY = re.compile(r"\((foreign|hold_features|members_from|stop_on_last|decimal, thousands)\)")
_NO_TRIAL = re.compile(r"study '(.*)' has no complete trial yet")


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


def option_of(parameter: str) -> str:
    """Return how the user spelled an argument of the libraries: as an option, or as a key of the configuration file.

    One that there is no option for stays as it is.
    """
    from . import command_line, config_file
    from .setting_options import FORECASTER_OPTIONS, SETTING_OPTIONS

    spelled = {option.name: option.flag for option in (*SETTING_OPTIONS, *FORECASTER_OPTIONS)}
    flag = spelled.get(parameter) or _OPTION_OF_ARGUMENT.get(parameter, parameter)
    return flag if command_line.value_typed((flag,)) is not None else config_file.place_of(flag) or flag


def explain(error: Exception) -> Explanation:
    """Return an error in one or two lines, with its exit code."""
    from kallos_data import KallosError as DataError
    from kallos_models import KallosError as ModelError
    from kallos_tune import (
        DatabaseUnavailableError,
        ForeignTablesError,
        LockTimeoutError,
        StudyExistsError,
        StudyMismatchError,
        TooManyFailuresError,
        WorkerError,
    )
    from kallos_tune import KallosError as TuneError

    user = True
    match error:
        case UserError():
            lines = tuple(str(error).split("\n"))
        case StudyMismatchError():
            lines = _mismatch(error)
        case StudyExistsError():
            remedy = "choose another --study-name, or leave out --resume never to resume it"
            lines = (f"study {error.name!r} exists already: {remedy}",)
        case ForeignTablesError():
            schema = "in a schema of their own with --optuna-schema NAME, or " if error.has_schemas else ""
            lines = (
                f"{error.database} belongs to another application, {error.found}: nothing was created",
                f"keep studies {schema}in another database with --studies-url URL",
            )
        case TooManyFailuresError():
            user = False
            lines = (
                str(error),
                "finished trials are kept; the same command tries again, and with --debug logs the failures in full",
            )
        case DatabaseUnavailableError():
            user = False
            lines = (
                f"the database could not be reached for {error.seconds:.0f} s ({error.reason})",
                "finished trials are kept; run the same command again once it is back; --database-wait sets the limit",
            )
        case WorkerError():
            user = False
            lines = (
                " ".join(str(error).split()),
                "finished trials are kept; the same command runs the rest, and with --debug logs the failure in full",
            )
        case LockTimeoutError():
            user = False
            lines = (
                f"another process has been {error.purpose} for {error.seconds:.0f} s",
                "finished trials are kept; see whether it is stuck and end it; --database-wait sets how long to wait",
            )
        case DataError() | ModelError() | TuneError():
            lines = _mistake(error)
        case _:
            user = False
            lines = _internal(error)
    return Explanation(EXIT_USER if user else EXIT_OURS, lines)


def _mistake(error: "DataError | ModelError | TuneError") -> tuple[str, ...]:
    from kallos_data import AssetNotFoundError
    from kallos_tune import StorageError

    if isinstance(error, AssetNotFoundError):
        return _unknown_asset(error)
    problem = _REMEDY.sub(lambda found: f"({', '.join(map(option_of, found[1].split(', ')))})", error.problem)
    line = f"{option_of(error.parameter)} {problem}" if error.parameter else problem
    if isinstance(error, StorageError) and any(words in line for words in ("permission denied", "readonly database")):
        return line, "where prices may only be read, keep studies in another database with --studies-url URL"
    return (line, *_command_that_helps(line))


def _command_that_helps(line: str) -> tuple[str, ...]:
    """Return a second line with what to type, where an error has one command for its remedy."""
    from . import command_line

    if "ingest data first" in line or "ingest prices first" in line:
        words = ["ingest", "prices.csv", "--asset-id", "BTC", *command_line.typed_url()]
        return (f"for instance: {command_line.of_program(*words)}",)
    if found := _NO_TRIAL.search(line):
        shows = command_line.of_program("study", "show", found[1], *command_line.typed_url())
        return (f"the tune command that began it runs more; how it stands: {shows}",)
    return ()


def _unknown_asset(error: "AssetNotFoundError") -> tuple[str, str]:
    from . import command_line

    asked = "--asset-id" if command_line.value_typed(("--asset-id",)) else "asset"
    if not error.known:
        return f"{asked} {error.problem}", f"ingest prices first: {command_line.of_program('ingest', '--help')}"
    return f"{asked} {error.problem}", f"{command_line.of_program('assets', 'list')} shows what there is"


def _internal(error: Exception) -> tuple[str, str]:
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"internal error: {what}", "run the same command again with --debug to see where it comes from"


def _mismatch(error: "StudyMismatchError") -> tuple[str, str]:
    shown = error.in_words(lambda key, old, new: f"{option_of(key)} was {old}, now {new}")
    ways = ["go back to the stored values", "choose another --study-name"]
    ways += ["resume it nevertheless with --resume force"] if error.can_go_on else []
    return f"study {error.name!r} was made {error.how}: {shown}", ", or ".join(ways)
