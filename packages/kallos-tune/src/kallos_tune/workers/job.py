"""What workers are given to do."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from ..events import Listener


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every worker does.

    Attributes
    ----------
    work : str
        Function as ``"module:name"``: imported only where it runs, so that the watching process need not load torch.
        It is called with ``arguments`` and a listener.
    arguments : tuple
        Anything that can be pickled.
    loggers : tuple of str, default ("kallos_tune",)
        Whose log lines are shown at the levels that they have in the watching process.
    """

    work: str
    arguments: tuple[Any, ...]
    loggers: tuple[str, ...] = ("kallos_tune",)

    def do(self, listener: Listener) -> None:
        """Do the work in this process."""
        _load(self.work)(*self.arguments, listener)


def _load(name: str) -> Callable[..., None]:
    """Load a function with its module, without looking for garbage: there is next to none (garbage_collection_off)."""
    looking = gc.isenabled()
    gc.disable()
    try:
        return resolve_name(name)
    finally:
        if looking:
            gc.enable()
