"""What a skill hinges on: single folds, and the one step in a hundred that holds its sign up most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..score_names import Metric
from .accuracy import skill_of
from .evidence import Floats


@dataclass(frozen=True, slots=True)
class Hinges:
    """The steps without which a skill changes most, against its sign.

    Attributes
    ----------
    steps : numpy.ndarray, int64, [n]
        Places of these steps, oldest first; one in a hundred, at least one.
    skill_without : float or None
        The skill of all other steps.
    sign_turns : bool
        Whether a skill above 0 is none without them, or one below 0 no longer is.
    """

    steps: NDArray[np.int64]
    skill_without: float | None
    sign_turns: bool


def hinges_of(metric: Metric, losses: Floats, naive_losses: Floats) -> Hinges:
    """Find the steps without which a positive skill is lowest, or a negative one highest.

    Which n of N terms to leave out so that a ratio of sums is largest: Dinkelbach (1967), "On Nonlinear Fractional
    Programming", Management Science 13(7), which needs a few rounds and finds the best set, not only a good one.

    Parameters
    ----------
    metric : {"rmse", "mae"}
    losses, naive_losses : numpy.ndarray, float64, [N]
        Two steps or more.
    """
    n_out = max(1, round(len(losses) / 100))
    skill = skill_of(metric, losses, naive_losses)
    sign = 1 if skill is not None and skill > 0 else -1
    kept = np.ones(len(losses), dtype=np.bool_)
    ratio = -sign * np.inf
    while (now := _ratio(losses[kept], naive_losses[kept])) is not None and sign * (now - ratio) > 0:
        ratio = now
        # Of a positive skill, out go the steps whose loss lies farthest below the ratio's share.
        support = sign * (ratio * naive_losses - losses)
        kept = np.ones(len(losses), dtype=np.bool_)
        kept[np.argsort(-support, kind="stable")[:n_out]] = False
    without = skill_of(metric, losses[kept], naive_losses[kept])
    turns = skill is not None and without is not None and (skill > 0 >= without or skill < 0 <= without)
    return Hinges(np.flatnonzero(~kept), without, turns)


def _ratio(losses: Floats, naive_losses: Floats) -> float | None:
    total = float(naive_losses.sum())
    return float(losses.sum()) / total if total > 0 else None
