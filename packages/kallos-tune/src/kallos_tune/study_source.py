"""Where a study's data come from: what is kept to read them again, and the reading."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import optuna
from optuna.distributions import json_to_distribution

from kallos_data import DatabaseConfig, FeatureTables

from .data_fingerprint import change_of
from .settings import HistorySettings, TuningSettings
from .study_data import StudyData, load_study_data
from .study_definition import FINGERPRINT, READING, current_definition, required_definition

_OF_A_STUDY: Final = (
    *("purge", "window", "forecast", "metric", "target_transform"),
    *("max_epochs", "patience", "seed", "sampler", "pruner"),
)


def reading_of(history: HistorySettings) -> dict[str, Any]:
    """Return how a history is read, in JSON's own types: what a definition says of it in other words, or not at all."""
    start = history.start_date
    return {
        "start_date": start if start is None or isinstance(start, str) else start.isoformat(),
        "tables": asdict(history.tables),
        "max_gap": history.max_gap,
        "frequency": history.frequency,
    }


def settings_of(definition: Mapping[str, Any], reading: Mapping[str, Any] | None = None) -> TuningSettings:
    """Return the settings of a study, all but those of a run.

    Parameters
    ----------
    definition : mapping
        See :meth:`kallos_tune.StudyData.definition`.
    reading : mapping, optional
        From :func:`reading_of`. Studies that keep none were read with the default names of the key columns.
    """
    tables = FeatureTables(definition["market_table"], definition["indicators_table"])
    kept: dict[str, Any] = {"start_date": definition["first"]} if reading is None else dict(reading)
    kept["tables"] = FeatureTables(**kept["tables"]) if "tables" in kept else tables
    values = {name: definition[name] for name in _OF_A_STUDY}
    values["likelihood"] = definition.get("likelihood", "none")  # which older studies do not say
    space = {name: json_to_distribution(each) for name, each in definition["search_space"].items()}
    return TuningSettings.of(**values, **kept, space=space, target_folds=len(definition["folds"]))


def data_of_study(
    definition: Mapping[str, Any],
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    reading: Mapping[str, Any] | None = None,
) -> StudyData:
    """Load the data that a study is about, cut into the folds that it has.

    They may have changed since: compare :meth:`StudyData.definition` with the study's.

    Parameters
    ----------
    definition : mapping
        See :func:`kallos_tune.current_definition`.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.
    reading : mapping, optional
        What the study keeps as its user attribute ``kallos_reading``.

    Raises
    ------
    kallos_data.KallosError
        As in :func:`kallos_tune.load_study_data`.
    """
    return load_study_data(
        definition["asset_id"],
        definition["end_date"],
        db_kwargs,
        definition["target_col"],
        definition["feature_groups"],
        settings=settings_of(definition, reading),
        fold_bounds=definition["folds"],
    )


def reload_study_data(
    study: optuna.Study, db_kwargs: Mapping[str, object] | str | DatabaseConfig
) -> tuple[StudyData, str | None]:
    """Load the data that a study was run on, and say what of them has changed since.

    Rows that came after the study's last step are not read, and are no change.

    Parameters
    ----------
    study : optuna.Study
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.

    Returns
    -------
    StudyData
    str or None
        In words; None where they are the same to the last digit.

    Raises
    ------
    ConfigError
        Where Kallos did not make the study.
    kallos_data.KallosError
        As in :func:`data_of_study`.
    """
    required_definition(study)
    definition = current_definition(study.user_attrs)
    assert definition is not None, "it has one"
    until_last = {**definition, "end_date": definition["last"]}
    data = data_of_study(until_last, db_kwargs, reading=study.user_attrs.get(READING))
    return data, change_since(study, data)


def change_since(study: optuna.Study, data: StudyData) -> str | None:
    """Return in words what of a study's data has changed since it was made; None where nothing has."""
    definition = required_definition(study)
    stored = definition["data_hash"]
    if data.definition(definition["model_name"])["data_hash"] == stored:
        return None
    change = change_of(study.user_attrs.get(FINGERPRINT, {}), stored, data.used)
    return change or "the data differ; the study keeps nothing that says in which months"
