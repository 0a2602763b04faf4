"""What resampled steps say: an interval of the skill, and whether the best of many trials beats the naive forecast.

Steps are drawn in blocks of random length, so that what hangs together stays together: the stationary bootstrap of
Politis, Romano (1994), "The Stationary Bootstrap", Journal of the American Statistical Association 89(428).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..score_names import Metric
from .accuracy import skill_of
from .evidence import Floats
from .mean_test import long_run_variance

N_RESAMPLES: Final = 2000


def block_length(losses: Floats, naive_losses: Floats, *, at_least: float = 1) -> float:
    """Return the mean length of blocks for the skill of losses ``[N]``, in steps, ``at_least`` and N at most.

    The rule of Politis, White (2004), corrected by Patton, Politis, White (2009), on what each step adds to the ratio
    of the two sums of losses.
    """
    total = float(naive_losses.sum())
    influence = losses - naive_losses * (float(losses.sum()) / total if total > 0 else 1.0)
    best = 1.0
    if float(np.ptp(influence)) > 0:
        from arch.bootstrap import optimal_block_length  # noqa: PLC0415 - takes two seconds

        with np.errstate(all="ignore"):  # where many steps are alike, it divides by nothing
            best = float(optimal_block_length(influence / np.max(np.abs(influence)))["stationary"].iloc[0])
        if not np.isfinite(best):
            best = len(losses) ** (1 / 3)
    return min(max(best, at_least, 1.0), float(len(losses)))


def skill_interval(
    metric: Metric, losses: Floats, naive_losses: Floats, *, block: float, seed: int = 0
) -> tuple[float, float] | None:
    """Return the bounds that hold the skill in 95 of 100 resamples.

    Parameters
    ----------
    metric : {"rmse", "mae"}
    losses, naive_losses : numpy.ndarray, float64, [N]
    block : float
        Mean length of a block, from :func:`block_length`.
    seed : int, default 0

    Returns
    -------
    tuple of float or None
        None where a resample holds no error of the naive forecast, so that it has no skill.
    """
    drawn = [skill_of(metric, *pair) for pair, _ in _bootstrap(block, losses, naive_losses, seed=seed)]
    skills = [skill for skill in drawn if skill is not None]
    if len(skills) < len(drawn):
        return None
    low, high = np.quantile(skills, [0.025, 0.975])
    return float(low), float(high)


def best_of_many(
    losses: Sequence[Floats], naive_losses: Floats, *, block: float, horizon: int = 1, seed: int = 0
) -> float:
    """Return the p-value that even the best of many models is no better than the naive forecast.

    Hansen (2005), "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23(4): the
    largest mean gain, each in units of its own standard deviation, beside the largest in resamples of gains whose means
    are taken away. Of models so much worse that they cannot be the best (below ``-√(2 ln ln N / N)``), the mean is
    left: this is his consistent p.

    Parameters
    ----------
    losses : sequence of numpy.ndarray, float64, [N]
        Of each model; those whose gain never varies count for nothing, unless there are no others.
    naive_losses : numpy.ndarray, float64, [N]
        Ten steps or more.
    block : float
        Mean length of a block.
    horizon : int, default 1
    seed : int, default 0
    """
    gains = [naive_losses - each for each in losses]
    scales = [math.sqrt(long_run_variance(each, horizon)) for each in gains]
    varying = [gain / scale for gain, scale in zip(gains, scales, strict=True) if scale > 0]
    if not varying:
        return 0.0 if any(float(gain.mean()) > 0 for gain in gains) else 1.0
    scaled = np.column_stack(varying)
    n = len(scaled)
    means = scaled.mean(axis=0)
    taken_away = np.where(means >= -math.sqrt(2 * math.log(math.log(n)) / n), means, 0.0)
    best = float(means.max())
    as_good = 0
    for (steps,), _ in _bootstrap(block, np.arange(n), seed=seed):
        # How often each step was drawn says all that a mean needs; einsum has no threads to wait for on a busy machine.
        drawn = np.einsum("n,nk->k", np.bincount(steps, minlength=n) / n, scaled)
        as_good += float((drawn - taken_away).max()) > best
    return as_good / N_RESAMPLES


def _bootstrap(block: float, *rows: NDArray[Any], seed: int) -> Iterator[tuple[tuple[NDArray[Any], ...], object]]:
    """Yield resamples of rows ``[N]``, all of the same steps."""
    from arch.bootstrap import StationaryBootstrap  # noqa: PLC0415 - takes two seconds

    bootstrap: Any = StationaryBootstrap(
        block,  # pyright: ignore[reportArgumentType] - a mean, which need not be whole
        *rows,
        seed=np.random.default_rng(seed),
    )
    yield from bootstrap.bootstrap(N_RESAMPLES)
