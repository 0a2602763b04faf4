"""What running a trial again found: every fold's score then and now, and what differs since."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RerunFold:
    """A fold's score as the study keeps it, and as it is now.

    Attributes
    ----------
    fold : int
        Counted from 1.
    first, last : str
        First and last step of its validation window, ISO 8601.
    stored, new : float
        Error of the forecast, in the target's unit.
    equal : bool
        Whether they are the same to the last digit.
    """

    fold: int
    first: str
    last: str
    stored: float
    new: float
    equal: bool


@dataclass(frozen=True, slots=True)
class Rerun:
    """A trial that was run again.

    Attributes
    ----------
    study_name : str
    trial : int
        Its number.
    state : {"complete", "pruned"}
        As it ended; a pruned trial is run again as far as it got.
    model_name, metric : str
    params : dict
        Hyperparameters.
    made_with : dict
        Seed, most epochs, patience, device and the like: what the trial was trained with, then and now.
    n_folds : int
        Folds of the study.
    folds : tuple of RerunFold
        Those that the trial was scored on.
    versions : dict of str to tuple
        Packages whose version differs: that with which the study was begun, that of now; None where there is none.
    data : str or None
        What of the data has changed since, in words that name the months; None where they are the same.
    settings : dict of str to tuple
        What else of the study's definition differs: as it is kept, as it is now.
    """

    study_name: str
    trial: int
    state: str
    model_name: str
    metric: str
    params: dict[str, Any]
    made_with: dict[str, Any]
    n_folds: int
    folds: tuple[RerunFold, ...]
    versions: dict[str, tuple[str | None, str | None]]
    data: str | None
    settings: dict[str, tuple[object, object]]

    @property
    def equal(self) -> bool:
        """Whether every score is the same to the last digit."""
        return all(fold.equal for fold in self.folds)

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types, with ``equal``."""
        return asdict(self) | {"equal": self.equal}
