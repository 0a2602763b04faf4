"""``kallos-run study report``: what a study found, in one file to look at and to send on."""

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .. import command_line, options, output
from ..databases import Databases
from ..output_path import file_name_of, require_writable
from ..setting_options import SETTING_OPTIONS
from ..study_place import StudyPlace, takes_studies_and_prices

if TYPE_CHECKING:
    import optuna

    from kallos_tune import StudyData

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study report gru_btc\n\n"
    "kallos-run study report gru_btc --output report.html --interactive\n\n"
    "kallos-run study report gru_btc --format md --output report.md\n\n"
    "kallos-run study report gru_btc --db-url postgresql://me@localhost/prices --optuna-schema studies"
)


@takes_studies_and_prices
def report(
    name: options.StudyArgument,
    *,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Where to write it. Default: STUDY_report.html, or .md, in the current folder.",
        ),
    ] = None,
    format_name: Annotated[
        Literal["html", "md"],
        typer.Option(
            "--format",
            rich_help_panel=options.OUTPUT_PANEL,
            help="One HTML file that needs no network, or Markdown with its pictures in a folder beside it.",
        ),
    ] = "html",
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Charts of the search that can be pointed at and zoomed: some 5 MB with a script; needs "
            "kallos-cli\\[interactive].",
        ),
    ] = False,
    place: StudyPlace,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Write what a study found as one file: verdict, forecasts, search, parameters, data and what defines it.

    Forecasts are drawn beside the prices of --db-url; where these are not at hand, or have changed since, the report
    says so and leaves out what needs them. Nothing is written into a database.
    """
    from kallos_tune import load_study, stored_verdict, write_report

    from .. import logs

    if quiet:
        logs.only_warnings()
    destination = output_file or Path(f"{file_name_of(name)}_report.{format_name}")
    require_writable(destination, option="--output")
    study = load_study(place.databases.studies, name, optuna_schema=place.schema)
    logs.tame_optuna()
    if not quiet:
        output.say("reading the study and its prices…")
    data = _data(study, place.databases)
    commands = _commands(study, place)
    write_report(study, destination, format=format_name, interactive=interactive, data=data, commands=commands)
    if json:
        verdict = stored_verdict(study.user_attrs)
        conclusion = None if verdict is None else verdict.conclusion
        facts = {"study_name": name, "output": str(destination.resolve()), "format": format_name}
        output.show_json(facts | {"with_prices": data is not None, "verdict": conclusion})
        return
    output.show(f"written to {destination}")


def _data(study: "optuna.Study", databases: Databases) -> "StudyData | None":
    """Return what the study is about, or say why it cannot be read."""
    from kallos_data import KallosError
    from kallos_tune import reload_study_data

    try:
        return reload_study_data(study, databases.prices or databases.studies)[0]
    except KallosError as error:
        output.say(f"warning: no prices at hand, the report does without them: {error}", style="yellow")
        return None


def _commands(study: "optuna.Study", place: StudyPlace) -> list[str]:
    """Return what to type to look at the study again, to run its best trial again, and to run all of it again."""
    from kallos_tune import current_definition, n_finished

    definition = current_definition(study.user_attrs)
    if definition is None:
        return []
    name = study.study_name
    reading: Mapping[str, Any] = study.user_attrs.get("kallos_reading") or {}
    words = ["tune", "--study-name", f"{name}_again", "--n-trials", str(max(n_finished(study), 1))]
    for option, key in {"--asset-id": "asset_id", "--end-date": "end_date", "--model-name": "model_name"}.items():
        words += [option, definition[key]]
    words += ["--target-col", definition["target_col"], "--features", "groups.toml"]
    words += [*_tables(definition, reading), *_settings(definition, reading), "--workers", "1"]
    storage = command_line.storage_options(place.databases, place.schema)
    return [
        *command_line.needed_first(place.databases),
        *(
            shlex.join(["kallos-run", *command, *storage])  # by its own name, whoever reads it and wherever
            for command in (["study", "rerun", name], ["train", "--study", name], words)
        ),
    ]


def _tables(definition: Mapping[str, Any], reading: Mapping[str, Any]) -> list[str]:
    """Return the options of the tables, as far as they are not the default ones."""
    from kallos_data import FeatureTables

    known = {"market": definition["market_table"], "indicators": definition["indicators_table"]}
    tables = FeatureTables(**(reading.get("tables") or known))
    given = command_line.table_options(tables)
    if tables.indicators is None:
        given.pop("--indicators-table", None)
    words = [word for pair in given.items() for word in pair]
    return words if tables.indicators is not None else [*words, "--no-indicators"]


def _settings(definition: Mapping[str, Any], reading: Mapping[str, Any]) -> list[str]:
    """Return the options of settings that are not the default ones."""
    values = {**reading, **definition, "target_folds": len(definition["folds"]), "val_share": _val_share(definition)}
    return [
        word
        for option in SETTING_OPTIONS
        if option.name in values and values[option.name] not in (None, option.default)
        for word in (option.flag, str(values[option.name]))
    ]


def _val_share(definition: Mapping[str, Any]) -> float:
    """Return the share of the history that the validation windows cover, which a study does not keep as a number."""
    folds = definition["folds"]
    moments = (folds[0]["val_first"], folds[-1]["val_last"], definition["first"], definition["last"])
    first, last, begin, end = map(datetime.fromisoformat, moments)
    return round((last - first) / (end - begin), 2)
