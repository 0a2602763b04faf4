"""``kallos-run study best``: the best parameters of a study and nothing else."""

from pathlib import Path
from typing import Annotated

import typer

from .. import output
from ..options import OUTPUT_PANEL, Debug, Json, StudyArgument
from ..output_path import require_writable
from ..study_place import StudyPlace, takes_studies

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study best gru_btc\n\n"
    "kallos-run study best gru_btc --output gru_btc_best_params.json --json"
)


@takes_studies
def best(
    name: StudyArgument,
    *,
    place: StudyPlace,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            rich_help_panel=OUTPUT_PANEL,
            help="Also write the file of best parameters that tune writes, with everything needed to train on them.",
        ),
    ] = None,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Print the best parameters of a study, those of the complete trial with the lowest score."""
    from kallos_tune import load_study, study_result, write_best_params

    from .. import logs, results

    if output_file is not None:
        require_writable(output_file, option="--output")
    study = load_study(place.databases.studies, name, optuna_schema=place.schema)
    logs.tame_optuna()
    result = study_result(study)
    if json:
        output.show_json(result.best_params)
    else:
        width = max(map(len, result.best_params), default=0)
        # Every digit: they are meant to be used.
        exact = {parameter: str(value) for parameter, value in result.best_params.items()}
        for parameter, text in results.with_effects(result, exact).items():
            output.show(f"{parameter:<{width}}  {text}")
    if output_file is not None:
        output.say(f"written to {write_best_params(study, output_file)}")
