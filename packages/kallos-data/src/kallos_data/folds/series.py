"""One fold as scaled Darts series (extra ``kallos-data[darts]``)."""

from dataclasses import dataclass

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
from .scaling import FeatureScaler, Floats, TargetScaler, target_values

Mask = NDArray[np.bool_]


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
    observed : numpy.ndarray, bool, [T_train + purge + T_val]
        Which steps have a target of their own. The others, purged ones included, are filled: context of a forecast, but
        nothing to train on and nothing to score.
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
    observed: Mask
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
        """Return a scaled forecast ``[N]`` in the target's own unit, as float64."""
        return self.target_scaler.inverse(forecast.values(copy=False)[:, 0])

    def _window(self, start: int, stop: int) -> tuple[TimeSeries, TimeSeries | None]:
        covariates = None if self.covariates is None else self.covariates[start:stop]
        return self.target[start:stop], covariates


def prepare_darts_timeseries(
    train: IntoDataFrame,
    val: IntoDataFrame,
    target_col: str,
    feature_groups: FeatureGroups,
    *,
    observed: IntoDataFrame | None = None,
) -> FoldSeries:
    """Scale one fold and put it into Darts series.

    Scalers are fitted on the observed steps of ``train`` alone. Steps between the two windows (purged ones) are filled
    forward with the last training row: a forecaster gets an unbroken timeline and learns nothing of the purged steps.

    Parameters
    ----------
    train, val : polars.DataFrame or pandas.DataFrame, [T_train, ...] and [T_val, ...]
        A pair from :func:`kallos_data.get_walk_forward_splits`, with a column ``timestamp`` or a ``DatetimeIndex``.
    target_col : str
        Column to forecast; standardised on the training window.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :mod:`kallos_data.folds.scaling`. An empty mapping gives no covariates.
    observed : polars.DataFrame or pandas.DataFrame, optional
        ``timestamp`` and a boolean column ``observed`` over both windows at least, as of
        :class:`kallos_data.History`. Every step is taken as observed where left out.

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
        Where values are missing or infinite, a window has under two rows or nothing observed, or the times are not
        regular.
    """
    times = _fold_times(train, val)
    n_train, n_val = len(nw.from_native(train, eager_only=True)), len(nw.from_native(val, eager_only=True))
    of_train, of_val = _observed_at(train, observed), _observed_at(val, observed)
    fitted_on = nw.from_native(train, eager_only=True).filter(of_train.tolist()).to_native()
    feature_scaler = FeatureScaler.fit(fitted_on, feature_groups, target_col=target_col)
    target_scaler = TargetScaler.fit(fitted_on, target_col)
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
        observed=np.concatenate([of_train, np.zeros(len(times) - n_train - n_val, dtype=bool), of_val]),
        feature_scaler=feature_scaler,
        target_scaler=target_scaler,
    )


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
