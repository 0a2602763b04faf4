"""A study knows what it is about, and is not resumed for anything else.

What defines a study is stored on it as one user attribute, beside the versions it was begun with.
"""

import json
import logging
from collections.abc import Callable, Mapping
from textwrap import shorten
from typing import Any, Final

import optuna
from optuna.storages import BaseStorage

from .errors import StudyExistsError, StudyMismatchError
from .settings import Resume
from .study_data import versions

logger = logging.getLogger(__name__)

DEFINITION = "kallos_definition"
VERSIONS = "kallos_versions"
NAIVE_SCORES = "kallos_naive_scores"

_CONSEQUENCES: Final = {"last", "folds", "data_hash", "search_space_hash"}
# How one searches and how long one trains; the rest is what scores mean, and trials of two meanings have no best.
_MAY_CHANGE: Final = {"max_epochs", "patience", "seed", "sampler", "pruner"}


def open_study(
    storage: BaseStorage,
    name: str,
    definition: Mapping[str, Any],
    resume: Resume,
    create: Callable[[Mapping[str, object]], bool],
) -> optuna.Study:
    """Create a study, or open one that is about the same.

    Parameters
    ----------
    storage : optuna storage
    name : str
        Name of the study.
    definition : mapping
        What the study is about, in JSON's own types; see :meth:`kallos_tune.StudyData.definition`.
    resume : {"same", "force", "never"}
        See :class:`kallos_tune.TuningSettings`. With ``"force"`` the stored definition stays and the differences are
        logged.
    create : callable
        Creates the study with these user attributes at once; False where another process has just created it.

    Raises
    ------
    StudyExistsError
        Where it exists and ``resume`` is ``"never"``.
    StudyMismatchError
        Where it is about something else, if only in how it searches and ``resume`` is ``"same"``.
    """
    attributes = {DEFINITION: dict(definition), VERSIONS: versions()}
    if name not in optuna.get_all_study_names(storage) and create(attributes):
        return optuna.load_study(study_name=name, storage=storage)
    if resume == "never":
        raise StudyExistsError(name)
    study = optuna.load_study(study_name=name, storage=storage)
    differences = definition_differences(study, definition)
    can_go_on = differences.keys() <= _MAY_CHANGE
    if differences and not (can_go_on and resume == "force"):
        raise StudyMismatchError(name, differences, can_go_on=can_go_on)
    for key, (stored, now) in differences.items():
        logger.warning("study %s goes on although %s differs: stored %s, now %s", name, key, stored, now)
    for package, (stored, now) in _compare(study.user_attrs.get(VERSIONS, {}), versions()).items():
        logger.warning("study %s was begun with %s %s, this is %s: scores may differ", name, package, stored, now)
    return study


def definition_differences(study: optuna.Study, definition: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what differs between a study's stored definition and another, each with both values, shortened.

    What follows from something else (the fold bounds from the dates, say) is named only where nothing else explains it.
    """
    stored = study.user_attrs.get(DEFINITION)
    if stored is None:
        return {"origin": ("a study not made by Kallos", "kallos")}
    differences = {key: (_shortened(old), _shortened(new)) for key, (old, new) in _compare(stored, definition).items()}
    explained = differences.keys() - _CONSEQUENCES - _MAY_CHANGE
    return {key: values for key, values in differences.items() if not (explained and key in _CONSEQUENCES)}


def _compare(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {key: (stored.get(key), now.get(key)) for key in sorted({*stored, *now}) if stored.get(key) != now.get(key)}


def _shortened(value: object) -> object:
    """Return plain values as they are and long ones as a line's worth of text."""
    if isinstance(value, str | int | float | None):
        return value
    return shorten(json.dumps(value), 160, placeholder=" …")
