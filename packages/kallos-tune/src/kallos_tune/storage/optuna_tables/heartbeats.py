"""Signs of life of running trials, by the database's clock: workers' clocks are never asked.

Beats are rows of Optuna's own table, times in UTC. On PostgreSQL the time is that of the statement, not of its
transaction: a transaction may have waited for the study's lock for long.
"""

from typing import Final

from sqlalchemy import Connection, text

_NOW: Final = {
    "postgresql": "(clock_timestamp() AT TIME ZONE 'UTC')",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
}
# Nobody could beat while the server was down: a silence is counted from its start at the earliest.
_SILENCE: Final = {
    "postgresql": (
        "CASE WHEN h.heartbeat IS NOT NULL THEN extract(epoch FROM least("
        "(clock_timestamp() AT TIME ZONE 'UTC') - h.heartbeat, clock_timestamp() - pg_postmaster_start_time())) END"
    ),
    "sqlite": "(julianday('now') - julianday(h.heartbeat)) * 86400",
}


def beat(connection: Connection, trial_id: int) -> None:
    """Record a sign of life of a trial at the database's time."""
    statement = (
        f"INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:trial_id, {_NOW[connection.dialect.name]}) "  # noqa: S608
        "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat"
    )
    connection.execute(text(statement), {"trial_id": trial_id})


def silence(dialect: str) -> str:
    """Return SQL for the seconds since the last beat in row ``h``; null where there never was one."""
    return _SILENCE[dialect]
