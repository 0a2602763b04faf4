"""``kallos-run init``: a configuration file from what the database holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import command_line, options, output
from ..config_file import NAME, has_password
from ..databases import Databases
from ..end_of_study import holds_out, too_few_to_hold_out
from ..output_path import require_writable
from ..user_error import UserError
from .init_text import Found, file_text

if TYPE_CHECKING:
    from kallos_data import AssetSummary

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run init\n\n"
    "kallos-run init --asset-id ETH --output eth.toml\n\n"
    "kallos-run init --db-url postgresql://me@localhost/prices --market-table market.candles"
)


def init(
    *,
    output_file: Annotated[
        Path, typer.Option("--output", metavar="FILE", rich_help_panel=options.OUTPUT_PANEL, help="File to write.")
    ] = Path(NAME),
    force: Annotated[
        bool,
        typer.Option("--force", rich_help_panel=options.OUTPUT_PANEL, help="Replace a file that is there already."),
    ] = False,
    asset_id: Annotated[
        str | None,
        typer.Option(
            "--asset-id",
            metavar="ID",
            callback=options.not_blank_if_given,
            rich_help_panel=options.DATA_PANEL,
            help="Asset that the file is about. Default: the one with the newest row.",
        ),
    ] = None,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    _debug: options.Debug = False,
) -> None:
    """Write a configuration file with comments, from what the database holds.

    It names the asset with the newest row, an end date that leaves its last rows for a later test, and its columns by
    feature group; everything else that can be set stands there as a comment. The other commands find it by themselves.
    """
    if output_file.exists() and not force:
        raise UserError(f"{output_file} exists already: name another with --output, or replace it with --force")
    require_writable(output_file, option="--output")
    from kallos_data import FeatureTables, describe_asset, list_assets

    databases = Databases.of(db_url)
    config = databases.studies
    tables = FeatureTables(market_table, indicators_table or None, id_column, timestamp_column)
    assets = list_assets(config, tables=tables)
    if not assets:
        ingest = command_line.of_program("ingest", "prices.csv", "--asset-id", "BTC")
        raise UserError(f"there is no asset in table {market_table} of {config}\ningest prices first: {ingest}")
    details = describe_asset(config, _newest(assets) if asset_id is None else asset_id, tables=tables)
    found = Found(
        url=None if has_password(db_url) else str(config),
        tables=tables,
        details=details,
        others=[str(each.asset_id) for each in assets if each.asset_id != details.summary.asset_id],
    )
    output_file.write_text(file_text(found), encoding="utf-8")
    output.show(f"written to {output_file}: {details.summary.asset_id}, {details.summary.rows} rows")
    if not holds_out(details.summary.step, details.summary.rows):
        output.say(too_few_to_hold_out(details.summary.rows))
    output.say_commands(
        "Next, look at it, then tune:",
        *command_line.needed_first(databases),
        *(command_line.of_program(*_leading_to(output_file), *words) for words in (("config", "show"), ("tune",))),
    )


def _newest(assets: "list[AssetSummary]") -> str | int:
    return max(assets, key=lambda each: (each.last, each.rows)).asset_id


def _leading_to(path: Path) -> list[str]:
    return [] if path == Path(NAME) else ["--config", str(path)]
