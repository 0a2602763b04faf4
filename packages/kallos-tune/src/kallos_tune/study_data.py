"""What a study is run on: the history, its folds, and the facts that identify them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
from optuna.distributions import distribution_to_json

from kallos_data import (
    DatabaseConfig,
    DataQualityError,
    FeatureGroups,
    FoldTarget,
    History,
    InsufficientDataError,
    MissingColumnsError,
    Step,
    TargetTransform,
    calculate_dynamic_wf_kwargs,
    changes_in,
    check_feature_groups,
    choose_target_transform,
    default_feature_groups,
    get_walk_forward_splits,
    in_utc,
    load_history,
    require_logarithms,
)

from .data_fingerprint import OBSERVED, frame_hash
from .errors import ConfigError
from .evaluation.naive_scores import naive_scores_of, swings_around_zero
from .evaluation.scoring import Mask
from .search_space import fingerprint, longest_look_back
from .settings import TuningSettings
from .verdict.naive_scores import NaiveScores

if TYPE_CHECKING:
    from kallos_data import FoldSeries

logger = logging.getLogger(__name__)

# A fold must train on samples of more than one look-back, or the longest look-backs would see next to nothing.
_LOOK_BACKS_TO_TRAIN_ON = 2


@dataclass(frozen=True)
class StudyData:
    """A history cut into folds.

    Attributes
    ----------
    asset_id, end_date : str
        As asked for.
    frame : polars.DataFrame, [T, 1 + F]
        ``timestamp`` and every column that was loaded.
    observed : polars.DataFrame, [T, 2]
        ``timestamp`` and which steps are ``observed``: the others are neither trained on nor scored.
    step : Step
        From row to row.
    target_col : str
    feature_groups : dict of str to list of str
    splits : tuple of (train, val)
        Slices of ``frame``, oldest first.
    settings : TuningSettings
    target_transform : {"none", "difference", "log_difference"}
        What is learnt of the target, in every fold.
    empty_columns : tuple of str, default ()
        Columns of the tables that are left out, since they have no value; see :attr:`History.brought_empty`.
    """

    asset_id: str
    end_date: str
    frame: pl.DataFrame
    observed: pl.DataFrame
    step: Step
    target_col: str
    feature_groups: dict[str, list[str]]
    splits: tuple[tuple[pl.DataFrame, pl.DataFrame], ...]
    settings: TuningSettings
    target_transform: TargetTransform
    empty_columns: tuple[str, ...] = ()

    @cached_property
    def folds(self) -> "tuple[FoldSeries, ...]":
        """The folds as scaled float32 series, made once."""
        from kallos_data import prepare_darts_timeseries  # noqa: PLC0415 - imports Darts, a second

        return tuple(
            prepare_darts_timeseries(
                train,
                val,
                self.target_col,
                self.feature_groups,
                observed=self.observed,
                target_transform=self.target_transform,
            )
            for train, val in self.splits
        )

    @cached_property
    def targets(self) -> tuple[FoldTarget, ...]:
        """The target of each fold in its own unit; nothing is scaled for it."""
        return tuple(
            FoldTarget.of(
                train[self.target_col].to_numpy(),
                val[self.target_col].to_numpy(),
                purge=self.settings.folds.purge,
                train_observed=self.observed_at(train),
                val_observed=self.observed_at(val),
                transform=self.target_transform,
            )
            for train, val in self.splits
        )

    @property
    def around_zero(self) -> bool:
        """Whether the target's values are learnt and swing around 0, as returns do, in the first training window."""
        return swings_around_zero(self.targets[0])

    @cached_property
    def naive(self) -> NaiveScores:
        """The naive forecast that the scores of trials are compared with, and what it scores in each fold."""
        return naive_scores_of(self.targets, self.settings)

    @property
    def n_filled(self) -> list[tuple[int, int]]:
        """Steps of each fold's training and validation window that are filled."""
        return [(self._n_filled_in(train), self._n_filled_in(val)) for train, val in self.splits]

    @property
    def used(self) -> pl.DataFrame:
        """What scores depend on: times, target, features and which steps are observed."""
        used = self.frame.select("timestamp", self.target_col, *self.features)
        return used.with_columns(self.observed["observed"].cast(pl.Float64).alias(OBSERVED))

    def _n_filled_in(self, part: pl.DataFrame) -> int:
        return int((~self.observed_at(part)).sum())

    def observed_at(self, part: pl.DataFrame) -> Mask:
        """Return which steps of a slice of the history are observed, [T_part]."""
        inside = pl.col("timestamp").is_between(part["timestamp"][0], part["timestamp"][-1])
        return self.observed.filter(inside)["observed"].to_numpy()

    @property
    def features(self) -> list[str]:
        """Past covariates, in their order."""
        return [column for columns in self.feature_groups.values() for column in columns]

    def definition(self, model_name: str) -> dict[str, Any]:
        """Return everything that defines a study on these data, in JSON's own types."""
        history, folds, training, search = (
            self.settings.history,
            self.settings.folds,
            self.settings.training,
            self.settings.search,
        )
        return {
            "asset_id": self.asset_id,
            "end_date": self.end_date,
            "first": in_utc(self.frame["timestamp"][0]),
            "last": in_utc(self.frame["timestamp"][-1]),
            "model_name": model_name,
            "target_col": self.target_col,
            "target_transform": self.target_transform,
            "feature_groups": self.feature_groups,
            "market_table": history.tables.market,
            "indicators_table": history.tables.indicators,
            "folds": [_fold_bounds(train, val) for train, val in self.splits],
            "purge": folds.purge,
            "window": folds.window,
            "forecast": folds.forecast,
            "metric": folds.metric,
            "likelihood": training.likelihood,
            "max_epochs": training.max_epochs,
            "patience": training.patience,
            "seed": training.seed,
            "sampler": search.sampler,
            "pruner": search.pruner,
            "search_space": {name: distribution_to_json(each) for name, each in search.space.items()},
            "search_space_hash": fingerprint(search.space),
            "data_hash": frame_hash(self.used),
        }


def load_study_data(
    asset_id: str,
    end_date: str | date | datetime,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    target_col: str,
    feature_groups: FeatureGroups | None = None,
    *,
    settings: TuningSettings | None = None,
    fold_bounds: Sequence[Mapping[str, str]] | None = None,
) -> StudyData:
    """Load a history and cut it into walk-forward folds.

    Parameters
    ----------
    asset_id, end_date, db_kwargs
        As in :func:`kallos_data.load_features_from_db`.
    target_col : str
        Column to forecast.
    feature_groups : mapping of str to sequence of str, optional
        Past covariates by group; see :class:`kallos_data.FeatureScaler`. Where left out, the columns that
        :func:`kallos_data.default_feature_groups` knows.
    settings : TuningSettings, optional
        Its defaults where left out.
    fold_bounds : sequence of mapping, optional
        The folds themselves, as :meth:`StudyData.definition` tells them, in place of folds that the settings decide.

    Raises
    ------
    ConfigError
        Where no groups are given and no column is known.
    kallos_data.ConfigError
        Where the groups contradict themselves, or the log change is asked for of a target that is 0 or less somewhere.
    kallos_data.MissingColumnsError
        Where the history lacks the target or a feature.
    kallos_data.InsufficientDataError
        Where the history is too short for two folds, or lacks a step of the folds given.
    kallos_data.KallosError
        As in :func:`kallos_data.load_features_from_db`.
    """
    settings = settings or TuningSettings()
    if feature_groups is not None:
        check_feature_groups(feature_groups, target_col=target_col)
    history = settings.history
    loaded = load_history(
        asset_id,
        end_date,
        db_kwargs,
        start_date=history.start_date,
        tables=history.tables,
        needed_columns=[target_col, *(column for group in (feature_groups or {}).values() for column in group)],
        max_gap=history.max_gap,
        frequency=history.frequency,
        target_col=target_col,
        changes=changes_in(feature_groups or {}),
    )
    frame = loaded.frame
    groups = _groups_in(frame, asset_id, target_col, feature_groups)
    splits = _splits(frame, settings) if fold_bounds is None else _splits_at(frame, fold_bounds)
    transform = _chosen_transform(loaded, target_col, splits[0][0], settings)
    data = StudyData(
        asset_id=asset_id,
        end_date=str(end_date),
        frame=frame,
        observed=loaded.observed,
        step=loaded.step,
        target_col=target_col,
        feature_groups=groups,
        splits=splits,
        settings=settings,
        target_transform=transform,
        empty_columns=loaded.brought_empty,
    )
    _refuse_unobserved(data)
    _warn_of_a_short_purge(target_col, loaded.n_unknown, settings.folds.purge)
    return data


def _warn_of_a_short_purge(target_col: str, n_unknown: int, purge: int) -> None:
    """Warn where the target's last values are missing as those that look ahead are, and training would know them."""
    if n_unknown > purge:
        rows = "last row has" if n_unknown == 1 else f"{n_unknown} last rows have"
        logger.warning(
            "the %s no %s yet, and the purge is %d: if it looks that many steps ahead, forecasts are given part of the "
            "answer and score too well; then set the purge to %d",
            rows,
            target_col,
            purge,
            n_unknown,
        )


def _chosen_transform(
    history: History, target_col: str, first_training: pl.DataFrame, settings: TuningSettings
) -> TargetTransform:
    """Return what is learnt of the target in every fold, chosen once."""
    choice = settings.folds.target_transform
    steps = history.frame.select("timestamp", pl.col(target_col).cast(pl.Float64)).join(
        history.observed, on="timestamp"
    )
    # What lies before the first training window is neither learnt nor scored.
    seen = steps.filter("observed", pl.col("timestamp") >= first_training["timestamp"][0])
    values = seen[target_col].to_numpy()
    if choice == "auto":
        n_first = (seen["timestamp"] <= first_training["timestamp"][-1]).sum()
        return choose_target_transform(values[:n_first], positive=bool((values > 0).all()))
    if choice == "log_difference":
        require_logarithms(values, seen["timestamp"], target_col)
    return choice


def _refuse_unobserved(data: StudyData) -> None:
    purge, look_back = data.settings.folds.purge, longest_look_back(data.settings.search.space)
    for number, ((train, val), target) in enumerate(zip(data.splits, data.targets, strict=True), start=1):
        # What is forecast in training comes after the first look-back.
        forecast = train[look_back + purge :]
        if forecast.is_empty():
            raise InsufficientDataError(
                look_back + purge + 1,
                len(train),
                purpose=f"training fold {number} with a purge of {purge} steps after a look-back of {look_back}",
                remedy="begin earlier, purge less, or search shorter look-backs",
            )
        of_training, of_val = target.learnable[look_back + purge : target.n_train], target.learnable[target.val_start :]
        for name, part, learnable in (("train on", forecast, of_training), ("score", val, of_val)):
            if not learnable.any():
                raise DataQualityError(
                    f"fold {number} has no observed step to {name}, from {part['timestamp'][0]:%Y-%m-%d} to "
                    f"{part['timestamp'][-1]:%Y-%m-%d}: begin after it, or supply the values at their source"
                )


def _groups_in(
    frame: pl.DataFrame, asset_id: str, target_col: str, given: FeatureGroups | None
) -> dict[str, list[str]]:
    """Return the groups asked for, or those of the columns that are known; all of them are there."""
    columns = frame.columns[1:]
    asked_for = [target_col, *(column for group in (given or {}).values() for column in group)]
    missing = [column for column in asked_for if column not in columns]
    if missing:
        raise MissingColumnsError(missing, columns, where=f"the history of {asset_id}")
    groups = default_feature_groups(columns, target_col) if given is None else given
    if not groups and given is None:
        raise ConfigError(
            f"must be given: none of the columns of {asset_id} is known ({', '.join(columns)}); say which to use and "
            "how to scale them",
            "feature_groups",
        )
    return {group: list(names) for group, names in groups.items()}


def _splits(frame: pl.DataFrame, settings: TuningSettings) -> tuple[tuple[pl.DataFrame, pl.DataFrame], ...]:
    folds, look_back = settings.folds, longest_look_back(settings.search.space)
    try:
        windows = calculate_dynamic_wf_kwargs(
            frame,
            target_folds=folds.target_folds,
            val_share=folds.val_share,
            min_train_length=_LOOK_BACKS_TO_TRAIN_ON * look_back,
            purge=folds.purge,
            window=folds.window,
        )
    except InsufficientDataError as error:
        remedy = f"begin earlier, end later, or search shorter look-backs than {look_back} steps"
        raise InsufficientDataError(error.needed, error.found, purpose="a study of two folds", remedy=remedy) from error
    return tuple(get_walk_forward_splits(frame, **windows))


def _splits_at(
    frame: pl.DataFrame, bounds: Sequence[Mapping[str, str]]
) -> tuple[tuple[pl.DataFrame, pl.DataFrame], ...]:
    """Return the folds that have these bounds."""
    return tuple((_window(frame, fold, "train"), _window(frame, fold, "val")) for fold in bounds)


def _window(frame: pl.DataFrame, bounds: Mapping[str, str], name: str) -> pl.DataFrame:
    first, last = (datetime.fromisoformat(bounds[f"{name}_{edge}"]) for edge in ("first", "last"))
    window = frame.filter(pl.col("timestamp").is_between(first, last))
    if window.is_empty() or (window["timestamp"][0], window["timestamp"][-1]) != (first, last):
        raise InsufficientDataError(
            1,
            0,
            purpose=f"the fold from {bounds[f'{name}_first']} to {bounds[f'{name}_last']}, as the study has it",
            remedy="its rows were removed since: supply them again",
        )
    return window


def _fold_bounds(train: pl.DataFrame, val: pl.DataFrame) -> dict[str, str]:
    bounds = {"train": train, "val": val}
    return {
        f"{name}_{edge}": in_utc(part["timestamp"][row])
        for name, part in bounds.items()
        for edge, row in (("first", 0), ("last", -1))
    }
