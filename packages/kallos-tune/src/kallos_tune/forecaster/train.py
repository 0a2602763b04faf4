"""Train a forecaster with what a study found, on everything up to the study's end."""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from kallos_data import DatabaseConfig, InsufficientDataError, in_utc
from kallos_models import ModelFileError, TrainingSettings, load_forecaster, require_new_folder, save_forecaster

from ..data_fingerprint import change_of, frame_hash
from ..events import Listener, ignore
from ..score_names import judged_metric_of
from ..study_data import StudyData
from ..study_source import data_of_study
from ..workers.job import Assignment
from ..workers.processes import run_assignment
from .card import ForecasterCard, step_facts
from .description import description_of
from .members import TrainingJob
from .plan import MemberPlan, plan_members
from .recipe import Recipe, likelihood_of
from .settings import ForecasterSettings
from .trained import Trained, load_trained
from .unfinished import begun_folder, training_mark
from .window import TrainingWindow, training_window

logger = logging.getLogger(__name__)

_WORK: Final = "kallos_tune.forecaster.members:train_members"
_LOGGERS: Final = ("kallos_data", "kallos_models", "kallos_tune")


def train_forecaster(
    recipe: Recipe,
    folder: str | Path,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    settings: ForecasterSettings | None = None,
    overwrite: bool = False,
    on_event: Listener = ignore,
) -> Trained:
    """Train what a study found on everything up to its end date, and save it in a folder.

    A member that is trained is kept beside the folder until all are: the same call takes up where a killed one ended.
    The same study, data, versions and kind of machine give the same forecaster to the bit, whatever the number of
    workers.

    Parameters
    ----------
    recipe : Recipe
        From a study or from its file of best parameters.
    folder : str or Path
        Where to save; see :func:`kallos_models.save_forecaster`.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.
    settings : ForecasterSettings, optional
        Its defaults where left out.
    overwrite : bool, default False
        Whether to replace a forecaster that is there already.
    on_event : callable, optional
        Is told of members that begin and end.

    Returns
    -------
    Trained

    Raises
    ------
    ConfigError
        Where a setting is impossible.
    kallos_models.KallosError
        Where a model cannot be built or its training diverges, or the folder cannot be written or holds something.
    kallos_data.KallosError
        As in :func:`kallos_tune.load_study_data`.
    WorkerError
        Where a worker process ends with an error.
    KeyboardInterrupt
        On Ctrl-C; finished members are kept.
    """
    settings = settings or ForecasterSettings()
    folder = Path(folder).absolute()
    require_new_folder(folder, overwrite=overwrite)
    data = data_of_study(recipe.definition, db_kwargs, reading=recipe.reading)
    warn_of_changed_data(recipe, data)
    window = window_of(data, recipe.definition, settings)
    lengths = [len(train) for train, _ in data.splits]
    members = plan_members(recipe, settings, fold_lengths=lengths, final_length=len(window.train))
    return train_on(recipe, data, window, members, folder, settings=settings, overwrite=overwrite, on_event=on_event)


def window_of(data: StudyData, definition: Mapping[str, Any], settings: ForecasterSettings) -> TrainingWindow:
    """Return the window to train on that ends with a study's data."""
    rolling_length = len(data.splits[-1][0]) if definition["window"] == "rolling" else None
    return training_window(
        data.frame, data.observed, definition, rolling_length=rolling_length, stop_on_last=settings.stop_on_last
    )


def train_on(
    recipe: Recipe,
    data: StudyData,
    window: TrainingWindow,
    members: tuple[MemberPlan, ...],
    folder: Path,
    *,
    settings: ForecasterSettings,
    overwrite: bool,
    kept: bool = False,
    on_event: Listener = ignore,
) -> Trained:
    """Train members on a window of a study's data, and save them as one forecaster.

    With ``kept``, one that is there already and is the same is returned as it is.
    """
    _require_long_enough(window, members, settings)
    training = TrainingSettings(
        max_epochs=max(member.epochs for member in members),
        patience=int(recipe.definition["patience"]),
        device=settings.device,
        likelihood=likelihood_of(recipe.definition),
    )
    card = card_of(recipe, data, window, members, settings)
    card = replace(card, made_from=training_mark(card, recipe.model_name, members, training))
    if kept and (same := _trained_already(folder, card.made_from)):
        return same
    job = TrainingJob(recipe.model_name, window, members, training, begun_folder(folder, card.made_from))
    missing = [member for member in members if not job.is_finished(member)]
    if missing:
        if len(missing) < len(members):
            logger.info("%d of %d members are trained already and kept", len(members) - len(missing), len(members))
        n_workers = min(settings.workers, len(missing))
        run_assignment(Assignment(_WORK, (job,), _LOGGERS), n_workers, on_event)
    saved = [load_forecaster(job.folder_of(member)) for member in members]
    about = card.to_dict() | {"members": [dict(each.about) for each in saved]}
    networks = [each.members[0] for each in saved]
    description = description_of(about, likelihood=job.training.likelihood)
    save_forecaster(networks, folder, about=about, description=description, overwrite=overwrite)
    shutil.rmtree(job.folder)
    return load_trained(folder)


def _require_long_enough(window: TrainingWindow, members: tuple[MemberPlan, ...], settings: ForecasterSettings) -> None:
    """Refuse a window in which a member cannot look back as far as it does, before the first is trained."""
    look_back = max(int(member.params["input_chunk_length"]) for member in members)
    if len(window.train) > look_back:
        return
    fewer = ", or stop on fewer steps (stop_on_last)" if settings.stop_on_last else ""
    raise InsufficientDataError(
        look_back + 1,
        len(window.train),
        purpose=f"a training that looks back {look_back} steps",
        remedy=f"load a longer history{fewer}",
    )


def card_of(
    recipe: Recipe,
    data: StudyData,
    window: TrainingWindow,
    members: tuple[MemberPlan, ...],
    settings: ForecasterSettings,
) -> ForecasterCard:
    """Return the card of a forecaster before it is trained: its members are those planned."""
    definition, history, fold = recipe.definition, data.settings.history, window.series()
    times = window.train["timestamp"]
    return ForecasterCard(
        study_name=recipe.study_name,
        asset_id=definition["asset_id"],
        target_col=definition["target_col"],
        metric=judged_metric_of(definition["metric"], likelihood_of(definition)),
        around_zero=data.around_zero,
        feature_groups={group: list(columns) for group, columns in definition["feature_groups"].items()},
        feature_scaler=dict(fold.feature_scaler.to_dict()),
        target_scaler=dict(fold.target_scaler.to_dict()),
        tables=asdict(history.tables),
        max_gap=history.max_gap,
        step=step_facts(data.step),
        purge=window.purge,
        train_first=in_utc(times[0]),
        train_last=in_utc(times[-1]),
        known_until=in_utc(data.frame["timestamp"][-1]),
        data_hash=frame_hash(data.used),
        members=[{"trial": each.trial, "seed": each.seed, "epochs": each.epochs} for each in members],
        stop_on_last=settings.stop_on_last,
        verdict=None if recipe.verdict is None else dict(recipe.verdict),
        made_from="",
    )


def _trained_already(folder: Path, made_from: str) -> Trained | None:
    """Return the forecaster in a folder where it is what would be trained."""
    try:
        there = load_trained(folder)
    except ModelFileError:
        # None, or one that is damaged: it is trained.
        return None
    return there if there.card.made_from == made_from else None


def warn_of_changed_data(recipe: Recipe, data: StudyData) -> None:
    """Warn where the data are no longer those that the study saw."""
    stored = str(recipe.definition["data_hash"])
    if frame_hash(data.used) == stored:
        return
    change = change_of(recipe.fingerprint, stored, data.used) or "the data differ from those of the study"
    logger.warning(
        "%s: the forecaster is trained on them as they are now, with parameters that were found on the old ones", change
    )
