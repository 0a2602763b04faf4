"""The sections about what the study is, and how to come by the same again."""

import json
from collections.abc import Mapping
from typing import Any, Final

from optuna.distributions import json_to_distribution

from ..learnt import LEARNT
from ..search_space import SEARCH_SPACE
from ..space_description import describe_space
from ..study_definition import CHANGES, READING, VERSIONS, definition_as_made
from .contents import Cell, Code, Facts, Part, Section, Table, Words
from .definition_tables import space_table
from .gathered import Gathered

# What has a table of its own, here or among the data.
_APART: Final = {"search_space", "folds", "feature_groups", "target_transform", "likelihood"}
_WORDS: Final = {
    "asset_id": "asset",
    "first": "first step",
    "last": "last step",
    "model_name": "model",
    "target_col": "target",
}


def definition_section(gathered: Gathered) -> Section:
    """Return everything that gives the study's scores their meaning."""
    attributes = gathered.study.user_attrs
    as_made = definition_as_made(attributes) or {}
    parts: list[Part] = [
        Words(
            "All of this is stored with the study; resuming it for anything else is refused, or told as a change below."
        ),
        Facts(_definition(as_made), "Definition"),
        space_table(as_made["search_space"]),
    ]
    changes: list[dict[str, Any]] = attributes.get(CHANGES, [])
    if changes:
        rows = tuple(
            (change["since_trial"], name, _plain(as_made.get(name)), _plain(value))
            for change in changes
            for name, value in change["changed"].items()
        )
        parts.append(Table(("from trial", "what", "as made", "from then on"), rows, "Changes since"))
    reading: Mapping[str, Any] = attributes.get(READING) or {}
    if reading:
        flat = {name: value for name, value in reading.items() if name != "tables"} | dict(reading.get("tables") or {})
        rows = tuple((name.replace("_", " "), _plain(value)) for name, value in flat.items())
        parts.append(Facts(rows, "How the history is read"))
    versions: Mapping[str, str] = attributes.get(VERSIONS, {})
    if versions:
        parts.append(Facts(tuple(versions.items()), "Versions that it was begun with"))
    return Section("definition", "What defines this study", tuple(parts))


def reproduction_section(gathered: Gathered) -> Section:
    """Return what to type to come by the same."""
    name = gathered.study.study_name
    python = (
        "from kallos_tune import load_study, rerun_trial\n\n"
        'database = "sqlite:///kallos.db"  # or wherever prices and study are\n'
        f"study = load_study(database, {name!r})\n"
        "assert rerun_trial(study, database).equal  # the best trial, trained again: every score to the last digit\n"
    )
    parts: list[Part] = [
        Words(
            "On the same versions, data and kind of machine, one worker with one thread repeats a study to the last "
            "digit; several workers find the same trials in another order."
        )
    ]
    if gathered.commands:
        parts.append(Code("\n".join(gathered.commands) + "\n", "sh", "In a shell"))
    groups: Mapping[str, list[str]] = gathered.definition["feature_groups"]
    toml = "".join(f"{group} = {json.dumps(columns, ensure_ascii=False)}\n" for group, columns in groups.items())
    parts.append(Code(toml, "toml", "groups.toml, the features"))
    space = {name: json_to_distribution(text) for name, text in gathered.definition["search_space"].items()}
    if space != SEARCH_SPACE:
        lines = [f"{name} = {_toml(value)}\n" for name, value in describe_space(space).items()]
        parts.append(Code("[search.space]\n" + "".join(lines), "toml", "kallos.toml, the search space"))
    parts.append(Code(python, "python", "In Python"))
    return Section("again", "How to get the same again", tuple(parts))


def _toml(value: object) -> str:
    """Return a described range, a choice or a value on one line of TOML."""
    if isinstance(value, Mapping):
        pairs: Mapping[str, object] = value
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in pairs.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _definition(definition: Mapping[str, Any]) -> tuple[tuple[str, Cell], ...]:
    rows: list[tuple[str, Cell]] = []
    for name, value in definition.items():
        if name not in _APART:
            rows.append((_WORDS.get(name, name.replace("_", " ")), _plain(value)))
        if name == "target_col":
            rows.append(("learnt of it", f"its {LEARNT[definition['target_transform']]}"))
        if name == "metric":
            rows.append(("likelihood", definition["likelihood"]))
    return tuple(rows)


def _plain(value: object) -> Cell:
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)
