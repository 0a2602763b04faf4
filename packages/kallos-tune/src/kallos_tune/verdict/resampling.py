"""What resampled steps say: an interval of the skill, and whether the best of many trials beats the naive forecast.

Steps are drawn in blocks of random length, so that what hangs together stays together: the stationary bootstrap of
Politis, Romano (1994), "The Stationary Bootstrap", Journal of the American Statistical Association 89(428).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..settings import Metric
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
    from arch.bootstrap import StationaryBootstrap  # noqa: PLC0415 - takes two seconds

    bootstrap = StationaryBootstrap(
        block,  # pyright: ignore[reportArgumentType] - a mean, which need not be whole
        losses,
        naive_losses,
        seed=np.random.default_rng(seed),
    )
    drawn = [
        skill_of(metric, np.asarray(model, dtype=np.float64), np.asarray(naive, dtype=np.float64))
        for (model, naive), _ in bootstrap.bootstrap(N_RESAMPLES)
    ]
    skills = [skill for skill in drawn if skill is not None]
    if len(skills) < len(drawn):
        return None
    low, high = np.quantile(skills, [0.025, 0.975])
    return float(low), float(high)


def best_of_many(
    losses: Sequence[Floats], naive_losses: Floats, *, block: float, horizon: int = 1, seed: int = 0
) -> float:
    """Return the p-value that even the best of many models is no better than the naive forecast.

    The consistent p of Hansen (2005), "A Test for Superior Predictive Ability", Journal of Business & Economic
    Statistics 23(4), with each model's gain divided by its standard deviation, so that no wild model drowns the others.

    Parameters
    ----------
    losses : sequence of numpy.ndarray, float64, [N]
        Of each model; those that never differ from the naive forecast's count for nothing.
    naive_losses : numpy.ndarray, float64, [N]
    block : float
        Mean length of a block.
    horizon : int, default 1
    seed : int, default 0
    """
    from arch.bootstrap import SPA  # noqa: PLC0415 - takes two seconds

    gains = [naive_losses - each for each in losses]
    scales = [np.sqrt(long_run_variance(each, horizon)) for each in gains]
    scaled = [each / scale for each, scale in zip(gains, scales, strict=True) if scale > 0]
    if not scaled:
        return 0.0 if any(float(each.mean()) > 0 for each in gains) else 1.0
    test = SPA(
        np.zeros(len(naive_losses)),
        -np.column_stack(scaled),
        block_size=max(1, round(block)),
        reps=N_RESAMPLES,
        seed=np.random.default_rng(seed),
    )
    test.compute()
    return float(test.pvalues["consistent"])
