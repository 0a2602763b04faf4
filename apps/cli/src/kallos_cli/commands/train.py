"""``kallos-run train``: a final model from what a study found, saved in a folder."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, completions, output, results
from ..databases import Databases
from ..default_workers import usable_cores
from ..errors import EXIT_CTRL_C, StoppedError
from ..options import OUTPUT_PANEL, Debug, Json, Quiet, iso_date
from ..progress import LOADING
from ..setting_options import FORECASTER_OPTIONS, takes_settings
from ..study_place import StudyPlace, takes_studies_and_prices
from ..trainings import Training
from ..user_error import UserError
from ..wording import count

if TYPE_CHECKING:
    from kallos_tune import Recipe, Schedule, Trained

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run train --study gru_btc\n\n"
    "kallos-run train --study gru_btc --trial 7 --members-from seeds --members 3 --output gru_btc_seeds\n\n"
    "kallos-run train --params gru_btc_best_params.json --stop-on-last 60 --overwrite\n\n"
    "kallos-run train --study gru_btc --refit-every 30d --until 2023-06-30 --output gru_btc_monthly"
)


@takes_studies_and_prices
@partial(takes_settings, options=FORECASTER_OPTIONS)
def train(
    *,
    study: Annotated[
        str | None,
        typer.Option(
            "--study", metavar="NAME", autocompletion=completions.studies, help="Study whose best trials are trained."
        ),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(
            "--params", metavar="FILE", help="In place of a study, the file of best parameters that tune has written."
        ),
    ] = None,
    trial: Annotated[
        int | None,
        typer.Option("--trial", min=0, metavar="N", help="Train this trial of the study alone. Default: the best."),
    ] = None,
    refit_every: Annotated[
        str | None,
        typer.Option(
            "--refit-every",
            metavar="TIME",
            help="Replay a schedule: train again after every 30d, 1w or 12h, each time on what was known then.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="DATE", callback=iso_date, help="With --refit-every, the last day on which to train."
        ),
    ] = None,
    settings: dict[str, Any],
    place: StudyPlace,
    output_folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            rich_help_panel=OUTPUT_PANEL,
            help="Where to save the model. Default: STUDY_model in the current folder.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", rich_help_panel=OUTPUT_PANEL, help="Replace a model that is there already, without asking."
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train a final model with the parameters that a study found, on everything up to its end date.

    By default it is the average of the five best trials, which is what the verdict of tune is about. Members are kept
    as they are finished: the same command goes on where a stopped one ended. Nothing after the study's end date is
    read, so that evaluate can judge the model on it. With --refit-every, evaluate says what refitting is worth.
    """
    if params is not None and command_line.value_typed(("--study",)) is None:
        # The configuration file names the study of every command, this one is about another.
        study = None
    _check_source(study, params, trial)
    if (refit_every is None) != (until is None):
        raise UserError("--refit-every and --until go together: how often to train, and up to which day")
    from kallos_tune import ForecasterSettings, Recipe, load_study

    from .. import logs

    if quiet:
        logs.only_warnings()
    workers = settings.pop("workers") or usable_cores()
    chosen = ForecasterSettings(**settings, workers=workers)
    logs.tame_optuna()
    if params is not None:
        recipe = Recipe.of_file(params)
    else:
        assert study is not None, "one of the two is given"
        recipe = Recipe.of_study(load_study(place.databases.studies, study, optuna_schema=place.schema), trial=trial)
    folder = output_folder or Path(f"{recipe.study_name}_model")
    if not quiet:
        output.say(f"training what study {recipe.study_name} found, into {folder}; {LOADING}")
    work = Training(recipe, folder, place.databases, chosen, overwrite=overwrite, quiet=quiet)
    try:
        if refit_every is None or until is None:
            trained = work.once()
            _show(trained, recipe, json=json)
            results.say_verdict(trained.card)
        else:
            schedule = work.on_schedule(refit_every, until)
            _show_schedule(schedule, json=json)
            results.say_verdict(schedule.models[0].card)
    except KeyboardInterrupt as stop:
        again = command_line.to_resume(place.databases)
        lines = ("interrupted: finished members are kept", "resume with:", *(f"  {command}" for command in again))
        raise StoppedError(EXIT_CTRL_C, *lines) from stop
    if not quiet:
        _say_next(folder, place.databases)


def _check_source(study: str | None, params: Path | None, trial: int | None) -> None:
    if study is None and params is None:
        raise UserError("needs what to train: name a study with --study, or a file of best parameters with --params")
    if study is not None and params is not None:
        raise UserError("takes --study or --params, not both: leave one out")
    if params is not None and trial is not None:
        raise UserError("--trial chooses among the trials of a study: name it with --study in place of --params")


def _show(trained: "Trained", recipe: "Recipe", *, json: bool) -> None:
    card = trained.card
    if json:
        facts = {"folder": str(trained.folder), "what": trained.what, "model_name": recipe.model_name}
        facts |= {"weights_sha256": trained.digest, "verdict_line": card.verdict_line}
        output.show_json(facts | card.to_dict())
        return
    rows = [(number, each["trial"], each["seed"], each["epochs"]) for number, each in enumerate(card.members, start=1)]
    output.show(trained.what)
    output.show_table(["member", "trial", "seed", "epochs"], rows)
    output.show_facts(
        {
            "asset": card.asset_id,
            "target": card.target_col,
            "trained on": f"{card.first_trained:%Y-%m-%d %H:%MZ} to {card.last_trained:%Y-%m-%d %H:%MZ}",
            "saved in": str(trained.folder),
        }
    )


def _show_schedule(schedule: "Schedule", *, json: bool) -> None:
    if json:
        models = [
            {"folder": str(each.folder), "verdict_line": each.card.verdict_line} | each.card.to_dict()
            for each in schedule.models
        ]
        output.show_json({"folder": str(schedule.folder), "every": schedule.every, "models": models})
        return
    output.show(
        f"{count(len(schedule.models), 'training')}, one every {schedule.every}, each {schedule.models[0].what}"
    )
    rows = [
        (f"{each.card.last_known:%Y-%m-%d %H:%MZ}", ", ".join(str(member["epochs"]) for member in each.card.members))
        for each in schedule.models
    ]
    output.show_table(["known until", "epochs"], rows)
    output.show(f"saved in {schedule.folder}")


def _say_next(folder: Path, databases: Databases) -> None:
    output.say_commands(
        "Next, judge it on the steps after its training, then forecast the one to come:",
        *command_line.needed_first(databases),
        command_line.with_storage(["evaluate", "--model", str(folder)], databases),
        command_line.with_storage(["forecast", "--model", str(folder)], Databases(databases.prices)),
    )
