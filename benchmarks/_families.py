"""Families of markets: three of noise, in which nothing can be foreseen, and three with a signal of known size."""

import math
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from kallos_data import simulate_market

from ._market import Market

NOISE: Final = ("walk", "garch", "indicators")
SIGNALS: Final[dict[str, float]] = {"signal-0.02": 0.02, "signal-0.05": 0.05, "signal-0.10": 0.10}
FAMILIES: Final = (*NOISE, *SIGNALS)
VOLUME_ALONE: Final = ("walk", "garch")
"""Families whose models see volume and the target's past; those of the others see every default feature."""
WARM_UP: Final = 49
"""First steps that have no indicators yet, and so are not loaded."""
VOLATILITY: Final = 0.03


def make_market(folder: Path, family: str, number: int, n_steps: int, hold_out: int) -> Market:
    """Make a market of ``n_steps`` that a study sees and ``hold_out`` later ones.

    No two families share a seed: else the same prices would count twice.
    """
    seed = seed_of(family, number)
    n = WARM_UP + n_steps + hold_out
    prices = simulate_garch(n, seed) if family == "garch" else simulate_market(n, signal=signal_of(family), seed=seed)
    market = Market.of(folder, prices, hold_out)
    if family not in VOLUME_ALONE:
        return market
    volume = {"volume_features": market.groups["volume_features"]}
    return Market(market.config, market.end_date, market.last_date, volume)


def seed_of(family: str, number: int) -> int:
    return 1000 * (1 + FAMILIES.index(family)) + number


def signal_of(family: str) -> float:
    """Return the share of the variance that can be foreseen."""
    return SIGNALS.get(family, 0.0)


def best_possible(family: str) -> float:
    """Return the skill of the best forecaster, by RMSE."""
    return 1 - math.sqrt(1 - signal_of(family))


def simulate_garch(n_steps: int, seed: int) -> pl.DataFrame:
    """Simulate a market whose log returns are GARCH(1,1) with heavy tails: calm and stormy weeks, nothing to foresee.

    ``s²[t+1] = 0.05 v² + 0.10 r²[t] + 0.85 s²[t]`` and ``r[t] = s[t] e[t]``, with the volatility v and independent e of
    variance 1 from Student's distribution with 4 to 5 degrees of freedom. Volume grows with s.
    """
    rng = np.random.default_rng(seed)
    degrees = rng.uniform(4, 5)
    shocks = rng.standard_t(degrees, n_steps) * math.sqrt((degrees - 2) / degrees)
    variance = np.full(n_steps, VOLATILITY**2)
    for step in range(1, n_steps):
        of_shock = 0.10 * variance[step - 1] * shocks[step - 1] ** 2
        variance[step] = 0.05 * VOLATILITY**2 + of_shock + 0.85 * variance[step - 1]
    spread = np.sqrt(variance)
    frame = simulate_market(n_steps, signal=0.0, seed=seed)
    closes = 10_000.0 * np.exp(np.cumsum(spread * shocks))
    opens = np.concatenate([[10_000.0], closes[:-1]])
    upper, lower = np.exp(0.5 * spread * np.abs(rng.standard_normal((2, n_steps))))
    return frame.with_columns(
        open=opens,
        high=np.maximum(opens, closes) * upper,
        low=np.minimum(opens, closes) / lower,
        close=closes,
        volume=frame["volume"].to_numpy() * spread / VOLATILITY,
    )
