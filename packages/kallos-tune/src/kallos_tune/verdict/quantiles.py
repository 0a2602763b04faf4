"""Whether forecast quantiles hold what they promise: coverage of their intervals, and what they lose."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from .accuracy import skill_of_errors
from .coverage import Coverage, coverage_of, pinball_loss
from .evidence import Floats
from .figures import counted, p_value, per_cent
from .sentences import compared, naive_in_words

LEVELS: Final = (0.5, 0.9)
"""Central intervals that are judged, where their bounds are among the quantiles."""

_REJECTED: Final = 0.05
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileFindings:
    """What was found of forecast quantiles over a period.

    Attributes
    ----------
    quantiles : tuple of float
    n_steps : int
    pinball : float
        Mean pinball loss over steps and quantiles, in the target's unit.
    naive : str
        Name of the naive forecast to beat.
    naive_pinball : float
        Of its quantiles, which are the forecast plus the quantiles of its errors over the training window.
    skill : float or None
        ``1 - pinball / naive_pinball``; None where the naive one loses nothing. Nothing is concluded from it.
    coverage : tuple of Coverage
        Of the 50 % and of the 90 % interval.
    horizon : int
        Steps from the last known one to the forecast one.
    """

    quantiles: tuple[float, ...]
    n_steps: int
    pinball: float
    naive: str
    naive_pinball: float
    skill: float | None
    coverage: tuple[Coverage, ...]
    horizon: int

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        facts = asdict(self)
        return facts | {"quantiles": list(self.quantiles), "coverage": [asdict(each) for each in self.coverage]}

    def lines(self) -> list[str]:
        """Return it in words, a sentence a line."""
        loss = (
            f"quantiles: pinball loss {self.pinball:.4g}, {compared(self.skill)} {naive_in_words(self.naive)} with the "
            f"quantiles of its errors over the training ({self.naive_pinball:.4g}); no verdict rests on it"
        )
        return [*(_coverage_line(each, self.horizon) for each in self.coverage), loss]


def judge_quantiles(
    actual: Floats,
    forecasts: Floats,
    quantiles: Sequence[float],
    *,
    naive: str,
    naive_forecasts: Floats,
    horizon: int = 1,
) -> QuantileFindings:
    """Return how often intervals held the truth, and what their quantiles lose beside naive ones.

    Parameters
    ----------
    actual : numpy.ndarray, float64, [N]
        The target, in its own unit, as is everything here.
    forecasts, naive_forecasts : numpy.ndarray, float64, [N, Q]
    quantiles : sequence of float, [Q]
        Each above 0 and below 1, ascending.
    naive : str
        Name of the naive forecast that the latter are of.
    horizon : int, default 1
        Steps from the last known one to the forecast one; above 1 they overlap, and p-values are too small.

    Raises
    ------
    ConfigError
        As :func:`kallos_tune.verdict.coverage.coverage_of` and :func:`kallos_tune.verdict.coverage.pinball_loss`.
    """
    pinball = pinball_loss(actual, forecasts, quantiles)
    naive_pinball = pinball_loss(actual, naive_forecasts, quantiles)
    coverage = [
        coverage_of(actual, forecasts[:, bounds[0]], forecasts[:, bounds[1]], level=level)
        for level in LEVELS
        if (bounds := _bounds(level, quantiles)) is not None
    ]
    return QuantileFindings(
        quantiles=tuple(quantiles),
        n_steps=len(actual),
        pinball=pinball,
        naive=naive,
        naive_pinball=naive_pinball,
        skill=skill_of_errors(pinball, naive_pinball),
        coverage=tuple(coverage),
        horizon=horizon,
    )


def _bounds(level: float, quantiles: Sequence[float]) -> tuple[int, int] | None:
    """Return the places of the quantiles that a central interval lies between, None where one is not among them."""
    places = [np.flatnonzero(np.abs(np.asarray(quantiles) - each) < _TOLERANCE) for each in _edges(level)]
    return (int(places[0][0]), int(places[1][0])) if all(len(each) for each in places) else None


def _edges(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _coverage_line(coverage: Coverage, horizon: int) -> str:
    line = (
        f"the {100 * coverage.level:.0f} % interval held {per_cent(coverage.share)} % of "
        f"{counted(coverage.n_steps, 'step')}, Kupiec p {p_value(coverage.kupiec_p)}; mean width "
        f"{coverage.mean_width:.4g}"
    )
    if coverage.kupiec_p < _REJECTED:
        line += ": too wide" if coverage.share > coverage.level else ": too narrow, do not rely on it"
    if horizon > 1:
        line += f" (each forecast looks {horizon} steps ahead, so steps overlap and p is too small)"
    if coverage.n_crossed:
        line += f"; its bounds crossed at {counted(coverage.n_crossed, 'step')} and were exchanged"
    return line
