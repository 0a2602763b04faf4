"""``kallos-run ingest``: a file of prices into the database."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import command_line, output
from ..databases import Databases
from ..end_of_study import HOLD_OUT_SHARE, end_of_study, holds_out, study_name_of, too_few_to_hold_out
from ..ingest_options import (
    DateFormat,
    Decimal,
    Frequency,
    KeepUnfinished,
    MaxGap,
    Repair,
    Snap,
    Thousands,
    TimeZone,
    Where,
)
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
from ..user_error import UserError

if TYPE_CHECKING:
    from kallos_data import IngestReport

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run ingest btcusdt_1d.csv --asset-id BTC\n\n"
    "kallos-run ingest eth.parquet --asset-id ETH --db-url sqlite:///prices.db\n\n"
    "kallos-run ingest dax.csv --asset-id DAX --frequency B --time-zone Europe/Berlin\n\n"
    "kallos-run ingest btc.csv.gz --asset-id BTC --db-url postgresql://me@localhost/prices"
)


def ingest(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV (UTF-8, UTF-16; also .csv.gz and .zip), Parquet, Feather or Arrow, or a JSON array of klines, "
            "with time, open, high, low, close and volume, in the usual spellings; Binance kline exports with or "
            "without header.",
        ),
    ],
    *,
    asset_id: AssetId,
    db_url: DbUrl = DEFAULT_DB_URL,
    market_table: MarketTable = DEFAULT_MARKET_TABLE,
    indicators_table: IndicatorsTable = DEFAULT_INDICATORS_TABLE,
    id_column: IdColumn = DEFAULT_ID_COLUMN,
    timestamp_column: TimestampColumn = DEFAULT_TIMESTAMP_COLUMN,
    time_zone: TimeZone = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    where: Where = None,
    repair: Repair = False,
    frequency: Frequency = "auto",
    snap: Snap = False,
    keep_unfinished: KeepUnfinished = False,
    max_gap: MaxGap = 7,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Put a file of prices into the database, and compute its technical indicators.

    Run again with the same or a longer file, it updates what is there and duplicates nothing. An asset has bars of one
    step, found in the file, and none between two steps. Everything happens in one transaction, and what is written is
    read back in it. Tables, and a SQLite file, are created if missing.
    """
    from .. import logs

    if quiet:
        logs.only_warnings()
    _require_file(file)
    from kallos_data import FeatureTables, GridSettings, ReadingSettings, ingest_file

    databases = Databases.of(db_url)
    config = databases.studies
    tables = FeatureTables(market_table, indicators_table, id_column, timestamp_column)
    reading = ReadingSettings(
        time_zone=time_zone,
        date_format=date_format,
        decimal=decimal,
        thousands=thousands,
        where={column.strip(): value.strip() for column, _, value in (each.partition("=") for each in where or ())},
        repair=repair,
    )
    grid = GridSettings(frequency=frequency, snap=snap, keep_unfinished=keep_unfinished, max_gap=max_gap)
    report = ingest_file(file, asset_id, config, tables=tables, reading=reading, grid=grid, wait_seconds=database_wait)
    if json:
        output.show_json(_as_json(report))
        return
    output.show(f"{asset_id}: {_in_words(report)} in {config}")
    if quiet:
        return
    if report.n_indicators:
        output.say(_of_indicators(report))
    options = {
        "--asset-id": asset_id,
        "--end-date": end_of_study(report.step, report.history_rows, report.last_finished),
        "--study-name": study_name_of(asset_id),
    }
    options |= command_line.table_options(tables)
    words = [word for option in options.items() for word in option]
    tune = command_line.with_storage(["tune", *words], databases)
    lead = "Next, tune a model on it"
    if holds_out(report.step, report.history_rows):
        lead += f" without the last {HOLD_OUT_SHARE:.0%} of the rows: they can show later what it is worth"
    else:
        output.say(too_few_to_hold_out(report.history_rows))
    output.say_commands(f"{lead}:", *command_line.needed_first(databases), tune)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a CSV or Parquet file in it")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _in_words(report: "IngestReport") -> str:
    days = report.step is None or report.step.length >= timedelta(days=1)
    first, last = (f"{each:%Y-%m-%d}" if days else f"{each:%Y-%m-%d %H:%MZ}" for each in (report.first, report.last))
    rows = f"{report.rows_read} rows" if report.rows_read > 1 else "1 row"
    pace = f", {report.step.pace}" if report.step else ""
    return (
        f"{rows}{pace}, {first} to {last}: {report.rows_inserted} inserted, {report.rows_updated} updated, "
        f"{report.rows_unchanged} unchanged"
    )


def _of_indicators(report: "IngestReport") -> str:
    if report.indicators_from is None:
        return f"{report.n_indicators} indicators computed, and no row yet that has a value of each"
    return (
        f"{report.n_indicators} indicators computed, all with values from {report.indicators_from:%Y-%m-%d %H:%MZ} on"
    )


def _as_json(report: "IngestReport") -> dict[str, object]:
    from dataclasses import fields

    from kallos_data import in_utc

    values = {each.name: getattr(report, each.name) for each in fields(report)}
    values["step"] = None if report.step is None else str(report.step)
    return {name: in_utc(value) if isinstance(value, datetime) else value for name, value in values.items()}
