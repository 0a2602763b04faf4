"""What is read of studies, in few statements: whether there are any, their names, and how they stand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Connection, text

from ...trial_attributes import FAILURE, INTERRUPTED
from ...trial_states import COUNTED, word_of

_TABLES: Final = ("studies", "trials", "version_info")
_ATTRIBUTES: Final = "SELECT study_id, key, value_json FROM study_user_attributes"
# Those that failed, by what they say of it; the others say nothing.
_COUNTS: Final = (
    "SELECT t.study_id, t.state, f.value_json, i.value_json, count(*) FROM trials t "
    "LEFT JOIN trial_user_attributes f ON t.state = 'FAIL' AND f.trial_id = t.trial_id AND f.key = :failure "
    "LEFT JOIN trial_user_attributes i ON t.state = 'FAIL' AND i.trial_id = t.trial_id AND i.key = :interrupted "
    "GROUP BY t.study_id, t.state, f.value_json, i.value_json"
)
_DIRECTIONS: Final = "SELECT study_id, direction FROM study_directions"
_EXTREMES: Final = (
    "SELECT t.study_id, min(v.value), max(v.value) FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id "
    "WHERE t.state = 'COMPLETE' AND v.value_type = 'FINITE' GROUP BY t.study_id"
)


@dataclass(frozen=True, slots=True)
class StudySummary:
    """How a study stands.

    Attributes
    ----------
    name : str
    user_attributes : mapping of str to object
    n_trials : mapping of str to int
        Trials by what became of them: complete, pruned, failed, interrupted, abandoned, running.
    best_score : float or None
        Best value of a complete trial; None where there is none, and where a study has several objectives.
    """

    name: str
    user_attributes: Mapping[str, Any]
    n_trials: Mapping[str, int]
    best_score: float | None


def tables_are_complete(connection: Connection) -> bool:
    """Return whether Optuna has made its tables and, which it does last, noted their version."""
    tables = sqlalchemy.inspect(connection)
    if not (tables.has_table("version_info") and tables.has_table("alembic_version")):
        return False
    return bool(connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one())


def other_owner(connection: Connection) -> str | None:
    """Return what shows that another application has tables of the same names here; None where nothing does.

    Optuna makes all of its tables before ``alembic_version``, so that one without the others is somebody else's.
    """
    tables = sqlalchemy.inspect(connection)
    if tables.has_table("studies"):
        columns = {column["name"] for column in tables.get_columns("studies")}
        if not columns >= {"study_id", "study_name"}:
            return "whose table studies has other columns than Optuna's"
    if not tables.has_table("alembic_version") or all(map(tables.has_table, _TABLES)):
        return None
    versions = connection.execute(text("SELECT * FROM alembic_version")).scalars().all()
    held = f"holds {', '.join(map(repr, versions))}" if versions else "is there without Optuna's"
    return f"whose table alembic_version {held}"


def has_study(connection: Connection, study_name: str) -> bool:
    """Return whether there is a study of that name; the tables exist."""
    query = text("SELECT count(*) FROM studies WHERE study_name = :name")
    return bool(connection.execute(query, {"name": study_name}).scalar_one())


def read_name(connection: Connection, study_id: int) -> str | None:
    """Return what a study is called now; None where there is none of that id."""
    query = text("SELECT study_name FROM studies WHERE study_id = :study_id")
    return connection.execute(query, {"study_id": study_id}).scalar_one_or_none()


def write_name(connection: Connection, study_id: int, study_name: str) -> None:
    """Give a study another name; no other study has it, or the database refuses."""
    query = text("UPDATE studies SET study_name = :name WHERE study_id = :study_id")
    connection.execute(query, {"name": study_name, "study_id": study_id})


def read_names(connection: Connection) -> list[str]:
    """Return the names of all studies, sorted; none where there are no tables yet."""
    return sorted(_names(connection).values())


def read_summaries(connection: Connection) -> list[StudySummary]:
    """Return how every study stands, sorted by name, in a fixed number of statements."""
    names = _names(connection)
    if not names:
        return []
    attributes: dict[int, dict[str, Any]] = {study_id: {} for study_id in names}
    for study_id, key, value in connection.execute(text(_ATTRIBUTES)):
        attributes[study_id][key] = json.loads(value)
    counts = _counts(connection, names)
    directions: dict[int, list[str]] = {study_id: [] for study_id in names}
    for study_id, direction in connection.execute(text(_DIRECTIONS)):
        directions[study_id].append(direction)
    extremes = {study_id: (low, high) for study_id, low, high in connection.execute(text(_EXTREMES))}
    return [
        StudySummary(
            name,
            attributes[study_id],
            counts[study_id],
            _best(directions[study_id], *extremes.get(study_id, (None, None))),
        )
        for study_id, name in sorted(names.items(), key=lambda item: item[1])
    ]


def _names(connection: Connection) -> dict[int, str]:
    if not sqlalchemy.inspect(connection).has_table("studies"):
        return {}
    rows = connection.execute(text("SELECT study_id, study_name FROM studies"))
    return {study_id: name for study_id, name in rows}  # noqa: C416 - a row is no pair to the type checker


def _counts(connection: Connection, study_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    counts: dict[int, dict[str, int]] = {study_id: dict.fromkeys(COUNTED, 0) for study_id in study_ids}
    rows = connection.execute(text(_COUNTS), {"failure": FAILURE, "interrupted": INTERRUPTED})
    for study_id, state, failure, interrupted, number in rows:
        word = word_of(state, json.loads(failure or "null"), json.loads(interrupted or "null"))
        if word in COUNTED:
            counts[study_id][word] += number
    return counts


def _best(directions: list[str], lowest: float | None, highest: float | None) -> float | None:
    if directions == ["MINIMIZE"]:
        return lowest
    return highest if directions == ["MAXIMIZE"] else None
