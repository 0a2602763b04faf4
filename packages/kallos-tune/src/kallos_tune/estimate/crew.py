"""Configurations timed by as many workers at the same time as a study will have."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..study_data import StudyData
from ..workers.job import Assignment
from ..workers.processes import run_assignment
from .configurations import Params
from .timing import Ready, Timing, Untimed

_WORK: Final = "kallos_tune.estimate.timing:time_configurations"
_LOGGERS: Final = ("kallos_data", "kallos_models", "kallos_tune")


@dataclass(frozen=True, slots=True)
class Timed:
    """What the workers told.

    Attributes
    ----------
    medians : list of Timing
        Of each configuration, in their order, the median of all workers.
    untimed : dict of str to str
        Configurations that cannot be trained, with the reason.
    startup : float
        Seconds until the last worker was ready.
    """

    medians: list[Timing]
    untimed: dict[str, str]
    startup: float


def time_by_workers(data: StudyData, model_name: str, configurations: Mapping[str, Params], workers: int) -> Timed:
    """Time configurations on a study's last fold, by several workers at once.

    Raises
    ------
    WorkerError
        Where a worker is killed, for want of memory say.
    """
    told: list[Timing] = []
    untimed: dict[str, str] = {}
    began = time.perf_counter()
    ready: list[float] = []

    def hear(message: object) -> None:
        match message:
            case Ready():
                ready.append(time.perf_counter() - began)
            case Timing():
                told.append(message)
            case Untimed():
                untimed[message.name] = message.reason
            case _:
                pass

    run_assignment(Assignment(_WORK, (data, model_name, configurations), _LOGGERS), workers, hear)
    of_name = {name: [each for each in told if each.name == name] for name in configurations}
    medians = [_median(each) for each in of_name.values() if each]
    return Timed(medians, untimed, max(ready, default=0.0))


def _median(timings: Sequence[Timing]) -> Timing:
    def of(name: str) -> float:
        return statistics.median(getattr(each, name) for each in timings)

    return Timing(
        name=timings[0].name,
        step=of("step"),
        validation=of("validation"),
        forecast=of("forecast"),
        overhead=of("overhead"),
        memory=max(each.memory for each in timings),
        share=of("share"),
    )


def share_of_core(timings: Sequence[Timing], n_threads: int) -> float:
    """Return the share that a worker got of what it would get were all cores free for the workers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(1.0, statistics.median(each.share for each in timings) / min(1.0, cores / n_threads))
