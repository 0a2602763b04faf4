"""What the caller decides about the grid that bars lie on."""

from dataclasses import dataclass
from datetime import timedelta

from ..errors import ConfigError
from ..steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """How bars are put on the grid of their asset.

    Attributes
    ----------
    frequency : str or timedelta, optional
        From one bar to the next: ``15min``, ``1h``, ``4h``, ``1d``, ``B`` for working days; found in the times where
        left out, or "auto".
    snap : bool, default False
        Whether times off the grid are moved to it, where every move is under half a step and no two fall together.
    keep_unfinished : bool, default False
        Whether a bar that has not ended yet is written too.
    max_gap : int, default 7
        Longest hole, in steps, over which indicators go on; after a longer one they begin anew.

    Raises
    ------
    ConfigError
        Where ``frequency`` is no step, or ``max_gap`` negative.
    """

    frequency: str | timedelta | None = None
    snap: bool = False
    keep_unfinished: bool = False
    max_gap: int = 7

    def __post_init__(self) -> None:
        if self.max_gap < 0:
            raise ConfigError(f"must be 0 or more, not {self.max_gap}", "max_gap")
        _ = self.step

    @property
    def step(self) -> Step | None:
        """The step that is named, None where it is to be found."""
        if self.frequency is None or self.frequency == "auto":
            return None
        return Step.of(self.frequency)
