"""From the two windows of a fold to scaled Darts series (extra ``kallos-data[darts]``)."""

from dataclasses import replace
from typing import TypeAlias

import narwhals as nw
import numpy as np
import polars as pl
from darts import TimeSeries
from narwhals.typing import IntoDataFrame

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..frames import as_polars, times_of
from .feature_groups import FeatureGroups
from .fold_target import FoldTarget
from .fold_times import fold_times
from .scaling import FeatureScaler
from .series import FoldSeries
from .target_scaler import TargetScaler, target_values
from .target_transform import Mask, require_logarithms
from .transform_names import TargetTransform, TargetTransformChoice, check_target_transform
from .unit_root import choose_target_transform

Scalers: TypeAlias = tuple[FeatureScaler, TargetScaler]
"""What was fitted on a training window."""


def prepare_darts_timeseries(
    train: IntoDataFrame,
    val: IntoDataFrame,
    target_col: str,
    feature_groups: FeatureGroups,
    *,
    observed: IntoDataFrame | None = None,
    target_transform: TargetTransformChoice = "auto",
    purge: int | None = None,
    scalers: Scalers | None = None,
) -> FoldSeries:
    """Scale one fold and put it into Darts series.

    Scalers are fitted on the observed steps of ``train`` alone. Steps between the two windows (purged ones) are filled
    forward with the last training row: a forecaster gets an unbroken timeline and learns nothing of the purged steps.

    Parameters
    ----------
    train, val : polars.DataFrame or pandas.DataFrame, [T_train, ...] and [T_val, ...]
        A pair from :func:`kallos_data.get_walk_forward_splits`, with a column ``timestamp`` or a ``DatetimeIndex``.
        ``val`` may be empty, where a forecaster is trained for steps that are still to come.
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
    purge : int, optional
        Steps between the two windows; their times tell where left out. Needed only where ``val`` is empty.
    scalers : tuple of FeatureScaler and TargetScaler, optional
        From an earlier training, in place of those fitted on ``train``: what is learnt is theirs, and the features of
        the groups must be theirs in the same order.

    Returns
    -------
    FoldSeries

    Raises
    ------
    ConfigError
        As in :meth:`FeatureScaler.fit`, and where the log change of a target is asked for that is 0 or less somewhere,
        the purge is not that of the times, or the scalers are those of other features.
    MissingColumnsError
        Where a frame lacks ``timestamp``, the target or a feature.
    DataQualityError
        Where values are missing or infinite, a window has under two rows or nothing observed, or the times are not
        regular.
    """
    check_target_transform(target_transform)
    times = fold_times(train, val, purge)
    n_train, n_val = len(nw.from_native(train, eager_only=True)), len(nw.from_native(val, eager_only=True))
    n_purged = len(times) - n_train - n_val
    of_train, of_val = _observed_at(train, observed), _observed_at(val, observed)
    truth = FoldTarget.of(
        target_values(train, target_col),
        target_values(val, target_col),
        purge=n_purged,
        train_observed=of_train,
        val_observed=of_val,
    )
    truth = replace(truth, transform=scalers[1].target_transform if scalers else _transform(truth, target_transform))
    if truth.transform == "log_difference":
        require_logarithms(truth.values[truth.observed], pl.Series(times).filter(truth.observed), target_col)
    if scalers is None:
        feature_scaler = FeatureScaler.fit(_rows(train, of_train), feature_groups, target_col=target_col)
        target_scaler = _fitted_target_scaler(train, target_col, truth)
    else:
        feature_scaler, target_scaler = scalers
        _require_features_of(feature_scaler, feature_groups)
    learnt = target_scaler.transform(truth.values, truth.known)
    if truth.transform != "none":
        learnt = np.where(truth.learnable, learnt, 0.0)
    scaled = feature_scaler.transform(train)
    features = np.concatenate([scaled, np.repeat(scaled[-1:], n_purged, axis=0), feature_scaler.transform(val)])
    return FoldSeries(
        target=TimeSeries.from_times_and_values(times, learnt.astype(np.float32)[:, None], columns=[target_col]),
        covariates=TimeSeries.from_times_and_values(times, features, columns=list(feature_scaler.columns))
        if feature_scaler.columns
        else None,
        truth=truth,
        feature_scaler=feature_scaler,
        target_scaler=target_scaler,
    )


def _fitted_target_scaler(train: IntoDataFrame, target_col: str, truth: FoldTarget) -> TargetScaler:
    learnt_in_training = truth.learnable[: truth.n_train]
    if not learnt_in_training.any():
        raise DataQualityError(f"no step of the training window has a change of {target_col}: begin earlier")
    return TargetScaler.fit(
        _rows(train, learnt_in_training),
        target_col,
        target_transform=truth.transform,
        known=truth.known[: truth.n_train][learnt_in_training],
    )


def _require_features_of(scaler: FeatureScaler, feature_groups: FeatureGroups) -> None:
    columns = tuple(column for members in feature_groups.values() for column in members)
    if columns != scaler.columns:
        raise ConfigError(
            f"are those of {', '.join(scaler.columns) or 'no feature'}, and the features are "
            f"{', '.join(columns) or 'none'}: give those that they were fitted on, in the same order",
            "scalers",
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
    if len(mask) and not mask.any():
        raise DataQualityError(
            f"no step from {times[0]} to {times[-1]} is observed: begin after it, or supply the values at their source"
        )
    return mask.to_numpy()
