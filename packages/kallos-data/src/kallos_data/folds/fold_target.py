"""The target of one fold in its own unit: what is learnt of each step, and what was known when."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from .target_transform import Floats, Mask
from .transform_names import TargetTransform


@dataclass(frozen=True, slots=True)
class FoldTarget:
    """The target of one fold in its own unit, over one unbroken timeline.

    Attributes
    ----------
    values : numpy.ndarray, float64, [T_train + purge + T_val]
        Purged steps repeat the last training value.
    observed : numpy.ndarray, bool, [T_train + purge + T_val]
        Which steps have a value of their own; purged ones do not.
    n_train, n_val : int
        Steps of the training and of the validation window.
    transform : {"none", "difference", "log_difference"}
        What is learnt of it.
    """

    values: Floats
    observed: Mask
    n_train: int
    n_val: int
    transform: TargetTransform

    @classmethod
    def of(
        cls,
        train: Floats,
        val: Floats,
        *,
        purge: int = 0,
        train_observed: Mask | None = None,
        val_observed: Mask | None = None,
        transform: TargetTransform = "none",
    ) -> Self:
        """Join the two windows of a fold.

        Parameters
        ----------
        train, val : numpy.ndarray, float64, [T_train] and [T_val]
        purge : int, default 0
            Steps between them.
        train_observed, val_observed : numpy.ndarray, bool, [T_train] and [T_val], optional
            All observed where left out.
        transform : {"none", "difference", "log_difference"}, default "none"
        """
        masks = (
            np.ones(len(train), dtype=bool) if train_observed is None else train_observed,
            np.zeros(purge, dtype=bool),
            np.ones(len(val), dtype=bool) if val_observed is None else val_observed,
        )
        values = np.concatenate([train, np.repeat(train[-1:], purge), val])
        return cls(values, np.concatenate(masks), len(train), len(val), transform)

    @property
    def val_start(self) -> int:
        """Position of the first validation step."""
        return len(self.values) - self.n_val

    @property
    def purge(self) -> int:
        """Steps between the two windows."""
        return self.val_start - self.n_train

    @property
    def known(self) -> Floats:
        """What a forecast of each step starts from, [T]: the last value observed ``1 + purge`` steps before or earlier.

        NaN where there is none.
        """
        lag = 1 + self.purge
        last = np.maximum.accumulate(np.where(self.observed, np.arange(len(self.values)), -1))
        known = np.full(len(self.values), np.nan)
        reached = last[:-lag] >= 0
        known[lag:][reached] = self.values[last[:-lag][reached]]
        return known

    @property
    def known_at_start(self) -> float:
        """The last value observed in the training window, NaN where there is none."""
        observed = self.values[: self.n_train][self.observed[: self.n_train]]
        return float(observed[-1]) if len(observed) else np.nan

    @property
    def learnable(self) -> Mask:
        """Which steps are trained on and scored, [T]: observed, and with a change where changes are learnt.

        A step whose change would span a hole or reach before the training window has none. Purged steps are no hole:
        what is known over them is the last value of the training window.
        """
        if self.transform == "none":
            return self.observed
        lag = 1 + self.purge
        starts = self.observed.copy()
        starts[self.n_train : self.val_start] = self.observed[self.n_train - 1]
        learnable = np.zeros_like(self.observed)
        learnable[lag:] = self.observed[lag:] & starts[:-lag]
        return learnable
