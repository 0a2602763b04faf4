"""Everything that can be wrong with a database, its data or a request for it.

Every class also subclasses the built-in error that it resembles and carries its facts as attributes, also across
processes.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any


class KallosError(Exception):
    """Base of every error that kallos-data raises on purpose.

    Attributes
    ----------
    problem : str
        What is wrong and what to do, without the parameter's name: "must be 1 or more, not 0".
    parameter : str or None
        The argument that it is about, as in "max_gap"; None where it is about none.
    """

    def __init__(self, problem: str, parameter: str | None = None) -> None:
        super().__init__(problem, parameter)
        self.problem = problem
        self.parameter = parameter

    def __str__(self) -> str:
        return f"{self.parameter} {self.problem}" if self.parameter else self.problem

    def __reduce__(self) -> tuple[Any, ...]:
        # Without a call of __init__, whose arguments differ from class to class.
        return _unpickled, (type(self), self.args), self.__dict__


class ConfigError(KallosError, ValueError):
    """An argument cannot be used as given."""


class DatabaseError(KallosError, ConnectionError):
    """The database cannot be reached or refuses the request; the message never holds a password."""

    def __init__(self, problem: str, parameter: str | None = None) -> None:
        super().__init__(problem, parameter)
        # An OSError takes two arguments for its number and its text.
        self.errno = self.strerror = None


class FeatureGroupError(ConfigError):
    """A group of features cannot be used as given.

    Attributes
    ----------
    group : str
        Its name.
    """

    def __init__(self, problem: str, group: str) -> None:
        self.group = group
        super().__init__(problem, "feature_groups")


class AssetNotFoundError(KallosError, LookupError):
    """The table has no row of the asset.

    Attributes
    ----------
    asset_id : str
        The asset asked for.
    known : Sequence[str]
        Assets that the table does hold, at most a few hundred.
    """

    def __init__(self, asset_id: str, known: Sequence[str], *, table: str) -> None:
        self.asset_id = asset_id
        self.known = known
        super().__init__(f"{asset_id!r} is not in table {table!r}: {_nearest(asset_id, known)}", "asset_id")


class MissingColumnsError(KallosError, LookupError):
    """Columns are asked for that the frame or table does not have.

    Attributes
    ----------
    missing, available : Sequence[str]
        The names asked for in vain, and those there are.
    """

    def __init__(
        self,
        missing: Sequence[str],
        available: Sequence[str],
        *,
        where: str = "the frame",
        parameter: str | None = None,
        remedy: str = "",
    ) -> None:
        self.missing = missing
        self.available = available
        names = ", ".join(map(repr, missing))
        has = f"it has {', '.join(map(repr, available)) or 'none'}"
        close = _resembling(missing[0], available, least=0.6)[:1] if len(missing) == 1 else []
        has += f"; did you mean {close[0]!r}?" if close else ""
        has += f"{'' if close else ';'} {remedy}" if remedy else ""
        super().__init__(
            f"names {names}, but {where} has no such column: {has}"
            if parameter
            else f"{where} has no column {names}: {has}",
            parameter,
        )


class DataQualityError(KallosError, ValueError):
    """The data contradict themselves: duplicates, infinities, gaps too long to fill, times off the grid."""


class InsufficientDataError(KallosError, ValueError):
    """The history is too short for what is asked of it.

    Attributes
    ----------
    needed, found : int
        Rows.
    """

    def __init__(self, needed: int, found: int, *, purpose: str, remedy: str) -> None:
        self.needed = needed
        self.found = found
        too_short = f"needs at least {needed} rows, and there are {found}" if needed > 1 else "has no rows"
        super().__init__(f"{purpose} {too_short}: {remedy}")


def _unpickled(kind: type[KallosError], args: tuple[Any, ...]) -> KallosError:
    error = kind.__new__(kind)
    error.args = args
    return error


def _resembling(name: str, known: Sequence[str], *, least: float) -> list[str]:
    """Return up to three known names that resemble one, whatever their case, the closest first."""
    by_lower = {each.lower(): each for each in known}
    return [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=3, cutoff=least)]


def _nearest(name: str, known: Sequence[str]) -> str:
    """Return the known names that most resemble ``name``, as the end of a message."""
    if not known:
        return "the table is empty"
    if close := _resembling(name, known, least=0.5):
        return f"did you mean {' or '.join(map(repr, close))}?"
    shown = ", ".join(map(repr, sorted(known)[:10]))
    return f"it has {shown}{', …' if len(known) > 10 else ''}"
