"""What this user may do to the tables of studies, asked without trying it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, text

from .studies import other_owner, tables_are_complete

_MAY_CREATE: Final = (
    "SELECT CASE WHEN current_schema() IS NULL THEN has_database_privilege(current_database(), 'CREATE') "
    "ELSE has_schema_privilege(current_schema(), 'CREATE') END"
)
_MAY_WRITE: Final = (
    "SELECT has_table_privilege('studies', 'INSERT') AND has_table_privilege('trials', 'INSERT, UPDATE') "
    "AND has_table_privilege('trial_heartbeats', 'INSERT')"
)


@dataclass(frozen=True, slots=True)
class StudyRights:
    """What there is of studies in a database, and what this user may do to it.

    Attributes
    ----------
    exist : bool
        Whether Optuna's tables are there.
    may_create, may_write : bool
        Whether the user may create them, and write to them where they are there.
    other_owner : str or None
        What shows that another application has tables of the same names; None where nothing does.
    """

    exist: bool
    may_create: bool
    may_write: bool
    other_owner: str | None


def read_rights(connection: Connection) -> StudyRights:
    """Return what the connection's user may do in the schema that it sees; nothing is tried."""
    exist = tables_are_complete(connection)
    owner = None if exist else other_owner(connection)
    if connection.dialect.name == "sqlite":
        may = _may_write_file(Path(connection.engine.url.database or ""))
        return StudyRights(exist, may, exist and may, owner)
    may_create = bool(connection.execute(text(_MAY_CREATE)).scalar_one())
    # Where one is missing, the question itself would fail.
    asked = exist and all(map(sqlalchemy.inspect(connection).has_table, ("studies", "trials", "trial_heartbeats")))
    may_write = asked and bool(connection.execute(text(_MAY_WRITE)).scalar_one())
    return StudyRights(exist, may_create, may_write, owner)


def _may_write_file(file: Path) -> bool:
    """Return whether a SQLite file can be written: its log lies beside it."""
    effective = os.access in os.supports_effective_ids
    places = (file, file.absolute().parent) if file.exists() else (file.absolute().parent,)
    return all(os.access(place, os.W_OK, effective_ids=effective) for place in places)
