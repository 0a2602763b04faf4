"""What a database driver complains about, in one line and with a remedy."""

import re

from sqlalchemy.exc import DBAPIError

# Every PgBouncer but 1.20.0 then ignores whatever stands in options; that one wants the names in them as well.
_POOLER_REMEDY = (
    "the pooler takes no startup options: leave them out of the database URL and of PGOPTIONS, "
    "or set ignore_startup_parameters = options in pgbouncer.ini"
)
# Drivers give no code for what goes wrong while connecting: their words decide.
_REMEDIES = (
    (
        "Connection refused|could not connect|No such file or directory",
        "check host, port and that the server is up",
    ),
    ("the database system is|terminat|server closed the connection", "the server is starting or stopping: try again"),
    ("unsupported startup parameter", _POOLER_REMEDY),
    ("timeout expired|timed out", "check host and port, and that no firewall is in between"),
    ("translate host name", "check the host name"),
    ("password authentication failed|no password supplied", "check user and password"),
    ("no pg_hba.conf entry", "the server lets this user in from elsewhere only: ask its administrator"),
    ('database ".*" does not exist', "check the name, or create it"),
    ('role ".*" does not exist', "check the user"),
    ("too many (clients|connections)|connection slots", "close other connections, or raise max_connections"),
    ("permission denied", "ask its owner to grant it"),
    ("(schema|relation|column) .* does not exist", "check the name and the schema"),
    ("is not a database|malformed", "check the path: the file is something else, or damaged"),
    ("readonly database", "check the permissions of the file and of its folder"),
    ("database is locked", "another program holds it: wait for its end, or close it"),
    ("unable to open", "check the path and the permissions of the file and of its folder"),
    ("disk is full|No space left", "free some space"),
)


def explanation(error: DBAPIError, database: object) -> str:
    """Return one line: which database, what the driver said first, and what to do where that is known.

    Parameters
    ----------
    error : sqlalchemy.exc.DBAPIError
        Its statement and parameters are left out.
    database : object
        Shown as text, which must not hold a password.
    """
    said = str(error.orig).strip() or type(error.orig).__name__
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, said)), None)
    line = " ".join(said.partition("\n")[0].split())
    return f"database {database}: {line}" + (f": {remedy}" if remedy else "")
