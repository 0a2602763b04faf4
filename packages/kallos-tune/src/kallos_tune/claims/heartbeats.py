"""Signs of life of running trials, by the database's clock.

Beats are rows of Optuna's own table ``trial_heartbeats``, times in UTC. Workers' clocks are never asked.
"""

import logging
import threading
from typing import Final, Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

_NOW: Final = {"postgresql": "(now() AT TIME ZONE 'UTC')", "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')"}


def beat(connection: Connection, trial_id: int) -> None:
    """Record a sign of life of a trial at the database's time."""
    statement = (
        f"INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:trial_id, {_NOW[connection.dialect.name]}) "  # noqa: S608
        "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat"
    )
    connection.execute(text(statement), {"trial_id": trial_id})


class Heartbeat:
    """Beats for one trial from a thread of its own while the ``with`` block runs.

    A beat that fails is tried again at the next interval: one lost beat, or a database that is away, ends nothing.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of the storage's database.
    trial_id : int
        Whose first beat has been recorded already.
    interval_seconds : float
        Between two beats.
    """

    def __init__(self, engine: Engine, trial_id: int, interval_seconds: float) -> None:
        self._engine = engine
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
                with self._engine.begin() as connection:
                    beat(connection, self._trial_id)
            except (SQLAlchemyError, OSError) as error:
                logger.debug("a heartbeat of trial %d failed: %s", self._trial_id, error)
