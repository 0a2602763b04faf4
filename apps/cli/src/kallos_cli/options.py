"""Options that several commands share."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kallos_data import FeatureTables
from kallos_models import UnknownModelError, available_models

from . import completions, logs

DEFAULT_DB_URL = "sqlite:///kallos.db"
DEFAULT_MARKET_TABLE = FeatureTables().market
DEFAULT_INDICATORS_TABLE = FeatureTables().indicators or ""
DEFAULT_ID_COLUMN = FeatureTables().id_column
DEFAULT_TIMESTAMP_COLUMN = FeatureTables().timestamp_column
DB_URL_VARIABLE = "KALLOS_DB_URL"
STUDIES_URL_VARIABLE = "KALLOS_STUDIES_URL"
DATA_PANEL = "Data"
STORAGE_PANEL = "Database"
SEARCH_PANEL = "Search"
OUTPUT_PANEL = "Output"


def iso_date(text: str | None) -> str | None:
    """Refuse what is no ISO 8601 date."""
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date: write 2023-01-01, or 2023-01-01T12:00 (UTC)") from None
    return text


def not_blank(text: str) -> str:
    """Refuse a name without a visible character."""
    if not text.strip():
        raise typer.BadParameter("must not be empty")
    return text


def not_blank_if_given(text: str | None) -> str | None:
    """Refuse a name without a visible character, as a variable of a shell that is not set gives one."""
    return None if text is None else not_blank(text)


def known_model(name: str) -> str:
    """Refuse a name that is no architecture."""
    if name not in available_models():
        raise typer.BadParameter(UnknownModelError(name, available_models()).problem)
    return name


def model_names(incomplete: str = "") -> list[str]:
    """Return the architectures that begin so."""
    return [name for name in available_models() if name.startswith(incomplete)]


def _key_column(flag: str, variable: str, meaning: str) -> Any:  # noqa: ANN401 - typer says no more
    return typer.Option(
        flag,
        envvar=variable,
        metavar="COLUMN",
        autocompletion=completions.columns,
        callback=not_blank,
        rich_help_panel=DATA_PANEL,
        help=meaning,
    )


def _start_debugging(value: bool) -> bool:
    if value:
        logs.start(debug=True)
    return value


DbUrl = Annotated[
    str,
    typer.Option(
        "--db-url",
        envvar=DB_URL_VARIABLE,
        metavar="URL",
        rich_help_panel=STORAGE_PANEL,
        help="Database: sqlite:///FILE or postgresql://USER@HOST/NAME. Put a password into the environment variable or "
        "into ~/.pgpass: what is typed ends up in the shell's history.",
    ),
]
StudiesUrl = Annotated[
    str | None,
    typer.Option(
        "--studies-url",
        envvar=STUDIES_URL_VARIABLE,
        metavar="URL",
        rich_help_panel=STORAGE_PANEL,
        help="Database of the studies, written like --db-url. With it, that of the prices is only read. Default: the "
        "prices' own.",
    ),
]
OptunaSchema = Annotated[
    str | None,
    typer.Option(
        "--optuna-schema",
        metavar="NAME",
        rich_help_panel=STORAGE_PANEL,
        help="PostgreSQL schema of the studies; tune creates it if missing. Default: the database's own search path. "
        "SQLite has none.",
    ),
]
AssetId = Annotated[
    str,
    typer.Option(
        "--asset-id",
        metavar="ID",
        callback=not_blank,
        autocompletion=completions.assets,
        rich_help_panel=DATA_PANEL,
        help="Asset, as named in the tables' column id, for instance BTC.",
    ),
]
EndDate = Annotated[
    str,
    typer.Option(
        "--end-date",
        metavar="DATE",
        callback=iso_date,
        rich_help_panel=DATA_PANEL,
        help="Last step of the history, ISO 8601 in UTC, inclusive. Nothing after it is read.",
    ),
]
MarketTable = Annotated[
    str,
    typer.Option(
        "--market-table",
        metavar="TABLE",
        autocompletion=completions.tables,
        rich_help_panel=DATA_PANEL,
        help="Table or view with the prices; on PostgreSQL also SCHEMA.TABLE.",
    ),
]
IndicatorsTable = Annotated[
    str,
    typer.Option(
        "--indicators-table",
        metavar="TABLE",
        autocompletion=completions.tables,
        rich_help_panel=DATA_PANEL,
        help="Table or view with the indicators, joined by id and timestamp; on PostgreSQL also SCHEMA.TABLE.",
    ),
]
NoIndicators = Annotated[
    bool, typer.Option("--no-indicators", rich_help_panel=DATA_PANEL, help="Read the market table alone.")
]
IdColumn = Annotated[str, _key_column("--id-column", "KALLOS_ID_COLUMN", "Column of the tables that names the asset.")]
TimestampColumn = Annotated[
    str, _key_column("--timestamp-column", "KALLOS_TIMESTAMP_COLUMN", "Column of the tables that holds the time.")
]
Features = Annotated[
    Path | None,
    typer.Option(
        "--features",
        metavar="FILE",
        rich_help_panel=DATA_PANEL,
        help="TOML file: volume_features, bounded_features, unbounded_features, roc_features and "
        "log_return_features as keys, lists of columns as values. Default: those columns of the tables that Kallos "
        "knows.",
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model-name",
        metavar="NAME",
        callback=known_model,
        autocompletion=model_names,
        help=f"Architecture: {', '.join(available_models()[:-1])} or {available_models()[-1]}.",
    ),
]
StudyName = Annotated[
    str,
    typer.Option(
        "--study-name",
        metavar="NAME",
        callback=not_blank,
        autocompletion=completions.studies,
        help="Name of the study in its database; an existing one is resumed.",
    ),
]
TargetCol = Annotated[
    str,
    typer.Option(
        "--target-col",
        metavar="COLUMN",
        autocompletion=completions.columns,
        help="Column to forecast, one step ahead.",
    ),
]
NTrials = Annotated[
    int,
    typer.Option(
        "--n-trials", min=1, metavar="N", help="Number of finished trials to reach; only missing ones are run."
    ),
]
ModelFolder = Annotated[
    Path,
    typer.Option("--model", metavar="FOLDER", help="Folder of a trained model, as kallos-run train saves it."),
]
OtherAsset = Annotated[
    str | None,
    typer.Option(
        "--asset-id",
        metavar="ID",
        callback=not_blank_if_given,
        autocompletion=completions.assets,
        rich_help_panel=DATA_PANEL,
        help="Another asset than the model was trained on. Default: the model's own.",
    ),
]
Foreign = Annotated[
    bool,
    typer.Option("--foreign", help="A study that Kallos did not make is meant, and nobody is working on it."),
]
StudyArgument = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completions.studies, help="Name of the study.")
]
OldName = Annotated[str, typer.Argument(metavar="OLD", autocompletion=completions.studies, help="Name of the study.")]
Json = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT_PANEL, help="Print the result as one JSON object on stdout.")
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", rich_help_panel=OUTPUT_PANEL, help="Only warnings, errors and the result; no progress."
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="KALLOS_DEBUG",
        is_eager=True,
        callback=_start_debugging,
        rich_help_panel=OUTPUT_PANEL,
        help="Log everything, and show tracebacks of errors.",
    ),
]
