"""Everything that can be wrong with a database, its data or a request for it.

Every class carries its facts as attributes and also subclasses the built-in error it resembles.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class KallosError(Exception):
    """Base of every error that kallos-data raises on purpose."""


class ConfigError(KallosError, ValueError):
    """A setting cannot be used as given."""


class DatabaseError(KallosError, ConnectionError):
    """The database cannot be reached or refuses the request; the message never holds a password."""


class AssetNotFoundError(KallosError, LookupError):
    """No row of the asset in the asked-for range.

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
        super().__init__(f"no asset {asset_id!r} in table {table!r}: {nearest(asset_id, known)}")


class MissingColumnsError(KallosError, LookupError):
    """Columns are asked for that the frame or table does not have.

    Attributes
    ----------
    missing, available : Sequence[str]
        The names asked for in vain, and those there are.
    """

    def __init__(self, missing: Sequence[str], available: Sequence[str], *, where: str = "the frame") -> None:
        self.missing = missing
        self.available = available
        names = ", ".join(repr(name) for name in missing)
        super().__init__(f"{where} has no column {names}; it has: {', '.join(available) or 'none'}")


class DataQualityError(KallosError, ValueError):
    """The data contradict themselves: duplicates, infinities, gaps too long to fill, off-grid times."""


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
        super().__init__(f"{purpose} needs at least {needed} rows and there are {found}: {remedy}")


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the known names that most resemble ``name``, as the end of a message."""
    if not known:
        return "the table is empty"
    close = get_close_matches(name.lower(), [each.lower() for each in known], n=3, cutoff=0.5)
    by_lower = {each.lower(): each for each in known}
    if close:
        return f"did you mean {', '.join(by_lower[each] for each in close)}?"
    shown = ", ".join(sorted(known)[:10])
    return f"known are {shown}{', …' if len(known) > 10 else ''}"
