"""What claims read and write of trials, in few and small statements: all workers of a study wait for them in turn."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from .ledger import CLAIM, INTERRUPTED

# Nobody could beat while the server was down: a silence is counted from its start at the earliest.
_SILENCE: Final = {
    "postgresql": (
        "CASE WHEN h.heartbeat IS NOT NULL THEN extract(epoch FROM "
        "least((now() AT TIME ZONE 'UTC') - h.heartbeat, now() - pg_postmaster_start_time())) END"
    ),
    "sqlite": "(julianday('now') - julianday(h.heartbeat)) * 86400",
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
    """How many trials of a study are finished and running, and the id of the one that waits longest, if any."""

    n_finished: int
    n_running: int
    waiting: int | None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial's number, the name of its state, and one of its user attributes, None where it has none of that name."""

    number: int
    state: str
    attribute: Any


def running_trials(connection: Connection, study_id: int) -> list[RunningTrial]:
    """Return the running trials of a study, oldest first."""
    statement = (
        f"SELECT t.trial_id, t.number, {_SILENCE[connection.dialect.name]}, a.value_json FROM trials t "  # noqa: S608
        "LEFT JOIN trial_heartbeats h ON h.trial_id = t.trial_id "
        "LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :key "
        "WHERE t.study_id = :study_id AND t.state = 'RUNNING' ORDER BY t.number"
    )
    rows = connection.execute(text(statement), {"study_id": study_id, "key": CLAIM})
    return [
        RunningTrial(trial_id, number, None if silence is None else float(silence), claim)
        for trial_id, number, silence, claim in rows
    ]


def take_census(connection: Connection, study_id: int) -> Census:
    """Count the trials of a study."""
    statement = (
        "SELECT count(*) FILTER (WHERE state IN ('COMPLETE', 'PRUNED')), count(*) FILTER (WHERE state = 'RUNNING'), "
        "min(trial_id) FILTER (WHERE state = 'WAITING') FROM trials WHERE study_id = :study_id"
    )
    return Census(*connection.execute(text(statement), {"study_id": study_id}).one())


def count_interrupted(connection: Connection, study_id: int) -> int:
    """Return how many trials were stopped from outside; each of them has another that repeats its parameters."""
    statement = (
        "SELECT count(*) FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :key "
        "WHERE t.study_id = :study_id AND t.state = 'FAIL' AND a.value_json = 'true'"
    )
    return connection.execute(text(statement), {"study_id": study_id, "key": INTERRUPTED}).scalar_one()


def read_trial(connection: Connection, trial_id: int, key: str) -> TrialRecord:
    """Return what is recorded of a trial, with one user attribute."""
    statement = (
        "SELECT t.number, t.state, a.value_json FROM trials t "
        "LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :key WHERE t.trial_id = :trial_id"
    )
    number, state, value = connection.execute(text(statement), {"trial_id": trial_id, "key": key}).one()
    return TrialRecord(number, state, None if value is None else json.loads(value))


def write_attributes(connection: Connection, trial_id: int, attributes: Mapping[str, object]) -> None:
    """Set user attributes of a trial."""
    statement = (
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (:trial_id, :key, :value_json) "
        "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"
    )
    rows = [{"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]
    connection.execute(text(statement), rows)
