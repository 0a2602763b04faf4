"""Optuna's storage inside one transaction, so that several of its steps happen together or not at all."""

from collections.abc import Generator
from contextlib import contextmanager

from optuna.storages import RDBStorage
from sqlalchemy import Connection
from sqlalchemy.orm import scoped_session, sessionmaker

from .database import Database
from .engines import storage_engine_settings, storage_url


class LockedStorage(RDBStorage):
    """A storage that reads and writes in somebody else's transaction, and keeps nothing of what it read.

    Parameters
    ----------
    database : Database
        Its tables exist.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(
            storage_url(database),
            engine_kwargs=storage_engine_settings(database),
            skip_compatibility_check=True,
            skip_table_creation=True,
        )

    @contextmanager
    def inside(self, connection: Connection) -> Generator[None]:
        """Do all that the block asks of this storage on a connection, in its transaction."""
        outside = self.scoped_session
        # What Optuna commits or rolls back is then a savepoint of that transaction.
        sessions = sessionmaker(bind=connection, join_transaction_mode="create_savepoint")
        self.scoped_session = scoped_session(sessions)
        try:
            yield
        finally:
            self.scoped_session.remove()
            self.scoped_session = outside
