"""What a forecaster is trained on: the end of a history, cut as its study cuts folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from kallos_data import FoldSeries, InsufficientDataError, TargetTransform, prepare_darts_timeseries


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """A training window, and the steps after it that stop the training early.

    Attributes
    ----------
    train, val : polars.DataFrame, [T_train, 1 + F] and [T_val, 1 + F]
        ``val`` is empty where everything is trained on.
    observed : polars.DataFrame, [T, 2]
        ``timestamp`` and which steps are ``observed``.
    target_col : str
    feature_groups : mapping of str to sequence of str
    target_transform : {"none", "difference", "log_difference"}
    purge : int
    """

    train: pl.DataFrame
    val: pl.DataFrame
    observed: pl.DataFrame
    target_col: str
    feature_groups: Mapping[str, Sequence[str]]
    target_transform: TargetTransform
    purge: int

    @property
    def features(self) -> tuple[str, ...]:
        """Past covariates, in their order."""
        return tuple(column for columns in self.feature_groups.values() for column in columns)

    def series(self) -> FoldSeries:
        """Return the window as scaled series."""
        return prepare_darts_timeseries(
            self.train,
            self.val,
            self.target_col,
            self.feature_groups,
            observed=self.observed,
            target_transform=self.target_transform,
            purge=self.purge,
        )


def training_window(
    frame: pl.DataFrame,
    observed: pl.DataFrame,
    definition: Mapping[str, Any],
    *,
    rolling_length: int | None = None,
    stop_on_last: int | None = None,
) -> TrainingWindow:
    """Return the training window that ends with a history.

    The last ``purge`` steps are not trained on, since their targets look beyond the history; nor are as many before
    those that stop the training early.

    Parameters
    ----------
    frame, observed : polars.DataFrame, [T, 1 + F] and [T, 2]
        See :class:`kallos_data.History`.
    definition : mapping
        Of the study: target, features, purge.
    rolling_length : int, optional
        Steps that a study with a rolling window trains on; all where left out.
    stop_on_last : int, optional
        See :class:`kallos_tune.ForecasterSettings`.

    Raises
    ------
    kallos_data.InsufficientDataError
        Where too few steps are left to train on.
    """
    purge, n_last = int(definition["purge"]), stop_on_last or 0
    stop = len(frame) - n_last - purge
    if stop < 2:
        raise InsufficientDataError(
            n_last + purge + 2, len(frame), purpose="a final training", remedy="load a longer history"
        )
    start = 0 if rolling_length is None else max(0, stop - rolling_length)
    return TrainingWindow(
        train=frame[start:stop],
        val=frame[len(frame) - n_last :],
        observed=observed,
        target_col=definition["target_col"],
        feature_groups=definition["feature_groups"],
        target_transform=definition["target_transform"],
        purge=purge,
    )
