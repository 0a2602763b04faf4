"""Everything after a date is changed, and nothing before it may move: no row, no fold, no forecast."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from kallos_data import (
    AssetRows,
    DatabaseConfig,
    FeatureGroups,
    InsufficientDataError,
    Moment,
    last_moment,
    read_asset_rows,
    write_asset_rows,
)

from ..evaluation.fold import evaluate_fold
from ..evaluation.scoring import Floats
from ..evaluation.threads import torch_threads
from ..settings import TuningSettings
from ..study_data import StudyData, load_study_data
from .changes import Changer
from .outcome import Leakage
from .suspects import closest_readings

_TINY: Final = {
    "hidden_dim": 8,
    "n_rnn_layers": 1,
    "dropout": 0.0,
    "batch_size": 64,
    "input_chunk_length": 10,
    "learning_rate": 5e-3,
}
_AROUND: Final = 20
_MODEL: Final = "gru"


def _ignore(_words: str) -> None:
    pass


def check_leakage(
    asset_id: str | int,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    target_col: str,
    feature_groups: FeatureGroups | None = None,
    *,
    date: Moment | None = None,
    settings: TuningSettings | None = None,
    seed: int = 0,
    on_stage: Callable[[str], None] = _ignore,
) -> Leakage:
    """Change everything after a date in a copy of a history, and compare what is made of it before that date.

    The rows are copied into temporary files and go the whole way from there: loaded, filled, split, scaled, trained on.
    Compared are the history up to the date and its folds where the study ends with the date (then rows are missing and
    a column is empty after it, too), the rows, the training windows and the validation steps up to the date where it
    goes on, and the forecasts of a small model trained for one epoch before the date, up to the step after it. Nothing
    is written to the database.

    Parameters
    ----------
    asset_id, db_kwargs, target_col, feature_groups
        As of :func:`kallos_tune.load_study_data`.
    date : str, date or datetime, optional
        The last step that is left as it is; in the middle of the last validation window where left out.
    settings : TuningSettings, optional
        How the history is read and cut; the defaults where left out.
    seed : int, default 0
        Of the changes.
    on_stage : callable, optional
        Is told in words what is done next: all of it can take a minute.

    Raises
    ------
    kallos_data.InsufficientDataError
        Where the history is too short, or too little of it lies on either side of the date.
    kallos_data.KallosError, ConfigError
        As in :func:`kallos_tune.load_study_data`.
    """
    settings = settings or TuningSettings()
    on_stage(f"copying the rows of {asset_id}")
    rows = read_asset_rows(db_kwargs, asset_id, tables=settings.history.tables)
    changer = Changer.of(rows)
    with tempfile.TemporaryDirectory(prefix="kallos-leakage-") as folder:
        places = _Places(Path(folder), settings, target_col, feature_groups)
        original = places.put("original", changer.rows)
        whole = original.load(rows.market["timestamp"].max())
        step = _last_kept(whole, date)
        found = Leakage(
            asset_id=rows.asset_id,
            target_col=target_col,
            date=step,
            recomputed=changer.recomputed,
            n_changed=rows.market.filter(pl.col("timestamp") > step).height,
            readings=closest_readings(whole),
        )
        on_stage(f"comparing a study that ends with {step:%Y-%m-%d %H:%MZ} with one of a history that breaks off there")
        broken = places.put("broken", changer.after(step, seed, also_rows=True))
        _compare_until(found, original.load(step), broken.load(step))
        on_stage("comparing rows and folds up to that date where everything after it is changed")
        scaled = places.put("scaled", changer.after(step, seed + 1, also_rows=False))
        last, bounds = whole.frame["timestamp"][-1], whole.definition(_MODEL)["folds"]
        _compare_before(found, whole, scaled.load(last, bounds))
        on_stage("training a small model twice, before the date, and comparing its forecasts")
        around = [_fold_around(whole, step)]
        _compare_forecasts(found, original.load(last, around), scaled.load(last, around))
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A copy of an asset's rows, and how a study reads it."""

    asset_id: str
    config: DatabaseConfig
    settings: TuningSettings
    target_col: str
    feature_groups: FeatureGroups | None

    def load(self, end: Any, bounds: list[dict[str, str]] | None = None) -> StudyData:  # noqa: ANN401 - a moment
        return load_study_data(
            self.asset_id,
            end,
            self.config,
            self.target_col,
            self.feature_groups,
            settings=self.settings,
            fold_bounds=bounds,
        )


@dataclass(frozen=True, slots=True)
class _Places:
    folder: Path
    settings: TuningSettings
    target_col: str
    feature_groups: FeatureGroups | None

    def put(self, name: str, rows: AssetRows) -> _Place:
        config, tables = write_asset_rows(self.folder / f"{name}.db", rows)
        settings = self.settings.changed(tables=tables)
        return _Place(rows.asset_id, config, settings, self.target_col, self.feature_groups)


def _last_kept(whole: StudyData, date: Moment | None) -> datetime:
    """Return the last step that is left as it is, with enough on either side of it."""
    times = whole.frame["timestamp"]
    if date is None:
        val = whole.splits[-1][1]["timestamp"]
        return val[len(val) // 2]
    before = times.filter(times <= last_moment(date, name="date"))
    if len(before) in (0, len(times)):
        raise InsufficientDataError(
            1,
            0,
            purpose=f"steps on both sides of {date}",
            remedy=f"the history goes from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}: choose a date within it",
        )
    return before[-1]


def _compare_until(found: Leakage, one: StudyData, other: StudyData) -> None:
    """Compare two studies that end with the date."""
    found.compare("rows of a study that ends with the date", _numbers(one), _numbers(other))
    for number, (mine, theirs) in enumerate(zip(one.folds, other.folds, strict=False), start=1):
        found.compare(f"fold {number} of a study that ends with the date", _series(mine), _series(theirs))
        found.n_folds += 1
    found.n_folds_until = found.n_folds


def _compare_before(found: Leakage, one: StudyData, other: StudyData) -> None:
    """Compare what lies before the date of two studies that go on after it."""
    kept = int((one.frame["timestamp"] <= found.date).sum())
    found.compare("rows up to the date", _numbers(one)[:kept], _numbers(other)[:kept])
    found.n_rows = kept
    for number, (mine, theirs) in enumerate(zip(one.folds, other.folds, strict=True), start=1):
        train, val = one.splits[number - 1]
        if train["timestamp"][-1] > found.date:
            continue
        steps = mine.val_start + int((val["timestamp"] <= found.date).sum())
        found.compare(f"fold {number} up to the date", _series(mine)[:steps], _series(theirs)[:steps])
        found.n_folds += 1


def _compare_forecasts(found: Leakage, one: StudyData, other: StudyData) -> None:
    """Compare what a model trained before the date forecasts, up to the step after it and later."""
    training = {"max_epochs": 1, "patience": 1, "likelihood": "none", "device": "cpu", "forecast": "rolling"}
    with torch_threads(1):
        mine, theirs = (
            evaluate_fold(each.folds[0], _MODEL, _TINY, settings=each.settings.changed(**training)).forecast
            for each in (one, other)
        )
    times = one.splits[0][1]["timestamp"]
    # What is forecast for the steps that follow at once is made from what was known on the date.
    known = int((times <= found.date).sum()) + 1 + one.settings.folds.purge
    found.compare("forecasts up to the step after the date", mine[:known], theirs[:known])
    found.n_forecasts = len(mine[:known])
    found.n_moved_after = int((mine[known:] != theirs[known:]).sum())


def _fold_around(whole: StudyData, date: datetime) -> dict[str, str]:
    """Return the bounds of a fold whose validation window lies around the date."""
    times = whole.frame["timestamp"]
    place = int((times <= date).sum()) - 1
    first, last = place - _AROUND, min(place + _AROUND, len(times) - 1)
    train_last = first - 1 - whole.settings.folds.purge
    needed = 2 * int(_TINY["input_chunk_length"])
    if train_last < needed:
        raise InsufficientDataError(
            needed + _AROUND, place, purpose="a small model trained before the date", remedy="choose a later date"
        )
    edges = {"train_first": 0, "train_last": train_last, "val_first": first, "val_last": last}
    return {name: times[position].isoformat() for name, position in edges.items()}


def _numbers(data: StudyData) -> Floats:
    return data.used.drop("timestamp").to_numpy()


def _series(fold: Any) -> Floats:  # noqa: ANN401 - a FoldSeries, which Darts is imported for
    target = fold.target.values(copy=False)
    parts = [target] if fold.covariates is None else [target, fold.covariates.values(copy=False)]
    return np.concatenate(parts, axis=1)
