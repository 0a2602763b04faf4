"""What a worker gets when it asks for a trial: one to run, or why there is none."""

from dataclasses import dataclass
from enum import Enum, auto


class NoClaim(Enum):
    """Why there is no trial to run."""

    FULL = auto()  # the budget is finished
    BUSY = auto()  # what is left of it is running elsewhere


@dataclass(frozen=True, slots=True)
class Claim:
    """A trial that this worker is to run.

    Attributes
    ----------
    trial_id, number : int
        What the storage and the study know it by.
    draw : int
        How many parameters were drawn before: the seed of these.
    """

    trial_id: int
    number: int
    draw: int
