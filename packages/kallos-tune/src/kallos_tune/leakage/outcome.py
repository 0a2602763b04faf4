"""What was compared before and after a change of the future, and what moved."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from ..evaluation.scoring import Floats
from .suspects import Suspect


@dataclass(slots=True)
class Leakage:
    """What was compared, and what moved.

    Attributes
    ----------
    asset_id, target_col : str
    date : datetime
        The last step that was left as it is.
    recomputed : bool
        Whether the indicators are those that ingest computes, and were computed anew from the changed prices.
    n_changed : int
        Rows of prices after the date, all of which were changed.
    n_rows, n_folds, n_forecasts : int
        Rows of features, folds as scaled series, and forecasts of a small model, that were compared.
    n_folds_until : int
        Those of the folds that are of a study which ends with the date.
    n_moved_after : int
        Forecasts of later steps that did move: the model does see what was changed once it may.
    max_difference : float
        The largest between two numbers that must be equal.
    moved : list of str
        What of it differs, in words.
    readings : list of Suspect
        Every feature with its correlation with the next step's target, the closest first.
    """

    asset_id: str
    target_col: str
    date: datetime
    recomputed: bool
    n_changed: int
    n_rows: int = 0
    n_folds: int = 0
    n_forecasts: int = 0
    n_folds_until: int = 0
    n_moved_after: int = 0
    max_difference: float = 0.0
    moved: list[str] = field(default_factory=list[str])
    readings: list[Suspect] = field(default_factory=list[Suspect])

    @property
    def suspects(self) -> list[Suspect]:
        """Features that know too much of the next step, the closest first."""
        return [each for each in self.readings if each.suspicious]

    @property
    def clean(self) -> bool:
        """Whether nothing moved and no column is certain to hold the future."""
        return not self.moved and not any(each.certain for each in self.suspects)

    def compare(self, what: str, one: Floats, other: Floats) -> None:
        """Compare two arrays that must be equal."""
        if one.shape != other.shape:
            self.moved.append(f"{what}: {len(one)} rows, and {len(other)} after the change")
            self.max_difference = np.inf
            return
        differ = ~((one == other) | (np.isnan(one) & np.isnan(other)))
        if differ.any():
            largest = float(np.nanmax(np.abs(np.where(differ, one - other, 0.0))))
            self.max_difference = max(self.max_difference, largest)
            self.moved.append(f"{what}: {int(differ.sum())} of {differ.size} numbers differ, by up to {largest:.3g}")
