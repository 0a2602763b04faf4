"""What may be announced of forecasts of a hold-out period: plain numbers and words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .direction import Direction
from .findings import Findings, with_tuples


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutVerdict(Findings):
    """Whether forecasts of a period that had no part in any choice beat the naive ones.

    Attributes
    ----------
    conclusion, reason, remedy, metric, horizon, n_steps, first, last : see :class:`Findings`
    skill, skill_against, r2_oos, interval_low, interval_high, detectable_skill : see :class:`Findings`
    clark_west_statistic, clark_west_p, clark_west_p_against : see :class:`Findings`
    diebold_mariano_statistic, diebold_mariano_p : see :class:`Findings`
    hinge_times, skill_without_hinges, hinges_turn_sign : see :class:`Findings`
    to_beat : str
        Name of the naive forecast with the lowest error over the training window.
    rmse, mae : float or None
        Of the forecast, in the target's unit; told also where there are too few steps for a verdict.
    naive_rmse, naive_mae : mapping of str to float
        Of the naive forecasts by name.
    direction : Direction or None
        How often the sign was right: of the value where the target swings around zero, of its change elsewhere.
    rank_correlation : float or None
        Between what was forecast and what came, of the same; None where one of them is constant.
    """

    to_beat: str
    rmse: float | None = None
    mae: float | None = None
    naive_rmse: Mapping[str, float] = field(default_factory=dict[str, float])
    naive_mae: Mapping[str, float] = field(default_factory=dict[str, float])
    direction: Direction | None = None
    rank_correlation: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the verdict that :meth:`to_dict` was called on, also after a way through JSON."""
        facts = with_tuples(values)
        if facts.get("direction") is not None:
            facts["direction"] = Direction(**facts["direction"])
        return cls(**facts)
