"""What claims read and write of trials, in few and small statements: all workers of a study wait for them in turn."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, DateTime, bindparam, text

from ...trial_attributes import CLAIM, INTERRUPTED
from .heartbeats import silence

_CENSUS: Final = (
    "SELECT count(*), count(*) FILTER (WHERE t.state IN ('COMPLETE', 'PRUNED')), "
    "count(*) FILTER (WHERE t.state = 'RUNNING'), "
    "count(*) FILTER (WHERE t.state = 'FAIL' AND EXISTS (SELECT 1 FROM trial_user_attributes a "
    "WHERE a.trial_id = t.trial_id AND a.key = :interrupted AND a.value_json = 'true')), "
    "min(t.trial_id) FILTER (WHERE t.state = 'WAITING'), "
    "(SELECT s.study_name FROM studies s WHERE s.study_id = :study_id) FROM trials t WHERE t.study_id = :study_id"
)
# As Optuna keeps others from numbering trials, sparing those that write something else about the study. A statement of
# its own, for what is counted is what there is once it has waited.
_LOCK_STUDY: Final = {
    "postgresql": "SELECT 1 FROM studies WHERE study_id = :study_id FOR NO KEY UPDATE; ",
    "sqlite": "",
}


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A trial in state RUNNING.

    Attributes
    ----------
    trial_id, number : int
    silence : float or None
        Seconds since its last beat, None where it never had one.
    claim : str or None
        What its claim was marked with, as JSON.
    """

    trial_id: int
    number: int
    silence: float | None
    claim: str | None


@dataclass(frozen=True, slots=True)
class Census:
    """How many trials of a study there are of some kinds.

    Attributes
    ----------
    n_trials, n_finished, n_running : int
    n_interrupted : int
        Those stopped from outside; each of them has another that repeats its parameters.
    waiting : int or None
        Id of the trial that waits longest.
    study_name : str or None
        What the study is called now; None where it was deleted.
    """

    n_trials: int
    n_finished: int
    n_running: int
    n_interrupted: int
    waiting: int | None
    study_name: str | None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial's number, the name of its state, and one of its user attributes, None where it has none of that name."""

    number: int
    state: str
    attribute: Any


def survey(connection: Connection, study_id: int) -> tuple[list[RunningTrial], Census]:
    """Return the running trials of a study, oldest first, and its census, in one round trip.

    On PostgreSQL nobody can add a trial to the study before the transaction ends, whether with or without our lock.
    """
    dialect = connection.dialect.name
    statement = (
        f"{_LOCK_STUDY[dialect]}SELECT c.*, r.* FROM ({_CENSUS}) c "  # noqa: S608
        f"LEFT JOIN ({_running(dialect)}) r ON true ORDER BY r.number"
    )
    keys = {"study_id": study_id, "claim": CLAIM, "interrupted": INTERRUPTED}
    rows = [tuple(row) for row in connection.execute(text(statement), keys)]
    n = len(fields(Census))
    return [_running_trial(*row[n:]) for row in rows if row[n] is not None], Census(*rows[0][:n])


def running_trials(connection: Connection, study_id: int) -> list[RunningTrial]:
    """Return the running trials of a study, oldest first."""
    statement = f"{_running(connection.dialect.name)} ORDER BY t.number"
    rows = connection.execute(text(statement), {"study_id": study_id, "claim": CLAIM})
    return [_running_trial(*row) for row in rows]


def take_census(connection: Connection, study_id: int) -> Census:
    """Count the trials of a study, in one pass over them."""
    return Census(*connection.execute(text(_CENSUS), {"study_id": study_id, "interrupted": INTERRUPTED}).one())


def start_trial(connection: Connection, study_id: int, number: int) -> int:
    """Insert a running trial as Optuna does, and return its id.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Whose transaction has counted the trials in :func:`survey`.
    study_id : int
    number : int
        How many trials the study has.
    """
    statement = text(
        "INSERT INTO trials (number, study_id, state, datetime_start) "
        "VALUES (:number, :study_id, 'RUNNING', :now) RETURNING trial_id"
    ).bindparams(bindparam("now", type_=DateTime))
    # Local time without a zone, as everywhere in Optuna's tables.
    values = {"number": number, "study_id": study_id, "now": datetime.now()}  # noqa: DTZ005
    return connection.execute(statement, values).scalar_one()


def _running(dialect: str) -> str:
    return (
        f"SELECT t.trial_id, t.number, {silence(dialect)} AS silence, a.value_json AS claim FROM trials t "  # noqa: S608
        "LEFT JOIN trial_heartbeats h ON h.trial_id = t.trial_id "
        "LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :claim "
        "WHERE t.study_id = :study_id AND t.state = 'RUNNING'"
    )


def _running_trial(trial_id: int, number: int, seconds: Decimal | float | None, claim: str | None) -> RunningTrial:
    return RunningTrial(trial_id, number, None if seconds is None else float(seconds), claim)


def read_trial(connection: Connection, trial_id: int, key: str) -> TrialRecord:
    """Return what is recorded of a trial that is there, with one user attribute."""
    record = find_trial(connection, trial_id, key)
    assert record is not None, "its study cannot have been deleted within this transaction"
    return record


def find_trial(connection: Connection, trial_id: int, key: str) -> TrialRecord | None:
    """Return what is recorded of a trial, with one user attribute; None where it was deleted with its study."""
    statement = (
        "SELECT t.number, t.state, a.value_json FROM trials t "
        "LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :key WHERE t.trial_id = :trial_id"
    )
    row = connection.execute(text(statement), {"trial_id": trial_id, "key": key}).one_or_none()
    if row is None:
        return None
    number, state, value = row
    return TrialRecord(number, state, None if value is None else json.loads(value))


def write_attributes(connection: Connection, trial_id: int, attributes: Mapping[str, object]) -> None:
    """Set user attributes of a trial, one or more."""
    rows = ", ".join(f"(:trial_id, :key_{number}, :value_{number})" for number in range(len(attributes)))
    statement = (
        f"INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES {rows} "  # noqa: S608
        "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"
    )
    values: dict[str, object] = {"trial_id": trial_id}
    for number, (key, value) in enumerate(attributes.items()):
        values |= {f"key_{number}": key, f"value_{number}": json.dumps(value)}
    connection.execute(text(statement), values)
