"""Everything that can be wrong with a study.

Every class carries its facts as attributes, also subclasses the built-in error it resembles, and survives pickling:
workers are processes of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any


class KallosError(Exception):
    """Base of every error that kallos-tune raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong and what to do, without the parameter's name: ``"must be 1 or more, not 0"``.
    parameter : str, optional
        The argument that it is about, as Python spells it.

    Attributes
    ----------
    problem : str
    parameter : str or None
    """

    def __init__(self, problem: str, parameter: str | None = None) -> None:
        super().__init__(problem, parameter)
        self.problem = problem
        self.parameter = parameter

    def __str__(self) -> str:
        return f"{self.parameter} {self.problem}" if self.parameter else self.problem

    def __reduce__(self) -> tuple[Any, ...]:
        # Classes with facts are not made from ``args`` again.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[KallosError], args: tuple[object, ...], facts: dict[str, object]) -> KallosError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(facts)
    return error


class ConfigError(KallosError, ValueError):
    """A setting of the study cannot be used as given."""


class SpaceError(ConfigError):
    """A parameter of a search space cannot be used as given.

    Attributes
    ----------
    name : str
        The parameter.
    reason : str
        What is wrong with it: "must be from 0 to 1, not 2".
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"has a parameter that cannot be used: {name} {reason}", "space")


class StorageError(KallosError, ConnectionError):
    """The study's storage cannot be opened; the message never holds a password."""


class ForeignTablesError(StorageError):
    """Tables of another application are where those of studies would be; nothing was created.

    Attributes
    ----------
    database : str
        Where they are, without a password.
    found : str
        What shows that they are not Optuna's.
    has_schemas : bool
        Whether a schema of their own keeps studies apart: on PostgreSQL.
    """

    def __init__(self, database: str, found: str, *, has_schemas: bool) -> None:
        self.database = database
        self.found = found
        self.has_schemas = has_schemas
        schema = "in a schema of their own (optuna_schema), or " if has_schemas else ""
        super().__init__(
            f"{database} belongs to another application, {found}: nothing was created; keep studies {schema}"
            "in another database (studies_db)"
        )


class DatabaseUnavailableError(StorageError):
    """The database could not be reached for longer than the study waits.

    Attributes
    ----------
    seconds : float
        How long that is.
    reason : str
        What the driver said last.
    """

    def __init__(self, seconds: float, reason: str) -> None:
        self.seconds = seconds
        self.reason = reason
        super().__init__(
            f"the database could not be reached for {seconds:.0f} s ({reason}): finished trials are kept; "
            "run the same again once it is back"
        )


class LockTimeoutError(StorageError):
    """Another process held a lock for longer than the study waits.

    Attributes
    ----------
    seconds : float
        How long that is.
    purpose : str
        What the other process was doing, as in "creating a study".
    """

    def __init__(self, seconds: float, purpose: str) -> None:
        self.seconds = seconds
        self.purpose = purpose
        super().__init__(
            f"another process has been {purpose} for {seconds:.0f} s: finished trials are kept; "
            "see whether it is stuck and end it, then run the same again"
        )


class WorkerError(KallosError, RuntimeError):
    """A worker process ended with an error, or several in a row died."""


class ClusterError(KallosError, ConnectionError):
    """There is no Ray cluster to work on, or none that serves this study."""


class MissingRayError(KallosError, ImportError):
    """Ray is asked for and not installed."""

    def __init__(self) -> None:
        super().__init__("'ray' needs Ray, which is not installed: pip install 'kallos-tune[ray]'", "engine")


class MissingMatplotlibError(KallosError, ImportError):
    """Pictures are asked for and matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__("pictures need matplotlib, which is not installed: pip install 'kallos-tune[pictures]'")


class MissingLibraryError(KallosError, ImportError):
    """Something is asked for that needs a library which is not installed.

    Attributes
    ----------
    library : str
    extra : str
        Which extra of kallos-tune brings it.
    """

    def __init__(self, what: str, library: str, extra: str, *, parameter: str | None = None) -> None:
        self.library = library
        self.extra = extra
        super().__init__(
            f"{what} {library}, which is not installed: pip install 'kallos-tune[{extra}]'", parameter=parameter
        )


class StudyNotFoundError(KallosError, LookupError):
    """No study of that name in the storage.

    Attributes
    ----------
    name : str
    known : Sequence[str]
        The studies there are.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = known
        close = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        super().__init__(f"no study {name!r}: {hint}there are {', '.join(map(repr, known)) or 'none'}")


class StudyExistsError(KallosError, FileExistsError):
    """A study of that name exists and the caller asked for a new one.

    Attributes
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"study {name!r} exists already: choose another name, or allow it to be resumed")


class StudyInUseError(KallosError, RuntimeError):
    """Trials of the study are running, so that it can be neither renamed nor deleted.

    Attributes
    ----------
    name : str
    trials : Sequence[int]
        Numbers of the trials that gave a sign of life not long ago.
    """

    def __init__(self, name: str, trials: Sequence[int]) -> None:
        self.name = name
        self.trials = trials
        *others, last = map(str, trials)
        which = f"trials {', '.join(others)} and {last} are" if others else f"trial {last} is"
        super().__init__(
            f"study {name!r} is in use, {which} running: wait until its workers are done or stop them; "
            "reap the study where they are gone"
        )


class StudyMismatchError(KallosError, ValueError):
    """The study in the storage is about something else than what is asked for.

    Attributes
    ----------
    name : str
    differences : Mapping[str, tuple[object, object]]
        What differs, with the stored and the asked-for value.
    can_go_on : bool
        Whether the study can be resumed by force: only the search differs, and the scores mean the same.
    change_of_data : str or None
        In words, what of the data has changed; None where they have not, or the study cannot say.
    """

    def __init__(
        self,
        name: str,
        differences: Mapping[str, tuple[object, object]],
        *,
        can_go_on: bool = False,
        change_of_data: str | None = None,
    ) -> None:
        self.name = name
        self.change_of_data = change_of_data
        self.differences = differences
        self.can_go_on = can_go_on
        shown = self.in_words(lambda key, old, new: f"{key}: stored {old!r}, now {new!r}")
        ways = ["choose another study name", "go back to the stored values"]
        ways += ["resume it by force"] if can_go_on else []
        super().__init__(f"study {name!r} was made {self.how} ({shown}): {', or '.join(ways)}")

    @property
    def how(self) -> str:
        """What the study was made with or on, in words."""
        return "with other settings" if self._beside_data or not self.change_of_data else "on other data"

    def in_words(self, difference: Callable[[str, object, object], str]) -> str:
        """Return what differs, each difference in the words of a function of its key and its two values."""
        shown = [difference(key, *self.differences[key]) for key in self._beside_data]
        return "; ".join([*shown, self.change_of_data] if self.change_of_data else shown)

    @property
    def _beside_data(self) -> list[str]:
        # What follows from a change of data that is told says no more.
        told = {"data_hash", "folds", "last"} if self.change_of_data else set[str]()
        return [key for key in self.differences if key not in told]


class TooManyFailuresError(KallosError, RuntimeError):
    """Too many trials failed in a row for the run to continue.

    Attributes
    ----------
    reasons : Sequence[str]
        Why each of them failed, oldest first.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = reasons
        super().__init__(f"{len(reasons)} trials failed in a row, the last one with: {reasons[-1]}")
