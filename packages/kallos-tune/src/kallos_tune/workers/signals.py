"""How a worker process is told to end, with time to record its trial."""

import signal
import sys
from typing import Final, NoReturn

EXIT_OF_SIGTERM: Final = 128 + signal.SIGTERM
_INSIST_SECONDS: Final = 0.05


def end_at(*numbers: int) -> None:
    """Turn the first of these signals into ``SystemExit``, once; whoever records a trial is not disturbed again."""

    def terminate(*_: object) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(EXIT_OF_SIGTERM)

    for number in (*numbers, signal.SIGALRM):
        signal.signal(number, terminate)
    sys.unraisablehook = _insist


def _insist(unraisable: "sys.UnraisableHookArgs") -> None:
    """Come back to an end that was swallowed: whatever is raised while garbage is collected goes no further."""
    if isinstance(unraisable.exc_value, SystemExit):
        signal.setitimer(signal.ITIMER_REAL, _INSIST_SECONDS)
    else:
        sys.__unraisablehook__(unraisable)
