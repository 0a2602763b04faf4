"""Whether a forecast knows up from down, and whether it puts steps in the right order."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from ..errors import ConfigError
from .evidence import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How often the sign was right, beside how often it would have been by chance.

    Attributes
    ----------
    n_steps : int
        Steps that count: those at which neither the truth nor the forecast lies on the reference.
    n_still : int
        Steps left out because one of the two does, and so has no direction.
    share_right : float or None
        Of the steps that count; None without one.
    share_up, share_forecast_up : float or None
        How often the truth lies above the reference, and how often the forecast does.
    share_by_chance : float or None
        How often the sign would be right if the two had nothing to do with one another.
    statistic, p : float or None
        Of the test, one-sided; None where it has no meaning.
    untested : str or None
        Why there is no test, as it may follow "not tested: ".
    """

    n_steps: int
    n_still: int
    share_right: float | None = None
    share_up: float | None = None
    share_forecast_up: float | None = None
    share_by_chance: float | None = None
    statistic: float | None = None
    p: float | None = None
    untested: str | None = None


def direction_of(actual: Floats, forecast: Floats, reference: Floats | float = 0.0, *, horizon: int = 1) -> Direction:
    """Return how often a forecast has the right sign, with the test of Pesaran and Timmermann.

    With the shares p of steps that went up and q of forecasts that said so, signs that have nothing to do with one
    another agree in a share ``P* = p q + (1 - p)(1 - q)`` of n steps. The share P that did agree is compared with it:
    ``S = (P - P*) / √(V - V*)`` is normal, with ``V = P* (1 - P*) / n`` and
    ``V* = ((2p - 1)² q (1 - q) + (2q - 1)² p (1 - p)) / n + 4 p q (1 - p)(1 - q) / n²``. So a forecast that always says
    up earns nothing from a market that mostly rises. Pesaran, Timmermann (1992), "A Simple Nonparametric Test of
    Predictive Performance", Journal of Business & Economic Statistics 10(4).

    Parameters
    ----------
    actual, forecast : numpy.ndarray, float64, [N]
    reference : numpy.ndarray, float64, [N], or float, default 0.0
        What the sign counts from: 0 for returns, the last value known before each step for a price. Steps at which the
        truth or the forecast equals it have no direction and are left out.
    horizon : int, default 1
        Steps from the last known one to the forecast one. Above 1 neighbouring steps share what happens, and the test,
        which takes them for independent, is left out.

    Raises
    ------
    ConfigError
        Where the lengths differ.
    """
    if len(actual) != len(forecast):
        raise ConfigError(f"has {len(forecast)} steps, and the truth {len(actual)}: give one for each", "forecast")
    moved, said = np.sign(actual - reference), np.sign(forecast - reference)
    counts = (moved != 0) & (said != 0)
    n, n_still = int(counts.sum()), int((~counts).sum())
    if not n:
        return Direction(n_steps=0, n_still=n_still, untested="no step has a direction that was forecast")
    ups, said_ups = moved[counts] > 0, said[counts] > 0
    right, up, said_up = float(np.mean(ups == said_ups)), float(np.mean(ups)), float(np.mean(said_ups))
    chance = up * said_up + (1 - up) * (1 - said_up)
    untested = _why_untested(up, said_up, horizon)
    statistic = None if untested else _statistic(n, right, up, said_up, chance)
    return Direction(
        n_steps=n,
        n_still=n_still,
        share_right=right,
        share_up=up,
        share_forecast_up=said_up,
        share_by_chance=chance,
        statistic=statistic,
        p=None if statistic is None else float(ndtr(-statistic)),
        untested=untested,
    )


def rank_correlation(actual: Floats, forecast: Floats, reference: Floats | float = 0.0) -> float | None:
    """Return Spearman's correlation between ``actual - reference`` and ``forecast - reference``.

    Parameters
    ----------
    actual, forecast : numpy.ndarray, float64, [N]
    reference : numpy.ndarray, float64, [N], or float, default 0.0
        As in :func:`direction_of`: a price itself would correlate with its last value, whatever the forecast is worth.

    Returns
    -------
    float or None
        None where one of the two is constant, or there are fewer than two steps.
    """
    changes, forecast_changes = actual - reference, forecast - reference
    if len(actual) < 2 or np.ptp(changes) == 0 or np.ptp(forecast_changes) == 0:
        return None
    from scipy.stats import spearmanr  # noqa: PLC0415 - takes a second

    found: Any = spearmanr(changes, forecast_changes)
    return float(found.statistic)


def _why_untested(up: float, said_up: float, horizon: int) -> str | None:
    if said_up in (0, 1):
        return f"every forecast is {'up' if said_up else 'down'}, and the test needs both"
    if up in (0, 1):
        return f"every step went {'up' if up else 'down'}, and the test needs both"
    if horizon > 1:
        return f"forecasts {horizon} steps ahead overlap, and the test needs steps that do not"
    return None


def _statistic(n: int, right: float, up: float, said_up: float, chance: float) -> float:
    variance = chance * (1 - chance) / n
    of_chance = ((2 * up - 1) ** 2 * said_up * (1 - said_up) + (2 * said_up - 1) ** 2 * up * (1 - up)) / n
    of_chance += 4 * up * said_up * (1 - up) * (1 - said_up) / n**2
    return (right - chance) / math.sqrt(variance - of_chance)
