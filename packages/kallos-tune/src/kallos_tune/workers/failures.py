"""When too much fails for a run to continue."""

import logging
from collections import Counter
from typing import Final

from ..errors import TooManyFailuresError, WorkerError
from ..events import TrialFinished

logger = logging.getLogger(__name__)

_FAILURES_IN_A_ROW: Final = 5
_FAILURES_AT_FIRST: Final = 3
_REPLACEMENTS_IN_A_ROW: Final = 3


class FailureLimit:
    """Watches how trials and workers end, and forgives all failures once a trial succeeds.

    Five failed trials in a row are too many, and so are three before the first success. A worker that dies is replaced;
    one whose three replacements have died too, while no trial succeeded anywhere, is not.
    """

    def __init__(self) -> None:
        self._reasons: list[str] = []
        self._deaths: Counter[int] = Counter()
        self._any_success = False

    def see(self, finished: TrialFinished) -> None:
        """Take note of how a trial ended.

        Raises
        ------
        TooManyFailuresError
            Where this failure was one too many.
        """
        if finished.reason is None:
            self._any_success = True
            self._reasons.clear()
            self._deaths.clear()
            return
        self._reasons.append(finished.reason)
        if len(self._reasons) >= (_FAILURES_IN_A_ROW if self._any_success else _FAILURES_AT_FIRST):
            raise TooManyFailuresError(self._reasons)

    def see_death(self, number: int, why: str) -> None:
        """Take note that a worker died, and log that it is replaced.

        Parameters
        ----------
        number : int
            Of the worker; its replacements have the same.
        why : str
            "was killed by signal 9"

        Raises
        ------
        WorkerError
            Where this death was one too many.
        """
        if self._deaths[number] >= _REPLACEMENTS_IN_A_ROW:
            raise WorkerError(
                f"worker {number} {why}: it is the {self._deaths[number] + 1}th in a row to die in its place "
                "before any trial succeeded, and is not replaced again"
            )
        self._deaths[number] += 1
        logger.warning("worker %d %s: replaced", number, why)
