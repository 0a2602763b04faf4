"""Signs of life of a running trial, given while it runs."""

import logging
import threading
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..storage.optuna_tables.heartbeats import beat

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beats for one trial from a thread of its own while the ``with`` block runs.

    A beat that fails is tried again at the next interval: one lost beat, or a database that cannot be reached, ends
    nothing.

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
        # Not joined: a beat that waits for the database must not hold up the end of the trial.
        self._done.set()

    def _beat_on(self) -> None:
        while not self._done.wait(self._interval_seconds):
            try:
                with self._engine.begin() as connection:
                    beat(connection, self._trial_id)
            except (SQLAlchemyError, OSError) as error:
                logger.debug("a heartbeat of trial %d failed: %s", self._trial_id, error)
