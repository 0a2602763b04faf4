"""What workers are given to do, and when one that was killed gets no further replacement."""

import logging
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Final

from ..errors import WorkerError
from ..events import Listener

logger = logging.getLogger(__name__)

_MOST_REPLACEMENTS: Final = 3


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
    """

    work: str
    arguments: tuple[Any, ...]

    def do(self, listener: Listener) -> None:
        """Do the work in this process."""
        resolve_name(self.work)(*self.arguments, listener)


def count_replacement(number: int, why: str, replacements: int) -> int:
    """Return how many replacements a worker will have had, and say why it gets one more.

    Raises
    ------
    WorkerError
        Where it has had three already.
    """
    if replacements >= _MOST_REPLACEMENTS:
        raise WorkerError(f"worker {number} {why}, after {replacements} replacements: giving up")
    logger.warning("worker %d %s: replaced", number, why)
    return replacements + 1
