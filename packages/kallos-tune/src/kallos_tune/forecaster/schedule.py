"""Refitting on a schedule, replayed: a forecaster for each date, trained on what was known then.

A folder holds one forecaster a date, in subfolders by their last known day, and ``schedule.json`` with their names,
oldest first.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from kallos_data import ConfigError as DataConfigError
from kallos_data import (
    DatabaseConfig,
    History,
    InsufficientDataError,
    Moment,
    Step,
    changes_in,
    last_moment,
    load_history,
)
from kallos_models import ModelFileError, require_new_folder

from ..errors import ConfigError
from ..events import Listener, ignore
from ..study_data import StudyData
from ..study_source import data_of_study
from .plan import plan_members
from .recipe import Recipe
from .schedule_files import is_schedule, read_schedule, write_schedule
from .settings import ForecasterSettings
from .train import train_on, warn_of_changed_data, window_of
from .trained import Trained, load_trained

logger = logging.getLogger(__name__)

_MOST_MODELS: Final = 1000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Forecasters trained one after the other.

    Attributes
    ----------
    folder : Path
    every : str
        From one training to the next: 30d.
    models : tuple of Trained
        Oldest first, one or more.
    """

    folder: Path
    every: str
    models: tuple[Trained, ...]


def train_schedule(
    recipe: Recipe,
    folder: str | Path,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    refit_every: str,
    until: Moment,
    settings: ForecasterSettings | None = None,
    on_event: Listener = ignore,
) -> Schedule:
    """Train a forecaster at a study's end, and a new one after every so many days, each on what was known then.

    All have the hyperparameters that the study found; how long they train follows the length of their history. Those
    that are trained already are kept: the same call takes up where a killed one ended.

    Parameters
    ----------
    recipe : Recipe
    folder : str or Path
        Where to save.
    db_kwargs : mapping, str or DatabaseConfig
    refit_every : str
        From one training to the next: 30d, 1w, 12h.
    until : str, date or datetime
        No training after it.
    settings : ForecasterSettings, optional
    on_event : callable, optional

    Returns
    -------
    Schedule

    Raises
    ------
    ConfigError
        Where ``until`` lies before the study's end, ``refit_every`` is shorter than a step of the history, or there
        would be more than a thousand trainings.
    kallos_models.ModelFileError
        Where the folder holds something else.
    KallosError
        As in :func:`kallos_tune.train_forecaster`.
    """
    settings = settings or ForecasterSettings()
    folder = Path(folder).absolute()
    data = data_of_study(recipe.definition, db_kwargs, reading=recipe.reading)
    warn_of_changed_data(recipe, data)
    end, last = data.frame["timestamp"][-1], last_moment(until, name="until")
    dates = _dates(end, last, _interval(refit_every, data.step))
    history = _longer_history(data, last, db_kwargs)
    _require_own_folder(folder, _name(dates[0]))
    lengths = [len(train) for train, _ in data.splits]
    names: list[str] = []
    models: list[Trained] = []
    for number, date in enumerate(dates, start=1):
        known = _known_at(data, history, date)
        window = window_of(known, recipe.definition, settings)
        members = plan_members(recipe, settings, fold_lengths=lengths, final_length=len(window.train))
        name = _name(date)
        logger.info("training %d of %d: on what was known on %s", number, len(dates), f"{date:%Y-%m-%d %H:%MZ}")
        models.append(
            train_on(
                recipe,
                known,
                window,
                members,
                folder / name,
                settings=settings,
                overwrite=True,
                kept=True,
                on_event=on_event,
            )
        )
        names.append(name)
        write_schedule(folder, refit_every, names)
    return Schedule(folder, refit_every, tuple(models))


def load_schedule(folder: str | Path) -> Schedule:
    """Open the forecasters that :func:`train_schedule` saved.

    Raises
    ------
    kallos_models.ModelFileError
        Where one of them is missing or damaged, or the list of them is.
    """
    folder = Path(folder).absolute()
    every, folders = read_schedule(folder)
    return Schedule(folder, every, tuple(map(load_trained, folders)))


def _interval(refit_every: str, step: Step) -> Step:
    try:
        every = Step.of(refit_every)
    except DataConfigError as error:
        raise ConfigError(f"must be a time as 30d, 1w or 12h, not {refit_every!r}", "refit_every") from error
    if every.length < step.length:
        raise ConfigError(
            f"must be a step of the history or more, not {refit_every!r}: nothing new is known in between",
            "refit_every",
        )
    return every


def _dates(end: datetime, last: datetime, every: Step) -> list[datetime]:
    if last < end:
        raise ConfigError(f"must not lie before the study's end, {end:%Y-%m-%d %H:%MZ}", "until")
    n_models = 1 + int((last - end) / every.length)
    if n_models > _MOST_MODELS:
        raise ConfigError(f"makes {n_models} trainings, above {_MOST_MODELS}: train less often", "refit_every")
    return [end + number * every.length for number in range(n_models)]


def _longer_history(data: StudyData, last: datetime, db_kwargs: Mapping[str, object] | str | DatabaseConfig) -> History:
    reading = data.settings.history
    return load_history(
        data.asset_id,
        last,
        db_kwargs,
        start_date=data.frame["timestamp"][0],
        tables=reading.tables,
        needed_columns=[data.target_col, *data.features],
        max_gap=reading.max_gap,
        frequency=data.step,
        target_col=data.target_col,
        changes=changes_in(data.feature_groups),
    )


def _known_at(data: StudyData, history: History, date: datetime) -> StudyData:
    until_then = pl.col("timestamp") <= date
    known = history.frame.filter(until_then)
    if known.is_empty() or history.step.next(known["timestamp"][-1]) <= date:
        raise InsufficientDataError(
            1,
            0,
            purpose=f"a training on what was known on {date:%Y-%m-%d %H:%MZ}",
            remedy=f"the table ends with {history.frame['timestamp'][-1]:%Y-%m-%d %H:%MZ}: end the schedule earlier",
        )
    observed = history.observed.filter(pl.col("timestamp") <= date)
    return replace(data, frame=known, observed=observed, end_date=date.isoformat())


def _name(date: datetime) -> str:
    return f"until-{date:%Y-%m-%dT%H%M}"


def _require_own_folder(folder: Path, first: str) -> None:
    if folder.exists() and not is_schedule(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelFileError(f"{folder} exists and holds no schedule of forecasters: choose another folder")
    require_new_folder(folder / first, overwrite=True)
