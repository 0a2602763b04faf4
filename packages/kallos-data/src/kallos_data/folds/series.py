"""One fold as scaled Darts series (extra ``kallos-data[darts]``)."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from darts import TimeSeries
from narwhals.typing import IntoDataFrame
from numpy.typing import NDArray

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from .feature_groups import FeatureGroups
from .scaling import FeatureScaler, Floats, TargetScaler, target_values


@dataclass(frozen=True, slots=True)
class FoldSeries:
    """A fold ready for a forecaster: scaled on its training window, float32, in one unbroken timeline.

    Attributes
    ----------
    target : darts.TimeSeries, [T_train + purge + T_val]
        Scaled target over the whole fold.
    covariates : darts.TimeSeries or None, [T_train + purge + T_val, F]
        Scaled features over the same steps; None without features.
    n_train, n_val : int
        Steps of the training and of the validation window.
    actual : numpy.ndarray, float64, [T_val]
        The validation target in its own unit.
    train_actual : numpy.ndarray, float64, [T_train]
        The training target in its own unit.
    feature_scaler : FeatureScaler
    target_scaler : TargetScaler
        Fitted on the training window only.
    """

    target: TimeSeries
    covariates: TimeSeries | None
    n_train: int
    n_val: int
    actual: Floats
    train_actual: Floats
    feature_scaler: FeatureScaler
    target_scaler: TargetScaler

    @property
    def val_start(self) -> int:
        """Position of the first validation step in :attr:`target`."""
        return len(self.target) - self.n_val

    @property
    def purge(self) -> int:
        """Steps between the training and the validation window."""
        return self.val_start - self.n_train

    @property
    def val_times(self) -> pd.DatetimeIndex:
        """Times of the validation steps, UTC without a zone, [T_val]."""
        return self.target.time_index[self.val_start :]  # pyright: ignore[reportReturnType]

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
        """Return a scaled forecast ``[N]`` in the target's own unit, as float64."""
        return self.target_scaler.inverse(forecast.values(copy=False)[:, 0])

    def _window(self, start: int, stop: int) -> tuple[TimeSeries, TimeSeries | None]:
        covariates = None if self.covariates is None else self.covariates[start:stop]
        return self.target[start:stop], covariates


def prepare_darts_timeseries(
    train: IntoDataFrame, val: IntoDataFrame, target_col: str, feature_groups: FeatureGroups
) -> FoldSeries:
    """Scale one fold and put it into Darts series.

    Scalers are fitted on ``train`` alone. Steps between the two windows (purged ones) are filled forward with the
    last training row: a forecaster gets an unbroken timeline and learns nothing of the purged steps.

    Parameters
    ----------
    train, val : polars.DataFrame or pandas.DataFrame, [T_train, ...] and [T_val, ...]
        A pair from :func:`kallos_data.get_walk_forward_splits`, with a column ``timestamp``.
    target_col : str
        Column to forecast; standardised on the training window.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :mod:`kallos_data.folds.scaling`. An empty mapping gives no covariates.

    Returns
    -------
    FoldSeries

    Raises
    ------
    ConfigError
        As in :meth:`FeatureScaler.fit`.
    MissingColumnsError
        Where a frame lacks ``timestamp``, the target or a feature.
    DataQualityError
        Where values are missing or infinite, a window has under two rows, or the times are not regular.
    """
    times = _fold_times(train, val)
    n_train, n_val = len(nw.from_native(train, eager_only=True)), len(nw.from_native(val, eager_only=True))
    feature_scaler = FeatureScaler.fit(train, feature_groups, target_col=target_col)
    target_scaler = TargetScaler.fit(train, target_col)
    train_actual, actual = target_values(train, target_col), target_values(val, target_col)
    repeats = np.ones(n_train, dtype=int)
    repeats[-1] += len(times) - n_train - n_val

    def unbroken(of_train: NDArray[np.float32], of_val: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([np.repeat(of_train, repeats, axis=0), of_val])

    target = unbroken(target_scaler.transform(train_actual), target_scaler.transform(actual))
    features = unbroken(feature_scaler.transform(train), feature_scaler.transform(val))
    return FoldSeries(
        target=TimeSeries.from_times_and_values(times, target[:, None], columns=[target_col]),
        covariates=TimeSeries.from_times_and_values(times, features, columns=list(feature_scaler.columns))
        if feature_scaler.columns
        else None,
        n_train=n_train,
        n_val=n_val,
        actual=actual,
        train_actual=train_actual,
        feature_scaler=feature_scaler,
        target_scaler=target_scaler,
    )


def _fold_times(train: IntoDataFrame, val: IntoDataFrame) -> pd.DatetimeIndex:
    """Return every step from the first of ``train`` to the last of ``val``, UTC without a zone."""
    of_train, of_val = _utc_times(train), _utc_times(val)
    if len(of_train) < 2 or len(of_val) < 1:
        raise DataQualityError(
            f"a fold needs 2 rows to train on and 1 to validate with, and has {len(of_train)} and {len(of_val)}"
        )
    step = of_train[1] - of_train[0]
    times = pd.date_range(of_train[0], of_val[-1], freq=step, unit="ns")
    regular = (
        step > pd.Timedelta(0)
        and times[: len(of_train)].equals(of_train)
        and times[-len(of_val) :].equals(of_val)
        and of_val[0] > of_train[-1]
    )
    if not regular:
        raise DataQualityError(
            f"the times of this fold are not regular steps of {step}: put the frame on a regular grid before splitting "
            "it, as load_features_from_db and regularise do"
        )
    return times


def _utc_times(frame: IntoDataFrame) -> pd.DatetimeIndex:
    rows = nw.from_native(frame, eager_only=True)
    if "timestamp" not in rows.columns:
        raise MissingColumnsError(["timestamp"], rows.columns)
    return pd.to_datetime(rows["timestamp"].to_numpy(), utc=True).tz_localize(None).as_unit("ns")
