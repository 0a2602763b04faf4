"""``kallos-run ingest``: a file of prices into the database."""

import re
from pathlib import Path
from typing import Annotated

import typer

from .. import command_line, output
from ..databases import Databases
from ..errors import UserError
from ..options import (
    DEFAULT_DB_URL,
    DEFAULT_ID_COLUMN,
    DEFAULT_INDICATORS_TABLE,
    DEFAULT_MARKET_TABLE,
    DEFAULT_TIMESTAMP_COLUMN,
    AssetId,
    DbUrl,
    Debug,
    IdColumn,
    IndicatorsTable,
    Json,
    MarketTable,
    Quiet,
    TimestampColumn,
)
from ..setting_options import WAIT_SECONDS, DatabaseWait

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run ingest btcusdt_1d.csv --asset-id BTC\n\n"
    "kallos-run ingest eth.parquet --asset-id ETH --db-url sqlite:///prices.db\n\n"
    "KALLOS_DB_URL=postgresql://me:secret@localhost/prices kallos-run ingest btc.csv.gz --asset-id BTC"
)


def ingest(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV (also .csv.gz) or Parquet with time, open, high, low, close and volume, in the usual spellings; "
            "Binance kline exports with or without header.",
        ),
    ],
    *,
    asset_id: AssetId,
    db_url: DbUrl = DEFAULT_DB_URL,
    market_table: MarketTable = DEFAULT_MARKET_TABLE,
    indicators_table: IndicatorsTable = DEFAULT_INDICATORS_TABLE,
    id_column: IdColumn = DEFAULT_ID_COLUMN,
    timestamp_column: TimestampColumn = DEFAULT_TIMESTAMP_COLUMN,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Put a file of prices into the database, and compute its technical indicators.

    Run again with the same or a longer file, it updates what is there and duplicates nothing. Everything happens in one
    transaction. Tables, and a SQLite file, are created if missing.
    """
    from dataclasses import asdict

    from .. import logs

    if quiet:
        logs.only_warnings()
    _require_file(file)
    from kallos_data import FeatureTables, ingest_file

    databases = Databases.of(db_url)
    config = databases.studies
    tables = FeatureTables(market_table, indicators_table, id_column, timestamp_column)
    report = ingest_file(file, asset_id, config, tables=tables, wait_seconds=database_wait)
    if json:
        output.show_json({name: _plain(value) for name, value in asdict(report).items()})
        return
    output.show(
        f"{asset_id}: {report.rows_read} rows read: {report.rows_inserted} inserted, {report.rows_updated} updated, "
        f"{report.rows_unchanged} unchanged; {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d} in {config}"
    )
    if quiet:
        return
    options = {
        "--asset-id": asset_id,
        "--end-date": f"{report.last:%Y-%m-%d}",
        # The study's name is also that of a file.
        "--study-name": re.sub(r"[^\w.-]+", "_", f"gru_{asset_id.lower()}"),
    }
    options |= command_line.table_options(tables)
    words = [word for option in options.items() for word in option]
    tune = command_line.with_storage(["tune", *words], databases)
    output.say_commands("Next, tune a model on it:", *command_line.needed_first(databases), tune)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a CSV or Parquet file in it")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _plain(value: object) -> object:
    from datetime import datetime

    return value.isoformat() if isinstance(value, datetime) else value
