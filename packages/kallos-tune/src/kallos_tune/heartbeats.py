"""Which trials are alive, by the database's clock.

Beats are rows of Optuna's own table ``trial_heartbeats``, times in UTC. Workers' clocks are never asked.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kallos_data import DatabaseConfig

from .locks import Held, raw_connection

logger = logging.getLogger(__name__)

_NOW: Final = {"postgresql": "(now() AT TIME ZONE 'UTC')", "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')"}
_AGE: Final = {
    "postgresql": "extract(epoch FROM (now() AT TIME ZONE 'UTC') - h.heartbeat)",
    "sqlite": "(julianday('now') - julianday(h.heartbeat)) * 86400",
}


def beat_statement(backend: str) -> str:
    """Return the statement that records a beat of ``:trial_id`` at the database's time."""
    return (
        f"INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:trial_id, {_NOW[backend]}) "  # noqa: S608
        "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat"
    )


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A trial in state RUNNING; ``age`` is the seconds since its last beat, None where it never had one."""

    trial_id: int
    number: int
    age: float | None


def running_trials(held: Held, backend: str, study_id: int) -> list[RunningTrial]:
    """Return the running trials of a study."""
    statement = (
        f"SELECT t.trial_id, t.number, {_AGE[backend]} FROM trials t "  # noqa: S608
        "LEFT JOIN trial_heartbeats h ON h.trial_id = t.trial_id "
        "WHERE t.study_id = :study_id AND t.state = 'RUNNING' ORDER BY t.number"
    )
    rows = held.run(statement, {"study_id": study_id})
    return [RunningTrial(trial_id, number, None if age is None else float(age)) for trial_id, number, age in rows]


def count_by_state(held: Held, study_id: int) -> Mapping[str, int]:
    """Return how many trials of a study there are in each state."""
    rows = held.run(
        "SELECT t.state, count(*) FROM trials t WHERE t.study_id = :study_id GROUP BY t.state", {"study_id": study_id}
    )
    return {str(state): int(count) for state, count in rows}


class Heartbeat:
    """Beats for one trial from a thread of its own while the ``with`` block runs.

    A beat that fails is tried again at the next interval: one lost beat, or a database that is away, ends nothing.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    trial_id : int
        Whose first beat has been recorded already.
    interval_seconds : float
        Between two beats.
    """

    def __init__(self, config: DatabaseConfig, trial_id: int, interval_seconds: float) -> None:
        self._config = config
        self._trial_id = trial_id
        self._interval_seconds = interval_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name=f"heartbeat-{trial_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not joined: a beat that waits for an absent database must not hold up the end of the trial.
        self._done.set()

    def _beat_on(self) -> None:
        while not self._done.wait(self._interval_seconds):
            try:
                with raw_connection(self._config) as connection, connection.begin():
                    connection.execute(text(beat_statement(self._config.backend)), {"trial_id": self._trial_id})
            except (SQLAlchemyError, OSError) as error:
                logger.debug("a heartbeat of trial %d failed: %s", self._trial_id, error)
