"""What each transaction on PostgreSQL sets for itself: its time zone, its search path, how long it may stand still.

Behind a pooler in transaction mode (PgBouncer) every transaction may come upon another connection. What was set while
connecting is refused or lost there, and what one transaction leaves set befalls somebody else's.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, event

# As PostgreSQL splits them: at blanks, and a backslash keeps the character after it.
_WORD: Final = r"(?:\\.|[^\\ \t\n\r\v\f])+"
_OPTION: Final = re.compile(rf"-c[ \t\n\r\v\f]+{_WORD}|{_WORD}", re.DOTALL)
_SETTING: Final = re.compile(r"(?:-c\s*|--)(search[_-]path|timezone)=(.*)", re.DOTALL | re.IGNORECASE)
_NAME: Final = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\W\d][\w$]*))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class StartupOptions:
    """The startup options of a URL, without those that transactions set for themselves.

    Attributes
    ----------
    search_path : tuple of str or None
        Names of schemas; None where the URL says nothing of them, or what only the server can read.
    rest : str
        All other options, as they stand in the URL.
    """

    search_path: tuple[str, ...] | None
    rest: str

    @classmethod
    def of(cls, url: URL) -> Self:
        """Read the options of a URL; the last search path counts."""
        search_path: tuple[str, ...] | None = None
        rest: list[str] = []
        for option in _OPTION.findall(" ".join(url.normalized_query.get("options", ()))):
            setting = _SETTING.fullmatch(option)
            if setting is None:
                rest.append(option)
            elif setting[1].lower() != "timezone":
                names = _schema_names(re.sub(r"\\(.)", r"\1", setting[2], flags=re.DOTALL))
                search_path = names
                rest += [option] if names is None else []
        return cls(search_path, " ".join(rest))


def set_in_each_transaction(engine: Engine, standstill_seconds: float | None = None) -> None:
    """Let each transaction of an engine begin, in one round trip, by speaking UTC and seeing the URL's schemas alone.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        For PostgreSQL. Of its URL's options it sends those alone that are left.
    standstill_seconds : float, optional
        PostgreSQL ends a transaction in which nothing happens for longer.
    """
    options = StartupOptions.of(engine.url)
    settings = ["TIME ZONE 'UTC'"]
    if options.search_path is not None:
        settings.append(f"search_path = {', '.join(map(quoted, options.search_path))}")
    if standstill_seconds is not None:
        settings.append(f"idle_in_transaction_session_timeout = {round(standstill_seconds * 1000)}")
    statement = "; ".join(f"SET LOCAL {setting}" for setting in settings)

    def on_connect(*given: Any) -> None:  # noqa: ANN401 - dialect, record, arguments, keywords
        if options.rest:
            given[3]["options"] = options.rest
        else:
            given[3].pop("options", None)

    def on_begin(connection: Connection) -> None:
        # A percent sign in a name is no placeholder.
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})

    event.listen(engine, "do_connect", on_connect)
    event.listen(engine, "begin", on_begin)


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _schema_names(search_path: str) -> tuple[str, ...] | None:
    """Return the schemas of a search path as written in options; None where it is no plain list of names."""
    names: list[str] = []
    position = 0
    while position < len(search_path) or not names:
        name = _NAME.match(search_path, position)
        if name is None:
            return None
        names.append(name[2].lower() if name[1] is None else name[1].replace('""', '"'))
        position = name.end()
    return tuple(names)
