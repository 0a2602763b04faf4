"""One fold as scaled Darts series (extra ``kallos-data[darts]``)."""

import math
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from darts import TimeSeries
from narwhals.typing import IntoDataFrame
from numpy.typing import NDArray

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..frames import as_polars, times_of
from ..steps import find_step
from .feature_groups import FeatureGroups
from .fold_target import FoldTarget
from .scaling import FeatureScaler, TargetScaler, target_values
from .target_transform import Floats, Mask, require_logarithms
from .transform_names import TargetTransform, TargetTransformChoice, check_target_transform
from .unit_root import choose_target_transform


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

    def _window(self, start: int, stop: int) -> tuple[TimeSeries, TimeSeries | None]:
        covariates = None if self.covariates is None else self.covariates[start:stop]
        return self.target[start:stop], covariates

    def _known_before(self, first: object) -> float:
        """Return the last value known to a forecast whose first step this is."""
        place = self.target.time_index.get_indexer(pd.Index([first]))[0]
        if place < 0:
            raise ConfigError(f"begins at {first}, which is no step of this fold", "forecast")
        return float(self.truth.known[place])


def prepare_darts_timeseries(
    train: IntoDataFrame,
    val: IntoDataFrame,
    target_col: str,
    feature_groups: FeatureGroups,
    *,
    observed: IntoDataFrame | None = None,
    target_transform: TargetTransformChoice = "auto",
) -> FoldSeries:
    """Scale one fold and put it into Darts series.

    Scalers are fitted on the observed steps of ``train`` alone. Steps between the two windows (purged ones) are filled
    forward with the last training row: a forecaster gets an unbroken timeline and learns nothing of the purged steps.

    Parameters
    ----------
    train, val : polars.DataFrame or pandas.DataFrame, [T_train, ...] and [T_val, ...]
        A pair from :func:`kallos_data.get_walk_forward_splits`, with a column ``timestamp`` or a ``DatetimeIndex``.
    target_col : str
        Column to forecast.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :mod:`kallos_data.folds.scaling`. An empty mapping gives no covariates.
    observed : polars.DataFrame or pandas.DataFrame, optional
        ``timestamp`` and a boolean column ``observed`` over both windows at least, as of
        :class:`kallos_data.History`. Every step is taken as observed where left out.
    target_transform : {"auto", "none", "difference", "log_difference"}, default "auto"
        What is learnt of the target: its values, standardised, or its change or log change since the last value known,
        ``1 + purge`` steps before, divided by its root mean square. ``"auto"`` chooses on this training window, see
        :func:`kallos_data.choose_target_transform`; name the choice of the first fold where all are to learn the same.

    Returns
    -------
    FoldSeries

    Raises
    ------
    ConfigError
        As in :meth:`FeatureScaler.fit`, and where the log change of a target is asked for that is 0 or less somewhere.
    MissingColumnsError
        Where a frame lacks ``timestamp``, the target or a feature.
    DataQualityError
        Where values are missing or infinite, a window has under two rows or nothing observed, or the times are not
        regular.
    """
    check_target_transform(target_transform)
    times = _fold_times(train, val)
    n_train, n_val = len(nw.from_native(train, eager_only=True)), len(nw.from_native(val, eager_only=True))
    purge = len(times) - n_train - n_val
    of_train, of_val = _observed_at(train, observed), _observed_at(val, observed)
    feature_scaler = FeatureScaler.fit(_rows(train, of_train), feature_groups, target_col=target_col)
    truth = FoldTarget.of(
        target_values(train, target_col),
        target_values(val, target_col),
        purge=purge,
        train_observed=of_train,
        val_observed=of_val,
    )
    truth = replace(truth, transform=_transform(truth, target_transform))
    if truth.transform == "log_difference":
        require_logarithms(truth.values[truth.observed], pl.Series(times).filter(truth.observed), target_col)
    learnt_in_training = truth.learnable[:n_train]
    if not learnt_in_training.any():
        raise DataQualityError(f"no step of the training window has a change of {target_col}: begin earlier")
    known = truth.known
    target_scaler = TargetScaler.fit(
        _rows(train, learnt_in_training),
        target_col,
        target_transform=truth.transform,
        known=known[:n_train][learnt_in_training],
    )
    learnt = target_scaler.transform(truth.values, known)
    if truth.transform != "none":
        learnt = np.where(truth.learnable, learnt, 0.0)
    scaled = feature_scaler.transform(train)
    features = np.concatenate([scaled, np.repeat(scaled[-1:], purge, axis=0), feature_scaler.transform(val)])
    return FoldSeries(
        target=TimeSeries.from_times_and_values(times, learnt.astype(np.float32)[:, None], columns=[target_col]),
        covariates=TimeSeries.from_times_and_values(times, features, columns=list(feature_scaler.columns))
        if feature_scaler.columns
        else None,
        truth=truth,
        feature_scaler=feature_scaler,
        target_scaler=target_scaler,
    )


def _rows(frame: IntoDataFrame, kept: Mask) -> IntoDataFrame:
    return nw.from_native(frame, eager_only=True).filter(kept.tolist()).to_native()


def _transform(truth: FoldTarget, choice: TargetTransformChoice) -> TargetTransform:
    if choice != "auto":
        return choice
    of_training = truth.values[: truth.n_train][truth.observed[: truth.n_train]]
    return choose_target_transform(of_training, positive=bool((truth.values[truth.observed] > 0).all()))


def _observed_at(window: IntoDataFrame, observed: IntoDataFrame | None) -> Mask:
    times = times_of(window)
    if observed is None:
        return np.ones(len(times), dtype=bool)
    known = as_polars(observed)
    if "observed" not in known.columns:
        raise MissingColumnsError(["observed"], known.columns, where="the frame of observed steps")
    if not isinstance(known["observed"].dtype, (pl.Boolean, pl.Null)):
        raise DataQualityError(f"column 'observed' holds {known['observed'].dtype}, not true and false: convert it")
    if known["timestamp"].is_duplicated().any():
        raise DataQualityError("the frame of observed steps has a time in several rows: keep one of each")
    mask = times.to_frame().join(known, on="timestamp", how="left", maintain_order="left")["observed"]
    if mask.null_count():
        raise DataQualityError(
            f"{mask.null_count()} of {len(mask)} steps of a window are not said to be observed or not"
        )
    if not mask.any():
        raise DataQualityError(
            f"no step from {times[0]} to {times[-1]} is observed: begin after it, or supply the values at their source"
        )
    return mask.to_numpy()


def _fold_times(train: IntoDataFrame, val: IntoDataFrame) -> pd.DatetimeIndex:
    """Return every step from the first of ``train`` to the last of ``val``, without a zone.

    In UTC; or by the clock of the frame's own zone where steps are regular there alone, as days are with summer time.
    """
    of_train, of_val = times_of(train), times_of(val)
    if len(of_train) < 2 or len(of_val) < 1:
        raise DataQualityError(
            f"a fold needs 2 rows to train on and 1 to validate with, and has {len(of_train)} and {len(of_val)}"
        )
    times = _regular(of_train, of_val)
    if times is None:
        times = _regular(times_of(train, by_clock=True), times_of(val, by_clock=True))
    if times is None:
        raise DataQualityError(
            f"the times of this fold are not regular steps of {find_step(of_train)}: put the frame on a regular grid "
            "before splitting it, as load_features_from_db and regularise do"
        )
    return times


def _regular(of_train: pl.Series, of_val: pl.Series) -> pd.DatetimeIndex | None:
    """Return the regular times over two windows, None where they are not regular."""
    if not of_train[-1] < of_val[0] or of_train[0] >= of_train[1]:
        return None
    step = find_step(pl.concat([of_train, of_val]))
    grid = step.grid(of_train[0], of_val[-1])
    if not grid[: len(of_train)].equals(of_train) or not grid[-len(of_val) :].equals(of_val):
        return None
    frequency = "B" if step.working_days else step.length
    return pd.date_range(of_train[0], periods=len(grid), freq=frequency, unit="ns").tz_localize(None)
