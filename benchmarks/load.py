"""How long ``load_features_from_db`` takes for one asset of many, beside the fastest bare reads of the same rows.

200 assets with five years of daily rows and 40 columns, as ``kallos-run ingest`` makes tables: 9 in the market's, 31 in
the indicators', joined; and the same in one wide table. On PostgreSQL and SQLite. The others only read: they look up no
columns, check nothing and make no regular grid. Everyone begins with a URL and ends with a frame. connectorx and ADBC
are no dependencies of Kallos, and are measured where they are installed.
"""

import importlib.util
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import sqlalchemy
from postgres_server import PostgresServer, find_binaries

from kallos_data import DatabaseConfig, FeatureTables, load_features_from_db
from kallos_data.history import load as history

from ._measuring import alternate, medians, print_table, write_results

MARKET = ["open", "high", "low", "close", "volume", "quote_asset_volume", "trades", "taker_base", "taker_quote"]
INDICATORS = [f"indicator_{number}" for number in range(31)]
TWO = FeatureTables()
WIDE = FeatureTables(market="wide", indicators=None)
ASSET = "A7"
END = "2023-12-31"
OPTIONAL = {"connectorx": ["connectorx"], "ADBC": ["adbc_driver_postgresql", "adbc_driver_sqlite"]}
PACKAGES = ("connectorx", "adbc-driver-manager", "numpy", "pandas", "polars", "psycopg2-binary", "sqlalchemy")


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    size = {"n_assets": 20, "n_days": 400} if quick else {"n_assets": 200, "n_days": 1826}
    n_rounds = 3 if quick else 31
    server = PostgresServer(find_binaries())
    with tempfile.TemporaryDirectory() as folder:
        try:
            server.create()
            urls = {"postgresql": server.url(), "sqlite": f"sqlite:///{folder}/load.db"}
            for url in urls.values():
                fill(url, **size)
            reads, parts = {}, {}
            for backend, url in urls.items():
                for name, tables in {"two tables": TWO, "one wide": WIDE}.items():
                    reads[f"{backend}, {name}"] = compare(url, tables, n_rounds)
                parts[backend] = split(url, n_rounds)
        finally:
            server.remove()
    print_table(f"One of {size['n_assets']} assets, {size['n_days']} rows, ms from URL to frame (median)", reads)
    print_table("The parts of load_features_from_db, two tables, ms (median)", parts)
    for name in missing():
        print(f"not measured: {name}; scripts/uv pip install {' '.join(OPTIONAL[name])}".replace("_", "-"))
    write_results(results_file, {**size, "rounds": n_rounds, "reads": reads, "parts": parts}, PACKAGES)


def fill(url: str, n_assets: int, n_days: int) -> None:
    """Write the same numbers into three tables whose keys are as Kallos makes them."""
    rng = np.random.default_rng(0)
    names = [*MARKET, *INDICATORS]
    tables = {TWO.market: MARKET, str(TWO.indicators): INDICATORS, WIDE.market: names}
    first = np.datetime64(END) - (n_days - 1)
    days = np.datetime_as_string(first + np.arange(n_days))
    postgres = url.startswith("postgresql")
    time_type = "timestamptz" if postgres else "text"
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for table, columns in tables.items():
            typed = ", ".join(f"{name} double precision" for name in columns)
            connection.exec_driver_sql(
                f"CREATE TABLE {table} (id text, timestamp {time_type}, {typed}, PRIMARY KEY (id, timestamp))"
            )
        for asset in range(n_assets):
            keys = pl.DataFrame({"id": [f"A{asset}"] * n_days, "timestamp": [f"{day} 00:00:00+00:00" for day in days]})
            values = pl.DataFrame(dict(zip(names, rng.lognormal(4, 2, (len(names), n_days)), strict=True)))
            for table, columns in tables.items():
                insert(connection, table, keys.hstack(values.select(columns)))
    with DatabaseConfig.of(url).engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if postgres else "ANALYZE")


def insert(connection: sqlalchemy.Connection, table: str, rows: pl.DataFrame) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", StringIO(rows.write_csv(include_header=False)))
    else:
        driver.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * rows.width)})", rows.iter_rows())  # noqa: S608


def compare(url: str, tables: FeatureTables, n_rounds: int) -> dict[str, float | str]:
    """Return the medians of Kallos and of the bare reads, and how much longer Kallos takes than the fastest."""
    readers = {"kallos": lambda: load_features_from_db(ASSET, END, url, tables=tables), **bare_reads(url, tables)}
    shapes = {name: read().shape for name, read in readers.items()}
    assert len(set(shapes.values())) == 1, shapes
    times: dict[str, float | str] = dict(medians(alternate(readers, n_rounds)))
    fastest = min((name for name in times if name != "kallos"), key=lambda name: times[name])
    return {**times, "fastest": fastest, "kallos / fastest": round(times["kallos"] / times[fastest], 2)}


def bare_reads(url: str, tables: FeatureTables) -> dict[str, Callable[[], Any]]:
    query = sql(tables, postgres=url.startswith("postgresql"))
    driver_url = DatabaseConfig.of(url).url

    def pandas() -> pd.DataFrame:
        with sqlalchemy.create_engine(driver_url, poolclass=sqlalchemy.NullPool).connect() as connection:
            return pd.read_sql(sqlalchemy.text(query), connection)

    def polars() -> pl.DataFrame:
        with sqlalchemy.create_engine(driver_url, poolclass=sqlalchemy.NullPool).connect() as connection:
            return pl.read_database(query, connection)

    def connectorx() -> pl.DataFrame:
        return pl.read_database_uri(query, url.replace("sqlite:///", "sqlite://"), engine="connectorx")

    def adbc() -> pl.DataFrame:
        return pl.read_database_uri(query, url, engine="adbc")

    reads: dict[str, Callable[[], Any]] = {"pandas": pandas, "polars": polars, "connectorx": connectorx, "ADBC": adbc}
    return {name: read for name, read in reads.items() if name not in missing()}


def sql(tables: FeatureTables, *, postgres: bool) -> str:
    """Return the read with its values in place: connectorx takes no parameters."""
    end = f"TIMESTAMPTZ '{END} 23:59:59.999999+00:00'" if postgres else f"'{END} 23:59:59.999999+00:00'"
    names = ", ".join(
        [f"m.{name}" for name in MARKET] + [f"{'i' if tables.indicators else 'm'}.{name}" for name in INDICATORS]
    )
    join = f" LEFT JOIN {tables.indicators} i ON i.id = m.id AND i.timestamp = m.timestamp" if tables.indicators else ""
    return f"SELECT m.timestamp, {names} FROM {tables.market} m{join} WHERE m.id = '{ASSET}' AND m.timestamp <= {end}"  # noqa: S608


class Parts:
    """Where the time of a call goes: each part without the parts that it calls, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the time of a ``with`` block."""
        self._switch()
        self._stack.append(part)
        try:
            yield
        finally:
            self._switch()
            self._stack.pop()

    def wrap(self, owner: Any, name: str, part: str, *, inside: str | None = None) -> Any:  # noqa: ANN401 - a patch
        """Return a patch under which a function's time is a part; with ``inside``, only where that part calls it."""
        function = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the function takes
            if inside is not None and self._stack[-1:] != [inside]:
                return function(*args, **kwargs)
            with self.timed(part):
                return function(*args, **kwargs)

        return mock.patch.object(owner, name, wrapped)

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now


def split(url: str, n_rounds: int) -> dict[str, float]:
    """Return the median of each part of a load, and the number of statements sent by way of SQLAlchemy."""
    rounds = [split_once(url) for _ in range(n_rounds)]
    return medians({part: [each[part] for each in rounds] for part in rounds[0]})


def split_once(url: str) -> dict[str, float]:
    parts, statements = Parts(), []
    connect = DatabaseConfig.connect

    @contextmanager
    def timed_connect(config: DatabaseConfig, **settings: bool) -> Iterator[sqlalchemy.Connection]:
        context = connect(config, **settings)
        with parts.timed("connect"):
            connection = context.__enter__()
        yield connection
        with parts.timed("close"):
            context.__exit__(None, None, None)

    def note(*given: Any) -> None:  # noqa: ANN401 - connection, cursor, statement, parameters, context, many
        statements.append(given[2])

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        with (
            mock.patch.object(DatabaseConfig, "connect", timed_connect),
            parts.wrap(history, "source_tables", "look tables up"),
            parts.wrap(history.AssetHistory, "read", "convert"),
            parts.wrap(sqlalchemy.Connection, "execute", "query", inside="convert"),
            parts.wrap(sqlalchemy.CursorResult, "all", "query", inside="convert"),
            parts.wrap(history, "on_regular_grid", "regularise"),
            parts.timed("the rest"),
        ):
            load_features_from_db(ASSET, END, url)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
    names = ("connect", "look tables up", "query", "convert", "close", "regularise", "the rest")
    milliseconds = {name: 1000 * parts.seconds[name] for name in names}
    return {**milliseconds, "sum": sum(milliseconds.values()), "statements": len(statements)}


def missing() -> list[str]:
    return [name for name, modules in OPTIONAL.items() if not all(map(importlib.util.find_spec, modules))]
