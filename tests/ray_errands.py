"""What workers on Ray are sent to do in tests, in a module that loads next to nothing: each worker is a new process."""

import os
import signal
from pathlib import Path

from kallos_tune.events import EpochFinished, TrialFinished


def fail(on_event) -> None:
    raise ValueError("beyond repair")


def fail_trials(on_event) -> None:
    for number in range(9):
        on_event(TrialFinished(number, "FAIL", None, None, f"reason {number}", 0.0, None, 0, 0))


def die(on_event) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def flood(folder, on_event) -> None:
    """Tell many epochs while nobody listens, then what must not be lost."""
    for epoch in range(50):
        on_event(EpochFinished(0, 1, 1, epoch, 0.0))
    (Path(folder) / "flooded").touch()
    for number in range(20):
        on_event(TrialFinished(number, "COMPLETE", 0.0, None, None, 0.0, None, 0, 0))
