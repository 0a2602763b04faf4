"""A check: what it is about, how it stands, and what to do."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "broken"}
        Whether it works, works with a reservation, or does not.
    words : str
        What was found.
    remedy : str
        What to do; empty where there is nothing to do.
    """

    name: str
    state: State
    words: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        return asdict(self)


def ok(name: str, words: str) -> Check:
    """Return a check that found what is needed."""
    return Check(name, "ok", words)


def warning(name: str, words: str, remedy: str) -> Check:
    """Return a check that found something to know of."""
    return Check(name, "warning", words, remedy)


def broken(name: str, words: str, remedy: str = "") -> Check:
    """Return a check that found what does not work."""
    return Check(name, "broken", words, remedy)


def run(name: str, look: Callable[[], Check | Iterable[Check]]) -> list[Check]:
    """Return what a check found; one that fails is itself what was found."""
    from kallos_data import KallosError as DataError
    from kallos_tune import KallosError as TuneError

    try:
        found = look()
        return [found] if isinstance(found, Check) else list(found)
    except (DataError, TuneError) as error:
        # Which say what to do.
        return [broken(name, " ".join(str(error).split()))]
    except Exception as error:  # noqa: BLE001 - whatever a check stumbles over is reported, and ends no other
        text = " ".join(str(error).split())
        return [broken(name, f"could not be checked, {type(error).__name__}: {text}", "repeat it with --debug")]
