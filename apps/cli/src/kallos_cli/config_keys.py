"""The keys of a configuration file: which there are, what each may hold, and which option it stands for."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from datetime import date
from functools import cache
from typing import Any, Final, Self, get_args

import typer

from kallos_models import SettingFacts, TrainingSettings
from kallos_tune import FoldSettings, ForecasterSettings, HistorySettings, RunSettings, SearchSettings

from . import options
from .setting_options import FORECASTER_OPTIONS, SETTING_OPTIONS, SettingOption

FREE_SECTIONS: Final = ("features", "search.space")
"""Whose keys are the user's: columns by group, hyperparameters."""

_SECTIONS: Final = {
    HistorySettings: "study",
    FoldSettings: "folds",
    TrainingSettings: "training",
    SearchSettings: "search",
    RunSettings: "run",
    ForecasterSettings: "training",
}
# What is a study's own question is no other command's: prices of one asset are never ingested as those of another.
_TUNE: Final = ("tune",)
_TRAIN: Final = ("train",)
_ALL: Final = ()


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes
    ----------
    section, name : str
    flag : str
        The option that goes before it.
    variable : str or None
        The environment variable that does, too.
    parameters : tuple of str
        Names of the parameters of commands that it is the default of.
    commands : tuple of str
        The commands, first words of them; all that have such a parameter where empty.
    facts : SettingFacts
        What it may hold.
    check : callable or None
        What the option refuses besides.
    """

    section: str
    name: str
    flag: str
    variable: str | None
    parameters: tuple[str, ...]
    commands: tuple[str, ...]
    facts: SettingFacts
    check: Callable[[Any], Any] | None

    @classmethod
    def of_option(
        cls, section: str, name: str, declared: object, parameters: tuple[str, ...], commands: tuple[str, ...]
    ) -> Self:
        """Return the key of an option that is declared as ``Annotated[type, typer.Option(…)]``."""
        kind, option = get_args(declared)
        # Of "str | None", the str.
        kind = (get_args(kind) or (kind,))[0]
        facts = SettingFacts(
            name, MISSING, option.help or "", (kind,), False, (), option.min, option.max, above=None, below=None
        )
        variable: str | None = option.envvar if isinstance(option.envvar, str) else None
        # Typer takes the first name for a default, and knows better once it sees where it stands.
        flag: str = option.default
        return cls(section, name, flag, variable, parameters, commands, facts, option.callback)

    @classmethod
    def of_setting(cls, option: SettingOption, parameters: tuple[str, ...], commands: tuple[str, ...]) -> Self:
        """Return the key of an option that stands for a setting of the library."""
        section = _SECTIONS[option.part]
        return cls(section, option.name, option.flag, None, parameters, commands, option.facts, option.callback)

    def __str__(self) -> str:
        return f"{self.section}.{self.name}"

    def read(self, value: object) -> Any:  # noqa: ANN401 - of any setting
        """Return a value as the option takes it.

        Raises
        ------
        ValueError
            Where it is of a wrong type or refused; the text follows the key's name.
        """
        if isinstance(value, date) and self.check is options.iso_date:
            value = value.isoformat()
        found = self.facts.read(value)
        if self.check is not None:
            try:
                found = self.check(found)
            except typer.BadParameter as error:
                raise ValueError(error.message) from error
        return found


def _of_settings() -> Iterator[Key]:
    also_of = {"device": (*_TUNE, *_TRAIN), "workers": (*_TUNE, *_TRAIN), "max_gap": (*_TUNE, "assets")}
    for option in SETTING_OPTIONS:
        if option.name == "database_wait_seconds":
            yield Key.of_setting(option, (option.name, "database_wait"), _ALL)
        else:
            yield Key.of_setting(option, (option.name,), also_of.get(option.name, _TUNE))
    for option in FORECASTER_OPTIONS:
        if option.name not in also_of:
            yield Key.of_setting(option, (option.name,), _TRAIN)


@cache
def keys() -> tuple[Key, ...]:
    """Return all keys, in the order of the file."""
    return (
        Key.of_option("database", "url", options.DbUrl, ("db_url",), _ALL),
        Key.of_option("database", "studies_url", options.StudiesUrl, ("studies_url",), _ALL),
        Key.of_option("database", "optuna_schema", options.OptunaSchema, ("optuna_schema",), _ALL),
        Key.of_option("tables", "market", options.MarketTable, ("market_table",), _ALL),
        Key.of_option("tables", "indicators", options.IndicatorsTable, ("indicators_table",), _ALL),
        Key.of_option("tables", "id_column", options.IdColumn, ("id_column",), _ALL),
        Key.of_option("tables", "timestamp_column", options.TimestampColumn, ("timestamp_column",), _ALL),
        Key.of_option("study", "asset_id", options.AssetId, ("asset_id",), _TUNE),
        Key.of_option("study", "end_date", options.EndDate, ("end_date",), _TUNE),
        Key.of_option("study", "study_name", options.StudyName, ("study_name", "study"), (*_TUNE, *_TRAIN)),
        Key.of_option("study", "model_name", options.ModelName, ("model_name",), _TUNE),
        Key.of_option("study", "target_col", options.TargetCol, ("target_col",), _TUNE),
        Key.of_option("study", "n_trials", options.NTrials, ("n_trials",), _TUNE),
        *_of_settings(),
    )


def key_of(section: str, name: str) -> Key | None:
    """Return a key by its place in the file, None where there is none."""
    return next((key for key in keys() if (key.section, key.name) == (section, name)), None)


def section_names() -> list[str]:
    """Return the sections there are, in the order of the file."""
    names = list(dict.fromkeys(key.section for key in keys()))
    names.insert(names.index("study"), "features")
    names.insert(names.index("search") + 1, "search.space")
    return names
