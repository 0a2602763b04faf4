"""The text of a configuration file: what was found stands there, everything else as a comment."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from .. import options
from ..config_keys import Key, keys, section_names
from ..default_workers import usable_cores
from ..end_of_study import HOLD_OUT_SHARE, end_of_study, holds_out, study_name_of, too_few_to_hold_out

if TYPE_CHECKING:
    from kallos_data import AssetDetails, FeatureTables

_HEAD: Final = """\
# Settings of kallos-run in this folder and those below it. What is typed goes before the environment, and that before
# this file. Keys that begin with # have their default or an example; without the # they are set. All values in use, and
# where each comes from: kallos-run config show
"""
_WIDTH: Final = 118
_DEFAULT_TABLES: Final = {
    "market": options.DEFAULT_MARKET_TABLE,
    "indicators": options.DEFAULT_INDICATORS_TABLE,
    "id_column": options.DEFAULT_ID_COLUMN,
    "timestamp_column": options.DEFAULT_TIMESTAMP_COLUMN,
}
_SHOWN_ASSETS: Final = 8
_TARGET: Final = "log_return"
_MODEL: Final = "gru"


@dataclass(frozen=True, slots=True)
class Found:
    """What the database holds.

    Attributes
    ----------
    url : str or None
        Of the database, None where it holds a password.
    tables : FeatureTables
    details : AssetDetails
        Of the asset that the file is about.
    others : list of str
        The other assets.
    """

    url: str | None
    tables: "FeatureTables"
    details: "AssetDetails"
    others: list[str]


def file_text(found: Found) -> str:
    """Return the text of a file that loads, and that :mod:`kallos_cli.config_reading` accepts."""
    sections = {name: list(_section(name, found)) for name in section_names()}
    return "\n".join([_HEAD, *("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())])


def _section(name: str, found: Found) -> Iterator[str]:
    if name == "features":
        yield from _features(found)
    elif name == "search.space":
        yield from _space()
    else:
        for key in keys():
            if key.section == name:
                yield from _key(key, found)


def _key(key: Key, found: Found) -> Iterator[str]:
    yield from _comment(key.facts.meaning + (f" The variable is {key.variable}." if key.variable else ""))
    set_here = _set_here(found)
    if str(key) in set_here:
        value, note = set_here[str(key)]
        yield from _comment(note)
        yield f"{key.name} = {_toml(value)}"
    else:
        yield f"# {key.name} = {_toml(_example(key, found))}"


def _set_here(found: Found) -> dict[str, tuple[object, str]]:
    """Return what the database says of keys: a value, and a word on it."""
    asset, tables = found.details.summary, found.tables
    others = ", ".join(_toml(each) for each in found.others[:_SHOWN_ASSETS])
    more = f" and {len(found.others) - _SHOWN_ASSETS} more" if len(found.others) > _SHOWN_ASSETS else ""
    pace = f", {asset.step.pace}" if asset.step else ""
    left = f"The last {HOLD_OUT_SHARE:.0%} of the rows come after it: they can show later what a study is worth."
    known: dict[str, tuple[object, str]] = {
        "study.asset_id": (
            str(asset.asset_id),
            f"{asset.rows} rows{pace}, {asset.first:%Y-%m-%d} to {asset.last:%Y-%m-%d}. "
            + (f"Other assets: {others}{more}." if others else "There is no other asset."),
        ),
        "study.end_date": (
            end_of_study(asset.step, asset.rows, asset.last),
            left if holds_out(asset.step, asset.rows) else f"{too_few_to_hold_out(asset.rows)}.",
        ),
        "study.study_name": (study_name_of(str(asset.asset_id)), ""),
        "study.target_col": (_target(found), ""),
    }
    if found.url is not None:
        known["database.url"] = (found.url, "")
    named = {"market": tables.market, "indicators": tables.indicators or ""}
    named |= {"id_column": tables.id_column, "timestamp_column": tables.timestamp_column}
    return known | {f"tables.{name}": (value, "") for name, value in named.items() if value != _DEFAULT_TABLES[name]}


def _target(found: Found) -> str:
    columns = _columns(found)
    return next((name for name in (_TARGET, "close") if name in columns), columns[0] if columns else _TARGET)


def _columns(found: Found) -> list[str]:
    """Return the columns that hold a value; a load leaves out those that hold none."""
    asset = found.details.summary
    rows = {found.tables.market: asset.rows}
    return list(
        dict.fromkeys(
            name
            for table, columns in found.details.columns.items()
            for name, missing in columns.items()
            if missing < rows.get(table, asset.indicator_rows)
        )
    )


def _features(found: Found) -> Iterator[str]:
    from kallos_data import default_feature_groups

    target, columns = _target(found), _columns(found)
    groups = default_feature_groups(columns, target)
    yield from _comment("Columns that models read, by the way they are scaled; without any, those that Kallos knows.")
    for group, names in groups.items():
        yield f"{group} = {_toml(names)}"
    grouped = {name for names in groups.values() for name in names}
    left = [name for name in columns if name not in grouped and name != target]
    if left:
        yield from _comment(f"In no group: {', '.join(_toml(name) for name in left)}.")


def _space() -> Iterator[str]:
    from kallos_tune import SEARCH_SPACE, describe_space, searchable

    yield from _comment(
        "What is searched: {low = 16, high = 64} with log = true or step = 8 where wanted, {choices = [32, 64]}, or a "
        "single value. What begins with # keeps its range. Other architectures have more, see kallos-run config space "
        "MODEL."
    )
    ranges: dict[str, Any] = describe_space(SEARCH_SPACE)
    for facts in searchable(_MODEL):
        yield from _comment(facts.meaning)
        yield f"# {facts.name} = {_toml(ranges.get(facts.name, facts.default))}"


def _example(key: Key, found: Found) -> object:
    """Return a value for a key that is not set: its default, or one that could be."""
    examples: dict[str, object] = {
        "url": "postgresql://me@localhost/prices",
        "studies_url": "sqlite:///studies.db",
        "optuna_schema": "studies",
        "model_name": _MODEL,
        "n_trials": 50,
        "start_date": f"{found.details.summary.first:%Y-%m-%d}",
        "workers": usable_cores(),
        "ray_address": "localhost:6379",
        "members": 5,
        **_DEFAULT_TABLES,
        "stop_on_last": 60,
    }
    default = key.facts.default
    return examples[key.name] if key.name in examples or default in (MISSING, None) else default


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # What JSON writes of texts, numbers and booleans is TOML, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
