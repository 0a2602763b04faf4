"""One fold as scaled Darts series (extra ``kallos-data[darts]``)."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from darts import TimeSeries
from numpy.typing import NDArray

from ..errors import ConfigError
from .fold_target import FoldTarget
from .scaling import FeatureScaler
from .target_scaler import TargetScaler
from .target_transform import Floats, Mask


@dataclass(frozen=True, slots=True)
class FoldSeries:
    """A fold ready for a forecaster: scaled on its training window, float32, in one unbroken timeline.

    Attributes
    ----------
    target : darts.TimeSeries, [T_train + purge + T_val]
        What is learnt of the target over the whole fold, scaled: its values, or its changes.
    covariates : darts.TimeSeries or None, [T_train + purge + T_val, F]
        Scaled features over the same steps; None without features.
    truth : FoldTarget
        The target in its own unit, and what of it is known when.
    feature_scaler : FeatureScaler
    target_scaler : TargetScaler
        Fitted on the training window only.
    """

    target: TimeSeries
    covariates: TimeSeries | None
    truth: FoldTarget
    feature_scaler: FeatureScaler
    target_scaler: TargetScaler

    @property
    def n_train(self) -> int:
        """Steps of the training window."""
        return self.truth.n_train

    @property
    def n_val(self) -> int:
        """Steps of the validation window."""
        return self.truth.n_val

    @property
    def train_actual(self) -> Floats:
        """The training target in its own unit, [T_train]."""
        return self.truth.values[: self.n_train]

    @property
    def actual(self) -> Floats:
        """The validation target in its own unit, [T_val]."""
        return self.truth.values[self.val_start :]

    @property
    def observed(self) -> Mask:
        """Which steps are trained on and scored, [T_train + purge + T_val].

        Those with a target of their own and, where changes are learnt, with a change. The others, purged ones included,
        are context of a forecast and nothing else.
        """
        return self.truth.learnable

    @property
    def val_start(self) -> int:
        """Position of the first validation step in :attr:`target`."""
        return self.truth.val_start

    @property
    def purge(self) -> int:
        """Steps between the training and the validation window."""
        return self.truth.purge

    @property
    def val_times(self) -> pd.DatetimeIndex:
        """Times of the validation steps, UTC without a zone, [T_val]."""
        return self.target.time_index[self.val_start :]  # pyright: ignore[reportReturnType]

    @property
    def train_observed(self) -> Mask:
        """Which steps of the training window are observed, [T_train]."""
        return self.observed[: self.n_train]

    @property
    def val_observed(self) -> Mask:
        """Which steps of the validation window are observed, [T_val]."""
        return self.observed[self.val_start :]

    def train_series(self) -> tuple[TimeSeries, TimeSeries | None]:
        """Return scaled target and covariates of the training window."""
        return self._window(0, self.n_train)

    def val_series(self, look_back: int) -> tuple[TimeSeries, TimeSeries | None]:
        """Return scaled target and covariates of the validation window with its context.

        Parameters
        ----------
        look_back : int
            Steps before the validation window to include: as many as a forecaster reads to predict its first step.

        Raises
        ------
        ConfigError
            Where there are fewer steps than that before the validation window.
        """
        if look_back > self.val_start:
            raise ConfigError(
                f"must be {self.val_start} or less, the steps before the validation window, not {look_back}: "
                "load a longer history, or look back less",
                "look_back",
            )
        return self._window(self.val_start - look_back, len(self.target))

    def to_target_unit(self, forecast: TimeSeries) -> Floats:
        """Return a scaled forecast made at one point of the fold in the target's own unit, as float64.

        Parameters
        ----------
        forecast : TimeSeries, [N]
            Steps of this fold. Changes count from the last value known before the first step, and add up.

        Raises
        ------
        ConfigError
            Where changes are learnt, and it begins outside the fold, or has several steps and there is a purge: each
            change then counts from a value that the forecast does not know.
        """
        scaled = forecast.values(copy=False)[:, 0]
        if self.target_scaler.target_transform == "none":
            return self.target_scaler.inverse(scaled)
        if self.purge and len(scaled) > 1:
            raise ConfigError(
                f"has {len(scaled)} steps, and with a purge of {self.purge} the later ones count from values that are "
                "not known yet: forecast one step at a time",
                "forecast",
            )
        return self.target_scaler.inverse_in_a_row(scaled, self._known_before(forecast.time_index[0]))

    def rolling_to_target_unit(self, scaled: NDArray[np.floating]) -> Floats:
        """Return scaled forecasts of the validation steps, each made from what was known before it, in its own unit.

        Parameters
        ----------
        scaled : numpy.ndarray, [T_val]
        """
        return self.target_scaler.inverse(scaled, self.truth.known[self.val_start :])

    def recursive_to_target_unit(self, scaled: NDArray[np.floating]) -> Floats:
        """Return a scaled forecast of the validation window, made at its beginning, in the target's own unit.

        Parameters
        ----------
        scaled : numpy.ndarray, [T_val]
        """
        return self.target_scaler.inverse_in_a_row(scaled, self.truth.known_at_start)

    def rmse_in_target_unit(self, val_loss: float) -> float:
        """Return the root of a validation loss in the target's own unit.

        Parameters
        ----------
        val_loss : float
            Mean squared error of scaled forecasts of the validation steps.

        Returns
        -------
        float
            The RMSE of the values forecast; where log changes are learnt, to first order: their RMSE times the root
            mean square of the values.
        """
        rmse = self.target_scaler.std * math.sqrt(val_loss)
        if self.target_scaler.target_transform == "log_difference":
            return rmse * float(np.sqrt(np.mean(self.actual[self.val_observed] ** 2)))
        return rmse

    def pinball_in_target_unit(self, val_loss: float) -> float:
        """Return a validation loss of quantiles in the target's own unit.

        Parameters
        ----------
        val_loss : float
            Mean pinball loss of scaled quantiles of the validation steps.

        Returns
        -------
        float
            The mean pinball loss of the values forecast; where log changes are learnt, to first order: theirs times
            the mean of the values.
        """
        loss = self.target_scaler.std * val_loss
        if self.target_scaler.target_transform == "log_difference":
            return loss * float(np.mean(self.actual[self.val_observed]))
        return loss

    def _window(self, start: int, stop: int) -> tuple[TimeSeries, TimeSeries | None]:
        covariates = None if self.covariates is None else self.covariates[start:stop]
        return self.target[start:stop], covariates

    def _known_before(self, first: object) -> float:
        """Return the last value known to a forecast whose first step this is."""
        place = self.target.time_index.get_indexer(pd.Index([first]))[0]
        if place < 0:
            raise ConfigError(f"begins at {first}, which is no step of this fold", "forecast")
        return float(self.truth.known[place])
