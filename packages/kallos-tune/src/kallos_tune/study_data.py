"""What a study is run on: the history, its folds, and the facts that identify them."""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from optuna.distributions import distribution_to_json

from kallos_data import (
    DatabaseConfig,
    MissingColumnsError,
    calculate_dynamic_wf_kwargs,
    get_walk_forward_splits,
    load_features_from_db,
)
from kallos_data.folds.scaling import FeatureGroups, check_feature_groups

from .search_space import fingerprint, longest_look_back
from .settings import TuningSettings

if TYPE_CHECKING:
    from kallos_data import FoldSeries

# A fold must train on samples of more than one look-back, or the longest look-backs would see next to nothing.
_LOOK_BACKS_TO_TRAIN_ON = 2


@dataclass(frozen=True)
class StudyData:
    """A history cut into folds.

    Attributes
    ----------
    asset_id : str
    frame : polars.DataFrame, [T, 1 + F]
        ``timestamp`` and every column that was loaded.
    target_col : str
    feature_groups : dict of str to list of str
    splits : tuple of (train, val)
        Slices of ``frame``, oldest first.
    settings : TuningSettings
    """

    asset_id: str
    frame: pl.DataFrame
    target_col: str
    feature_groups: dict[str, list[str]]
    splits: tuple[tuple[pl.DataFrame, pl.DataFrame], ...]
    settings: TuningSettings

    @cached_property
    def folds(self) -> "tuple[FoldSeries, ...]":
        """The folds as scaled float32 series, made once."""
        from kallos_data import prepare_darts_timeseries  # noqa: PLC0415 - imports Darts, a second

        return tuple(
            prepare_darts_timeseries(train, val, self.target_col, self.feature_groups) for train, val in self.splits
        )

    @property
    def features(self) -> list[str]:
        """Past covariates, in their order."""
        return [column for columns in self.feature_groups.values() for column in columns]

    def definition(self, model_name: str, end_date: str) -> dict[str, Any]:
        """Return everything that defines a study on these data, in JSON's own types."""
        settings = self.settings
        return {
            "asset_id": self.asset_id,
            "end_date": end_date,
            "first": _iso(self.frame["timestamp"][0]),
            "last": _iso(self.frame["timestamp"][-1]),
            "model_name": model_name,
            "target_col": self.target_col,
            "feature_groups": self.feature_groups,
            "market_table": settings.tables.market,
            "indicators_table": settings.tables.indicators,
            "folds": [_fold_bounds(train, val) for train, val in self.splits],
            "purge": settings.purge,
            "window": settings.window,
            "forecast": settings.forecast,
            "metric": settings.metric,
            "max_epochs": settings.max_epochs,
            "patience": settings.patience,
            "seed": settings.seed,
            "sampler": settings.sampler,
            "pruner": settings.pruner,
            "search_space": {name: distribution_to_json(each) for name, each in settings.space.items()},
            "search_space_hash": fingerprint(settings.space),
            "data_hash": frame_hash(self.frame.select("timestamp", self.target_col, *self.features)),
        }


def load_study_data(
    asset_id: str,
    end_date: str | date | datetime,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    target_col: str,
    feature_groups: FeatureGroups,
    *,
    settings: TuningSettings | None = None,
) -> StudyData:
    """Load a history and cut it into walk-forward folds.

    Parameters
    ----------
    asset_id, end_date, db_kwargs
        As in :func:`kallos_data.load_features_from_db`.
    target_col : str
        Column to forecast.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :mod:`kallos_data.folds.scaling`.
    settings : TuningSettings, optional
        Its defaults where left out.

    Raises
    ------
    kallos_data.ConfigError
        Where the groups contradict themselves.
    kallos_data.MissingColumnsError
        Where the history lacks the target or a feature.
    kallos_data.InsufficientDataError
        Where the history is too short for two folds.
    kallos_data.KallosError
        As in :func:`kallos_data.load_features_from_db`.
    """
    settings = settings or TuningSettings()
    groups = {group: list(columns) for group, columns in feature_groups.items()}
    check_feature_groups(feature_groups, target_col=target_col)
    frame = load_features_from_db(
        asset_id,
        end_date,
        db_kwargs,
        start_date=settings.start_date,
        tables=settings.tables,
        max_gap=settings.max_gap,
    )
    needed = [target_col, *(column for columns in groups.values() for column in columns)]
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise MissingColumnsError(missing, frame.columns[1:], where=f"the history of {asset_id}")
    windows = calculate_dynamic_wf_kwargs(
        frame,
        target_folds=settings.target_folds,
        val_share=settings.val_share,
        min_train_length=_LOOK_BACKS_TO_TRAIN_ON * longest_look_back(settings.space),
        purge=settings.purge,
        window=settings.window,
    )
    splits = tuple(get_walk_forward_splits(frame, **windows))
    return StudyData(asset_id, frame, target_col, groups, splits, settings)


def frame_hash(frame: pl.DataFrame) -> str:
    """Return a hash of a frame's names and values that is the same on every machine."""
    digest = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        values = column.dt.epoch("us") if column.dtype.is_temporal() else column.cast(pl.Float64)
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of everything that a score depends on."""
    names = ("kallos-data", "kallos-models", "kallos-tune", "darts", "torch", "pytorch-lightning", "optuna", "numpy")
    return {name: importlib.metadata.version(name) for name in names}


def _fold_bounds(train: pl.DataFrame, val: pl.DataFrame) -> dict[str, str]:
    bounds = {"train": train, "val": val}
    return {
        f"{name}_{edge}": _iso(part["timestamp"][row])
        for name, part in bounds.items()
        for edge, row in (("first", 0), ("last", -1))
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
