"""A study knows what it is about, and is not resumed for anything else.

What defines a study is stored on it as user attributes: its definition as it was made, what ``resume="force"`` changed
of that since, and the versions it was begun with.
"""

import json
import logging
from collections.abc import Mapping
from textwrap import shorten
from typing import Any, Final

import optuna
import polars as pl
from optuna.distributions import json_to_distribution

from .data_fingerprint import change_of, fingerprint_of
from .errors import ConfigError, StudyExistsError, StudyMismatchError
from .settings import Resume
from .space_description import values_in_words
from .verdict.naive_scores import NaiveScores
from .versions import versions

logger = logging.getLogger(__name__)

DEFINITION: Final = "kallos_definition"
CHANGES: Final = "kallos_changes"
VERSIONS: Final = "kallos_versions"
NAIVE: Final = "kallos_naive"
FINGERPRINT: Final = "kallos_fingerprint"
READING: Final = "kallos_reading"

_CONSEQUENCES: Final = {"last", "folds", "data_hash", "search_space_hash"}
# How one searches and how long one trains; the rest is what scores mean, and trials of two meanings have no best.
_MAY_CHANGE: Final = {"max_epochs", "patience", "seed", "sampler", "pruner"}


def attributes_of_new_study(
    definition: Mapping[str, Any], naive: NaiveScores, used: pl.DataFrame, reading: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a study knows of itself from its first moment on, as its user attributes.

    Parameters
    ----------
    definition : mapping
        What the study is about, in JSON's own types; see :meth:`kallos_tune.StudyData.definition`.
    naive : NaiveScores
        What the scores of its trials are compared with; see :attr:`kallos_tune.StudyData.naive`.
    used : polars.DataFrame, [T, 1 + F]
        The data that scores depend on; see :attr:`kallos_tune.StudyData.used`.
    reading : mapping
        How they are read; see :func:`kallos_tune.study_source.reading_of`.
    """
    return {
        DEFINITION: dict(definition),
        VERSIONS: versions(),
        NAIVE: naive_attribute(naive),
        FINGERPRINT: dict(fingerprint_of(used)),
        READING: dict(reading),
    }


def resume_study(study: optuna.Study, definition: Mapping[str, Any], resume: Resume, used: pl.DataFrame) -> None:
    """Accept an existing study as the one to resume.

    With ``resume="force"``, differences in how one searches or trains are added to the study's list of changes; its
    definition stays as it was made.

    Parameters
    ----------
    study : optuna.Study
    definition : mapping
        What the study is asked to be about; see :meth:`kallos_tune.StudyData.definition`.
    resume : {"same", "force", "never"}
        See :class:`kallos_tune.RunSettings`.
    used : polars.DataFrame, [T, 1 + F]
        The data that scores depend on now, of which the error says what has changed.

    Raises
    ------
    StudyExistsError
        Where ``resume`` is ``"never"``.
    StudyMismatchError
        Where it is about something else, if only in how it searches and ``resume`` is ``"same"``.
    """
    name = study.study_name
    differences = require_same(study, definition, resume, used)
    for key, (stored, now) in differences.items():
        logger.warning("study %s is resumed although %s differs: %s until now, %s from now on", name, key, stored, now)
    if differences:
        change = {
            "since_trial": len(study.get_trials(deepcopy=False)),
            "changed": {key: definition[key] for key in differences},
        }
        study.set_user_attr(CHANGES, [*study.user_attrs.get(CHANGES, []), change])
    for package, (stored, now) in _compare(study.user_attrs.get(VERSIONS, {}), versions()).items():
        logger.warning("study %s was begun with %s %s, this is %s: scores may differ", name, package, stored, now)


def require_same(
    study: optuna.Study, definition: Mapping[str, Any], resume: Resume, used: pl.DataFrame
) -> dict[str, tuple[object, object]]:
    """Return the differences with which a study may be resumed, each with both values; nothing is written.

    Parameters
    ----------
    study, definition, resume, used
        As of :func:`resume_study`.

    Raises
    ------
    StudyExistsError, StudyMismatchError
        As in :func:`resume_study`.
    """
    if resume == "never":
        raise StudyExistsError(study.study_name)
    differences = definition_differences(study, definition)
    can_be_forced = differences.keys() <= _MAY_CHANGE
    if differences and not (can_be_forced and resume == "force"):
        change = _change_of_data(study, used) if "data_hash" in differences else None
        raise StudyMismatchError(study.study_name, differences, can_go_on=can_be_forced, change_of_data=change)
    return differences


def definition_as_made(user_attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a study's definition as it was made; None where Kallos did not make the study.

    Parameters
    ----------
    user_attributes : mapping
        Of the study.
    """
    definition = user_attributes.get(DEFINITION)
    # Studies that do not say so learn the target's values and no quantiles: nothing else was possible when they were
    # made.
    return None if definition is None else {"target_transform": "none", "likelihood": "none"} | definition


def current_definition(user_attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a study's definition with the changes made to it since; None where Kallos did not make the study.

    Parameters
    ----------
    user_attributes : mapping
        Of the study.
    """
    definition = definition_as_made(user_attributes)
    if definition is None:
        return None
    for change in user_attributes.get(CHANGES, []):
        definition = definition | change["changed"]
    return definition


def required_definition(study: optuna.Study) -> dict[str, Any]:
    """Return a study's definition as it was made.

    Raises
    ------
    ConfigError
        Where the study was not made by Kallos.
    """
    definition = definition_as_made(study.user_attrs)
    if definition is None:
        raise ConfigError(f"study {study.study_name!r} was not made by Kallos: open it with Optuna's own tools")
    return definition


def naive_attribute(naive: NaiveScores) -> dict[str, Any]:
    """Return what a study keeps of the naive forecast, in JSON's own types."""
    return {"name": naive.name, "fold_scores": list(naive.fold_scores)}


def stored_naive(user_attributes: Mapping[str, Any]) -> NaiveScores | None:
    """Return the naive forecast that a study's scores are compared with, by its user attributes.

    None where it does not keep it: those made before it was settled keep other scores of naive forecasts, until they
    are resumed.
    """
    kept = user_attributes.get(NAIVE)
    return None if kept is None else NaiveScores(kept["name"], tuple(kept["fold_scores"]))


def definition_differences(study: optuna.Study, definition: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what differs between a study's current definition and another, each with both values, shortened.

    What follows from something else (the fold bounds from the dates, say) is named only where nothing else explains it.
    """
    stored = current_definition(study.user_attrs)
    if stored is None:
        return {"origin": ("a study not made by Kallos", "kallos")}
    differing = _compare(stored, definition)
    if "search_space" in differing:
        old, new = differing["search_space"]
        differing["search_space"] = _as_far_as_they_differ(old or {}, new or {})
    differences = {key: (_shortened(old), _shortened(new)) for key, (old, new) in differing.items()}
    if not differences.keys() & _CONSEQUENCES:
        # Another end date that leaves the same history: nothing came in between.
        differences.pop("end_date", None)
    explained = differences.keys() - _CONSEQUENCES - _MAY_CHANGE
    return {key: values for key, values in differences.items() if not (explained and key in _CONSEQUENCES)}


def _change_of_data(study: optuna.Study, used: pl.DataFrame) -> str | None:
    stored = current_definition(study.user_attrs) or {}
    return change_of(study.user_attrs.get(FINGERPRINT, {}), str(stored.get("data_hash")), used)


def _compare(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {key: (stored.get(key), now.get(key)) for key in sorted({*stored, *now}) if stored.get(key) != now.get(key)}


def _as_far_as_they_differ(stored: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, str]:
    """Return two search spaces as far as they differ: "dropout 0.1" and "dropout 0 to 0.7"."""
    names = [name for name in {**stored, **now} if stored.get(name) != now.get(name)]

    def told(space: Mapping[str, str]) -> str:
        return "; ".join(
            f"{name} {values_in_words(json_to_distribution(space[name])) if name in space else 'not searched'}"
            for name in names
        )

    return told(stored), told(now)


def _shortened(value: object) -> object:
    """Return plain values as they are and long ones as a line's worth of text."""
    if isinstance(value, str | int | float | None):
        return value
    return shorten(json.dumps(value), 160, placeholder=" …")
