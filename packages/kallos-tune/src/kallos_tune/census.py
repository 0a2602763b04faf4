"""What a claim must know of the trials of a study, counted by the database: none is read that nothing is done with."""

from dataclasses import dataclass
from typing import Final

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
