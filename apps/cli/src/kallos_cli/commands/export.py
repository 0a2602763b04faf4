"""``kallos-run study export``: a study as tables for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import output
from ..databases import Databases
from ..options import OUTPUT_PANEL, Debug, Json, StudyArgument
from ..output_path import file_name_of
from ..study_place import StudyPlace, takes_studies_and_prices
from ..wording import count

if TYPE_CHECKING:
    import optuna

    from kallos_tune import StudyData

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study export gru_btc\n\n"
    "kallos-run study export gru_btc --output gru_btc.parquet --db-url postgresql://me@localhost/prices"
)


class TableFormat(StrEnum):
    """How tables are written."""

    csv = "csv"
    parquet = "parquet"


@takes_studies_and_prices
def export(
    name: StudyArgument,
    *,
    destination: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="PATH",
            rich_help_panel=OUTPUT_PANEL,
            help="A folder, or a file that ends in .csv or .parquet: of study.csv come study_trials.csv, "
            "study_folds.csv and study_forecasts.csv. Default: the folder STUDY_export in the current one.",
        ),
    ] = None,
    table_format: Annotated[
        TableFormat | None,
        typer.Option(
            "--format",
            case_sensitive=False,
            rich_help_panel=OUTPUT_PANEL,
            help="How tables are written. Default: as the file is named, in a folder csv.",
        ),
    ] = None,
    place: StudyPlace,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Write a study as three tables: its trials, their scores in each fold, their forecasts of each step.

    Forecasts stand beside what came and the naive forecast to beat; where the prices are not at hand, they stand alone
    with their place in the fold. Times are in UTC. All three files are written, or none; those that are there are
    replaced, which is said.
    """
    from kallos_tune import export_study, load_study, study_table_files, write_study_tables

    from .. import logs

    study = load_study(place.databases.studies, name, optuna_schema=place.schema)
    logs.tame_optuna()
    data = _data(study, place.databases)
    tables = export_study(study, data)
    chosen = None if table_format is None else table_format.value
    folder = destination or Path(f"{file_name_of(name)}_export")
    replaced = {path for path in study_table_files(folder, chosen) if path.exists()}
    files = write_study_tables(tables, folder, chosen)
    rows = {path: len(table) for path, table in zip(files, tables.tables().values(), strict=True)}
    if json:
        output.show_json(
            {
                "study_name": name,
                "files": [
                    {"path": str(path.resolve()), "rows": n_rows, "replaced": path in replaced}
                    for path, n_rows in rows.items()
                ],
                "with_prices": tables.with_prices,
            }
        )
        return
    for path, n_rows in rows.items():
        output.show(f"{path}: {count(n_rows, 'row')}{', in place of what was there' if path in replaced else ''}")


def _data(study: "optuna.Study", databases: Databases) -> "StudyData | None":
    """Return what the study is about; None, and why, where that cannot be had."""
    from kallos_data import KallosError
    from kallos_tune import reload_study_data

    from .. import logs

    try:
        with logs.silent("kallos_data"):
            data, change = reload_study_data(study, databases.prices or databases.studies)
    except KallosError as error:
        output.say(
            f"warning: the prices of the study are not at hand ({error}): its forecasts are exported without times and "
            "actual values; lead to the prices with --db-url",
            style="yellow",
        )
        return None
    if change is not None:
        output.say(
            f"warning: the prices are others than those the study was run on ({change}): actual values and naive "
            "forecasts are those of today",
            style="yellow",
        )
    return data
