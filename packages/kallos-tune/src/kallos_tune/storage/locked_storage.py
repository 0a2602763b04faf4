"""Optuna's storage inside one transaction, so that several of its steps happen together or not at all."""

from collections.abc import Generator
from contextlib import contextmanager

from optuna.storages import RDBStorage
from sqlalchemy import Connection
from sqlalchemy.orm import scoped_session, sessionmaker

from kallos_data import DatabaseConfig

from .engines import storage_engine_settings


class LockedStorage(RDBStorage):
    """A storage that reads and writes in somebody else's transaction, and keeps nothing of what it read.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included; its tables exist.
    """

    def __init__(self, config: DatabaseConfig) -> None:
        super().__init__(
            config.url.render_as_string(hide_password=False),
            engine_kwargs=storage_engine_settings(config),
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
