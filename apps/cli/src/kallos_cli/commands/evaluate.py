"""``kallos-run evaluate``: a model, or anybody's forecasts, judged on steps that had no part in its making."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import command_line, evaluations, options, output
from ..databases import Databases
from ..feature_groups import chosen_feature_groups
from ..output_path import make_folder
from ..progress import LOADING
from ..user_error import UserError

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run evaluate --model gru_btc_model\n\n"
    "kallos-run evaluate --model gru_btc_model --start 2023-01-01 --end 2023-06-30 --output judged\n\n"
    "kallos-run evaluate --forecasts mine.csv --asset-id BTC --target-col log_return\n\n"
    "A file of forecasts has the columns timestamp (of the step that is forecast, in UTC) and forecast; where it has "
    "quantiles, q05, q25, q50, q75 and q95 too."
)
_OF_FORECASTS = "Forecasts from a file"


def evaluate(
    *,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FOLDER",
            help="Folder of a trained model, or of a schedule of them, as kallos-run train saves it.",
        ),
    ] = None,
    forecasts: Annotated[
        Path | None,
        typer.Option(
            "--forecasts",
            metavar="FILE",
            help="Instead of a model, a CSV file of anybody's forecasts: timestamp (of the step that is forecast, UTC) "
            "and forecast; with quantiles also q05, q25, q50, q75 and q95.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="DATE",
            callback=options.iso_date,
            help="First step to judge, ISO 8601 in UTC, inclusive. Default: the first after the training.",
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--end",
            metavar="DATE",
            callback=options.iso_date,
            help="Last step to judge, ISO 8601 in UTC, inclusive. Default: the last there is.",
        ),
    ] = None,
    allow_overlap: Annotated[
        bool,
        typer.Option(
            "--allow-overlap", help="Judge steps too that had a part in the training; every line then says so."
        ),
    ] = False,
    asset_id: options.OtherAsset = None,
    target_col: Annotated[
        str | None,
        typer.Option(
            "--target-col", metavar="COLUMN", rich_help_panel=_OF_FORECASTS, help="What is forecast, as log_return."
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="FILE",
            rich_help_panel=_OF_FORECASTS,
            help="TOML file of the features that baselines read, as of tune. Default: the columns that are known.",
        ),
    ] = None,
    metric: Annotated[
        Literal["rmse", "mae"] | None,
        typer.Option("--metric", rich_help_panel=_OF_FORECASTS, help="The error that counts. Default: rmse."),
    ] = None,
    purge: Annotated[
        int | None,
        typer.Option(
            "--purge",
            min=0,
            metavar="N",
            rich_help_panel=_OF_FORECASTS,
            help="Steps that the target looks ahead beyond the next one. Default: none.",
        ),
    ] = None,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    studies_url: options.StudiesUrl = None,
    optuna_schema: options.OptunaSchema = None,
    output_folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Write the single forecasts there (CSV), the outcome (JSON) and pictures (PNG).",
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Judge a model on steps after its training, beside forecasts that cost nothing.

    Each step is forecast from what was known the step before. By default all steps after the training are judged that
    the tables have; steps that had a part in it are refused. How often a period was looked at is counted with the
    study: a hold-out that is looked at twice is none.
    """
    if (model is None) == (forecasts is None):
        raise UserError("needs what to judge: a trained model with --model, or a file with --forecasts, and not both")
    if forecasts is not None:
        _check_file(asset_id, allow_overlap=allow_overlap)
    of_forecasts = {"--target-col": target_col, "--features": features, "--metric": metric, "--purge": purge}
    if model is not None:
        _refuse(of_forecasts, "goes with --forecasts: what a model is about, its card says; leave it out")
    groups = None if forecasts is None else chosen_feature_groups(features, target_col or "log_return")
    if output_folder is not None:
        make_folder(output_folder, option="--output")
    from .. import logs

    if quiet:
        logs.only_warnings()
    databases = Databases.of(db_url, studies_url)
    period = evaluations.Asked(start, end, asset_id, allow_overlap)
    evaluations.require(model, forecasts, databases, period)
    if not quiet:
        output.say(LOADING)
    logs.tame_optuna()
    if model is not None:
        found = evaluations.of_model(model, databases, optuna_schema, period, quiet=quiet)
    else:
        assert forecasts is not None, "one of the two is given"
        assert asset_id is not None, "a file needs one"
        from kallos_data import FeatureTables
        from kallos_tune import ForeignForecasts

        about = ForeignForecasts(
            asset_id=asset_id,
            target_col=target_col or "log_return",
            feature_groups=groups,
            tables=FeatureTables(market_table, indicators_table, id_column, timestamp_column),
            metric=metric or "rmse",
            purge=purge or 0,
        )
        found = evaluations.of_file(forecasts, about, databases, start, end)
    files = [] if output_folder is None else evaluations.write(found, output_folder)
    _show(found, files, json=json)
    if model is not None and not quiet:
        output.say_commands(
            "Next, forecast the step to come:",
            *command_line.needed_first(databases),
            command_line.with_storage(["forecast", "--model", str(model)], Databases(databases.prices)),
        )


def _check_file(asset_id: str | None, *, allow_overlap: bool) -> None:
    if asset_id is None:
        raise UserError("--forecasts needs the asset that they are of: name it with --asset-id")
    if allow_overlap:
        raise UserError("--allow-overlap goes with --model: what made the forecasts of a file is not known")


def _refuse(given: Mapping[str, object], why: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise UserError(f"{option} {why}")


def _show(found: evaluations.Outcome, files: list[Path], *, json: bool) -> None:
    if json:
        output.show_json(found.to_dict() | {"files": [str(file.resolve()) for file in files]})
        return
    evaluations.show(found)
    if files:
        output.show(f"written to {', '.join(map(str, files))}")
