"""How a worker process is told to end, with time to record its trial."""

import signal
import sys
from typing import Final, NoReturn

EXIT_OF_SIGINT: Final = 128 + signal.SIGINT
EXIT_OF_SIGTERM: Final = 128 + signal.SIGTERM
# From the process that started this one, where Ctrl-C ends it: the terminal's SIGINT comes to all, whatever it means.
CTRL_C: Final = signal.SIGUSR2
EXIT_OF_CTRL_C: Final = 128 + CTRL_C
_INSIST_SECONDS: Final = 0.05


def end_at(*numbers: int) -> None:
    """Turn the first of these signals into ``SystemExit``, once; whoever records a trial is not disturbed again.

    The code is 128 and the signal's number.
    """
    received: list[int] = []

    def terminate(number: int, _frame: object) -> NoReturn:
        received.append(number)
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + received[0])

    for number in (*numbers, signal.SIGALRM):
        signal.signal(number, terminate)
    sys.unraisablehook = _insist


def _insist(unraisable: "sys.UnraisableHookArgs") -> None:
    """Come back to an end that was swallowed: whatever is raised while garbage is collected goes no further."""
    if isinstance(unraisable.exc_value, SystemExit):
        signal.setitimer(signal.ITIMER_REAL, _INSIST_SECONDS)
    else:
        sys.__unraisablehook__(unraisable)
