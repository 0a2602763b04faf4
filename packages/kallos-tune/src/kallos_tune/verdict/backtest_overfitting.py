"""Whether choosing the best of many trials is worth anything: the probability of backtest overfitting.

Bailey, Borwein, López de Prado, Zhu (2017), "The Probability of Backtest Overfitting", Journal of Computational
Finance 20(4): the rows of a matrix of losses are cut into blocks, and each way of taking half of them is a search that
one could have made. Its best trial is looked up on the other half, among all trials there.

    T   rows: steps, or folds           S   blocks, an even number
    N   trials                          C   ways of taking half of them, S! / (S/2)!²
"""

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..errors import ConfigError
from .evidence import Floats

Band = Literal["low", "middling", "high"]

MOST_BLOCKS: Final = 16
FEWEST_BLOCKS: Final = 4
LOW_BELOW: Final = 0.1
HIGH_FROM: Final = 0.4
"""Where the bands meet. Trials that differ by luck alone come to 0.5 in the mean, some of their studies to less."""

_HALVES_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """How often the best trial of one half of the rows is in the worse half of trials on the other.

    Attributes
    ----------
    probability : float
        Share of halves in which it is below the median; where it is the median, half a count.
    n_trials, n_rows, n_blocks : int
    """

    probability: float
    n_trials: int
    n_rows: int
    n_blocks: int

    @property
    def n_halves(self) -> int:
        """Ways of taking half of the blocks."""
        return comb(self.n_blocks, self.n_blocks // 2)

    @property
    def band(self) -> Band:
        """``"low"`` below 0.1, ``"high"`` from 0.4 on, ``"middling"`` between."""
        if self.probability < LOW_BELOW:
            return "low"
        return "high" if self.probability >= HIGH_FROM else "middling"


def n_blocks_of(n_rows: int, *, rows_per_block: int = 1) -> int | None:
    """Return into how many blocks rows are cut: 16, or the largest even number that they are enough for.

    Parameters
    ----------
    n_rows : int
    rows_per_block : int, default 1
        Each block is to have as many at least.

    Returns
    -------
    int or None
        None where they are too few for four blocks.
    """
    blocks = min(MOST_BLOCKS, n_rows // rows_per_block // 2 * 2)
    return blocks if blocks >= FEWEST_BLOCKS else None


def backtest_overfitting(losses: Floats, *, n_blocks: int = MOST_BLOCKS) -> Overfitting:
    """Return the probability that the trial which is best on half of the rows is below the median on the other half.

    Parameters
    ----------
    losses : numpy.ndarray, float64, [T, N]
        Of each trial at each row, the lower the better; rows in the order of time.
    n_blocks : int, default 16
        Blocks of neighbouring rows, alike in length but for one row; see :func:`n_blocks_of`.

    Raises
    ------
    ConfigError
        Where there are fewer than two trials or fewer rows than blocks, where blocks are not even in number, or a loss
        is not finite.
    """
    _check(losses, n_blocks)
    n_rows, n_trials = losses.shape
    blocks = np.array_split(losses, n_blocks)
    sums = np.stack([block.sum(axis=0) for block in blocks])
    lengths = np.array([len(block) for block in blocks], dtype=np.float64)
    halves = combinations(range(n_blocks), n_blocks // 2)
    counted = 0.0
    while some := list(islice(halves, _HALVES_AT_ONCE)):
        counted += _below_median(sums, lengths, np.array(some))
    probability = counted / comb(n_blocks, n_blocks // 2)
    return Overfitting(probability=probability, n_trials=n_trials, n_rows=n_rows, n_blocks=n_blocks)


def _below_median(sums: Floats, lengths: Floats, halves: NDArray[np.int64]) -> float:
    """Return in how many halves ``[C, S/2]`` of blocks the best trial is below the median on the others.

    Of several best ones, each counts for its share.
    """
    chosen = np.zeros((len(halves), len(lengths)))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    # einsum adds up every column in the same order: trials that are alike stay alike.
    inside = np.einsum("cs,sn->cn", chosen, sums) / (chosen @ lengths)[:, None]
    outside = np.einsum("cs,sn->cn", 1 - chosen, sums) / ((1 - chosen) @ lengths)[:, None]
    best = inside == inside.min(axis=1, keepdims=True)
    median_rank = (sums.shape[1] + 1) / 2
    below = (1 + np.sign(rankdata(outside, axis=1) - median_rank)) / 2
    return float(((best * below).sum(axis=1) / best.sum(axis=1)).sum())


def _check(losses: Floats, n_blocks: int) -> None:
    if losses.ndim != 2 or losses.shape[1] < 2:
        raise ConfigError(f"must be rows by two trials or more, not of shape {list(losses.shape)}", "losses")
    if n_blocks < 2 or n_blocks % 2:
        raise ConfigError(f"must be an even number, 2 or more, not {n_blocks}", "n_blocks")
    if len(losses) < n_blocks:
        raise ConfigError(f"must be {len(losses)} or fewer, as there are rows, not {n_blocks}", "n_blocks")
    if not np.isfinite(losses).all():
        raise ConfigError("must be finite", "losses")
