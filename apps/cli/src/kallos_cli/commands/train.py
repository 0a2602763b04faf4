"""``kallos-run train``: a final model from what a study found, saved in a folder."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, output
from ..databases import Databases
from ..default_workers import usable_cores
from ..errors import EXIT_CTRL_C, StoppedError, UserError
from ..options import DEFAULT_DB_URL, OUTPUT_PANEL, DbUrl, Debug, Json, OptunaSchema, Quiet, StudiesUrl
from ..progress import LOADING
from ..setting_options import FORECASTER_OPTIONS, takes_settings
from ..wording import count, duration

if TYPE_CHECKING:
    from kallos_tune import Event, Recipe, Trained

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run train --study gru_btc\n\n"
    "kallos-run train --study gru_btc --trial 7 --members-from seeds --members 3 --output gru_btc_seeds\n\n"
    "kallos-run train --params gru_btc_best_params.json --stop-on-last 60 --overwrite"
)


@partial(takes_settings, options=FORECASTER_OPTIONS)
def train(
    *,
    study: Annotated[
        str | None, typer.Option("--study", metavar="NAME", help="Study whose best trials are trained.")
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
    settings: dict[str, Any],
    db_url: DbUrl = DEFAULT_DB_URL,
    studies_url: StudiesUrl = None,
    optuna_schema: OptunaSchema = None,
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
    read, so that evaluate can judge the model on it.
    """
    _check_source(study, params, trial)
    from kallos_tune import ForecasterSettings, Recipe, load_study, train_forecaster

    from .. import logs

    if quiet:
        logs.only_warnings()
    workers = settings.pop("workers") or usable_cores()
    chosen = ForecasterSettings(**settings, workers=workers)
    databases = Databases.of(db_url, studies_url)
    logs.tame_optuna()
    if params is not None:
        recipe = Recipe.of_file(params)
    else:
        assert study is not None, "one of the two is given"
        recipe = Recipe.of_study(load_study(databases.studies, study, optuna_schema=optuna_schema), trial=trial)
    folder = output_folder or Path(f"{recipe.study_name}_model")
    overwrite = overwrite or _may_replace(folder)
    if not quiet:
        output.say(f"training what study {recipe.study_name} found, into {folder}; {LOADING}")
    try:
        trained = train_forecaster(
            recipe,
            folder,
            databases.prices or databases.studies,
            settings=chosen,
            overwrite=overwrite,
            on_event=_ignored if quiet else _say,
        )
    except KeyboardInterrupt as stop:
        again = command_line.to_resume(databases)
        lines = ("interrupted: finished members are kept", "resume with:", *(f"  {command}" for command in again))
        raise StoppedError(EXIT_CTRL_C, *lines) from stop
    _show(trained, recipe, json=json)
    if not quiet:
        _say_next(trained, databases)


def _check_source(study: str | None, params: Path | None, trial: int | None) -> None:
    if study is None and params is None:
        raise UserError("needs what to train: name a study with --study, or a file of best parameters with --params")
    if study is not None and params is not None:
        raise UserError("takes --study or --params, not both: leave one out")
    if params is not None and trial is not None:
        raise UserError("--trial chooses among the trials of a study: name it with --study in place of --params")


def _may_replace(folder: Path) -> bool:
    """Ask whether a model that is there may be replaced, where there is somebody to ask."""
    if not (folder / "card.json").exists() or not sys.stdin.isatty():
        return False
    if not typer.confirm(f"replace the model in {folder}?", err=True):
        raise UserError(f"{folder} holds a model already, and it stays: choose another folder with --output")
    return True


def _ignored(_event: "Event") -> None:
    pass


def _say(event: "Event") -> None:
    from kallos_tune import MemberFinished, MemberStarted

    if isinstance(event, MemberStarted):
        output.say(
            f"member {event.member} of {event.n_members} begins: trial {event.trial}, "
            f"at most {count(event.epochs, 'epoch')}"
        )
    if isinstance(event, MemberFinished):
        output.say(
            f"member {event.member} of {event.n_members} is trained: {count(event.epochs, 'epoch')}, "
            f"{duration(event.seconds)}"
        )


def _show(trained: "Trained", recipe: "Recipe", *, json: bool) -> None:
    card = trained.card
    if json:
        facts = {"folder": str(trained.folder), "what": trained.what, "model_name": recipe.model_name}
        output.show_json(facts | {"weights_sha256": trained.digest} | card.to_dict())
        return
    rows = [(number, each["trial"], each["seed"], each["epochs"]) for number, each in enumerate(card.members, start=1)]
    output.show(trained.what)
    output.show_table(["member", "trial", "seed", "epochs"], rows)
    output.show_facts(
        {
            "asset": card.asset_id,
            "target": card.target_col,
            "trained on": f"{card.first_trained:%Y-%m-%d %H:%M} to {card.last_trained:%Y-%m-%d %H:%M} (UTC)",
            "saved in": str(trained.folder),
        }
    )


def _say_next(trained: "Trained", databases: Databases) -> None:
    folder = command_line.from_here(trained.folder)
    output.say_commands(
        "Next, judge it on the steps after its training, then forecast the one to come:",
        *command_line.needed_first(databases),
        command_line.with_storage(["evaluate", "--model", folder], databases),
        command_line.with_storage(["forecast", "--model", folder], Databases(databases.prices)),
    )
