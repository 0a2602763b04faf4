"""The target's scaler: values standardised, or changes divided by their root mean square; kept as plain numbers."""

from dataclasses import dataclass
from typing import Self, TypedDict, get_args

import numpy as np
from narwhals.typing import IntoDataFrame
from numpy.typing import NDArray

from ..errors import ConfigError
from .scaling import columns_as_array, fitted, standard
from .target_transform import Floats, changes_since, put_back
from .transform_names import TargetTransform


class TargetScalerState(TypedDict):
    """What a :class:`TargetScaler` is, in JSON's own types."""

    mean: float
    std: float
    target_transform: TargetTransform


@dataclass(frozen=True, slots=True)
class TargetScaler:
    """What a model reads and forecasts of a target: its values or its changes, scaled on the training window.

    Values are standardised, ``(y - mean) / std``. Changes (see :mod:`kallos_data.folds.target_transform`) are divided
    by their root mean square and not centred, so that a forecast of 0 is no change: exactly the last value known.

    Attributes
    ----------
    mean, std : float
        Of what is learnt; for changes 0 and their root mean square. ``std`` is 1 where the training values are
        constant, or nothing changes.
    target_transform : {"none", "difference", "log_difference"}
        What is learnt.
    """

    mean: float
    std: float
    target_transform: TargetTransform = "none"

    @classmethod
    def fit(
        cls,
        train: IntoDataFrame,
        target_col: str,
        *,
        target_transform: TargetTransform = "none",
        known: Floats | None = None,
    ) -> Self:
        """Estimate the scale on a training window.

        Parameters
        ----------
        train : polars.DataFrame or pandas.DataFrame, [T, ...]
            Rows to learn from.
        target_col : str
        target_transform : {"none", "difference", "log_difference"}, default "none"
        known : numpy.ndarray, float64, [T], optional
            The last value known before each row; by default the row before, and the first row is left out.

        Raises
        ------
        MissingColumnsError, DataQualityError
            Where the target is not in the frame, or has a missing or infinite value.
        """
        values = target_values(train, target_col)
        if target_transform == "none":
            mean, std = fitted(standard, values[:, None])
            return cls(float(mean[0]), float(std[0]))
        if known is None:
            known, values = values[:-1], values[1:]
        return cls(0.0, _root_mean_square(changes_since(known, values, target_transform)), target_transform)

    def transform(self, values: Floats, known: Floats | None = None) -> Floats:
        """Return what a model learns of target values.

        Parameters
        ----------
        values : numpy.ndarray, float64, any shape
        known : numpy.ndarray, float64, same shape, optional
            The last value known before each; needed for changes alone.
        """
        return (changes_since(self._known(known), values, self.target_transform) - self.mean) / self.std

    def inverse(self, scaled: NDArray[np.floating], known: Floats | float | None = None) -> Floats:
        """Return forecasts of any shape to the target's own unit, in float64.

        Parameters
        ----------
        scaled : numpy.ndarray, any shape
            What :meth:`transform` returns, or a model forecasts of it.
        known : numpy.ndarray, float64, same shape, or float, optional
            As of :meth:`transform`.
        """
        changes = scaled.astype(np.float64) * self.std + self.mean
        return put_back(self._known(known), changes, self.target_transform)

    def inverse_in_a_row(self, scaled: NDArray[np.floating], known: float) -> Floats:
        """Return a forecast of steps that follow one another to the target's own unit; changes add up.

        Parameters
        ----------
        scaled : numpy.ndarray, [N]
        known : float
            The last value known before the first step.
        """
        if self.target_transform == "none":
            return self.inverse(scaled)
        return self.inverse(np.cumsum(scaled.astype(np.float64)), known)

    def to_dict(self) -> TargetScalerState:
        """Return the scaler in JSON's own types; :meth:`from_dict` takes it back exactly."""
        return TargetScalerState(mean=self.mean, std=self.std, target_transform=self.target_transform)

    @classmethod
    def from_dict(cls, state: TargetScalerState) -> Self:
        """Return the scaler that :meth:`to_dict` described.

        Raises
        ------
        ConfigError
            Where the state cannot be that of a scaler: finite numbers, a scale above 0, a transform that there is.
        """
        mean, std, transform = float(state["mean"]), float(state["std"]), state["target_transform"]
        possible = transform in get_args(TargetTransform)
        if not (possible and np.isfinite(mean) and np.isfinite(std) and std > 0):
            raise ConfigError(
                f"must have a finite mean, a finite scale above 0 and a transform, not {mean}, {std} and {transform!r}",
                "target_scaler",
            )
        return cls(mean, std, transform)

    def _known(self, known: Floats | float | None) -> Floats | float:
        if known is None and self.target_transform != "none":
            raise ConfigError(f"must be given, since {self.target_transform} counts from the last value known", "known")
        return np.nan if known is None else known


def target_values(frame: IntoDataFrame, target_col: str) -> Floats:
    """Return a frame's target as finite float64, [T]; raises as :meth:`TargetScaler.fit` does."""
    return columns_as_array(frame, [target_col], parameter="target_col")[:, 0]


def _root_mean_square(values: Floats) -> float:
    """Return the root mean square of values of any size; 1 where all are 0."""
    largest = np.abs(values).max(initial=0.0)
    return float(largest * np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 1.0
