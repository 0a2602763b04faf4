"""A signal ends a command even where the exception that it becomes is swallowed."""

import gc
import os
import signal
import time

import pytest

from kallos_cli import signals


class Garbage:
    """Something that is told of a signal just when it is collected."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.itself = self

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)


def collect_and_go_on() -> None:
    gc.collect(0)  # the youngest objects
    time.sleep(5)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_that_arrives_while_garbage_is_collected(main_within, number, error):
    signals.install()
    Garbage(number)
    with pytest.raises(error):
        collect_and_go_on()
    assert signals.exit_code_received() == 128 + number
