"""``kallos-run assets``: list, show and remove the assets of a database."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, completions, options, output
from ..asking import ask
from ..databases import Databases
from ..setting_options import WAIT_SECONDS, DatabaseWait
from ..user_error import UserError
from . import asset_words

if TYPE_CHECKING:
    from kallos_data import Removal

LIST_EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run assets list\n\n"
    "kallos-run assets list --db-url postgresql://me@localhost/prices --market-table market.candles --json"
)
SHOW_EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run assets show BTC\n\n"
    "kallos-run assets show BTC --db-url sqlite:///prices.db --json"
)
REMOVE_EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run assets remove BTC\n\n"
    "kallos-run assets remove BTC --from 2022-05-01 --to 2022-05-31 --yes"
)

app = typer.Typer(
    no_args_is_help=True,
    help="List, show and remove the assets of a database.",
    epilog="[bold]Examples[/bold]\n\nkallos-run assets list\n\nkallos-run assets show BTC\n\n"
    "kallos-run assets remove BTC",
)

AssetArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        callback=options.not_blank,
        autocompletion=completions.assets,
        help="Asset, as named in the tables.",
    ),
]
MaxGap = Annotated[
    int,
    typer.Option(
        "--max-gap",
        min=0,
        metavar="N",
        rich_help_panel=options.DATA_PANEL,
        help="Longest run of missing steps that tune fills forward.",
    ),
]


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    *,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    max_gap: MaxGap = 7,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    json: options.Json = False,
    _debug: options.Debug = False,
) -> None:
    """List the assets of a database: step, rows, first and last, holes, outliers, and whether there are indicators.

    Filled are missing steps that tune fills, in holes of --max-gap steps at most. Outliers are closes that lie far from
    the one before. Nothing is written.
    """
    from kallos_data import FeatureTables, list_assets

    config = Databases.of(db_url).studies
    tables = FeatureTables(market_table, indicators_table, id_column, timestamp_column)
    assets = list_assets(config, tables=tables, max_gap=max_gap)
    if json:
        output.show_json({"database": str(config), "assets": [asset_words.facts(asset) for asset in assets]})
        return
    if not assets:
        output.say(f"there is no asset in table {market_table} of {config}: {_ingest_first()}")
        return
    header = ["asset", "step", "rows", "first", "last", "holes", "missing", "filled", "outliers", "indicators"]
    output.show_table(header, [asset_words.cells(asset) for asset in assets])


@app.command("show", epilog=SHOW_EXAMPLES)
def show(
    asset_id: AssetArgument,
    *,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    max_gap: MaxGap = 7,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    json: options.Json = False,
    _debug: options.Debug = False,
) -> None:
    """Show one asset: its step and span, every hole with its dates, jumps of its price, columns and missing values."""
    from kallos_data import FeatureTables, describe_asset

    config = Databases.of(db_url).studies
    tables = FeatureTables(market_table, indicators_table, id_column, timestamp_column)
    details = describe_asset(config, asset_id, tables=tables, max_gap=max_gap)
    if json:
        output.show_json(asset_words.all_facts(details))
        return
    asset_words.show_details(details, max_gap)


@app.command("remove", epilog=REMOVE_EXAMPLES)
def remove(
    asset_id: AssetArgument,
    *,
    from_date: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            callback=options.iso_date,
            help="First step to remove, ISO 8601 in UTC, inclusive.",
        ),
    ] = None,
    to_date: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DATE", callback=options.iso_date, help="Last step to remove, ISO 8601 in UTC, inclusive."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: options.Json = False,
    _debug: options.Debug = False,
) -> None:
    """Remove an asset, or the part of it between two dates, from the tables of prices and of indicators.

    Asks first. Everything happens in one transaction. The indicators of the rows that stay are computed anew, as if
    these rows alone had been ingested. Studies on the asset stay; they are not resumed on other data.
    """
    from kallos_data import FeatureTables, remove_asset

    config = Databases.of(db_url).studies
    what: dict[str, Any] = {
        "tables": FeatureTables(market_table, indicators_table, id_column, timestamp_column),
        "from_date": from_date,
        "to_date": to_date,
        "wait_seconds": database_wait,
    }
    planned = remove_asset(config, asset_id, dry_run=True, **what)
    if not planned.rows and not planned.indicator_rows:
        raise UserError(f"{asset_id} has no rows {_between(from_date, to_date)}: nothing was removed")
    if not yes:
        question = f"remove {_rows(planned)} of {planned.asset_id} {_between(from_date, to_date)} from {config}?"
        ask(question, command="assets remove", nothing="nothing was removed")
    done = remove_asset(config, asset_id, **what)
    if json:
        output.show_json(asdict(done))
        return
    output.show(
        f"{asset_id}: removed {_rows(done)}; {done.rows_left} rows of prices are left, "
        f"{done.recomputed} rows of indicators computed anew"
    )


def _rows(removal: "Removal") -> str:
    return f"{removal.rows} rows of prices and {removal.indicator_rows} of indicators"


def _between(from_date: str | None, to_date: str | None) -> str:
    if from_date is None and to_date is None:
        return "in the tables"
    return f"from {from_date or 'the first'} to {to_date or 'the last'}"


def _ingest_first() -> str:
    return f"ingest prices first, {command_line.of_program('ingest', 'prices.csv', '--asset-id', 'BTC')}"
