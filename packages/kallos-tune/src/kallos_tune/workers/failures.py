"""When so many trials fail that going on is pointless."""

from typing import Final

from ..errors import TooManyFailuresError
from ..events import TrialFinished

_IN_A_ROW: Final = 5
_AT_FIRST: Final = 3


class FailureLimit:
    """Watches how trials end: five failures in a row are too many, and so are three before the first success."""

    def __init__(self) -> None:
        self._reasons: list[str] = []
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
            return
        self._reasons.append(finished.reason)
        if len(self._reasons) >= (_IN_A_ROW if self._any_success else _AT_FIRST):
            raise TooManyFailuresError(self._reasons)
