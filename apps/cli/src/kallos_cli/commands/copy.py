"""``kallos-run study copy``: a study twice, or in another database."""

from typing import Annotated

import typer

from .. import command_line, output
from ..databases import Databases
from ..options import STORAGE_PANEL, Debug, Json, OldName
from ..setting_options import WAIT_SECONDS, DatabaseWait
from ..study_place import StudyPlace, takes_studies
from ..user_error import UserError
from ..wording import count

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study copy gru_btc gru_btc_more\n\n"
    "kallos-run study copy gru_btc gru_btc --to-url postgresql://me@localhost/lab --to-schema studies"
)


@takes_studies
def copy(
    old: OldName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    *,
    to_url: Annotated[
        str | None,
        typer.Option(
            "--to-url",
            envvar="KALLOS_TO_URL",
            metavar="URL",
            rich_help_panel=STORAGE_PANEL,
            help="Database of the copy, written like --db-url. Default: that of the study.",
        ),
    ] = None,
    to_schema: Annotated[
        str | None,
        typer.Option(
            "--to-schema",
            metavar="NAME",
            rich_help_panel=STORAGE_PANEL,
            help="PostgreSQL schema of the copy, created if missing. Default: in the same database that of the study.",
        ),
    ] = None,
    place: StudyPlace,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Copy a study, with all its trials under their numbers, their forecasts, the queue and the verdict.

    A copy is resumed as the study would be. Trials that are running go on in the study alone: in the copy they are
    recorded as abandoned, and their parameters wait to run again.
    """
    from kallos_data import ConfigError, DatabaseConfig
    from kallos_tune import StudyExistsError, copy_study, trial_counts

    from .. import logs

    try:
        target = None if not to_url else DatabaseConfig.from_url(to_url)
    except ConfigError as error:
        raise ConfigError(error.problem, "to_url") from None
    logs.tame_optuna()
    try:
        study = copy_study(
            place.databases.studies,
            old,
            new,
            optuna_schema=place.schema,
            to_db=target,
            to_schema=to_schema,
            wait_seconds=database_wait,
        )
    except StudyExistsError as error:
        raise UserError(f"there is a study {new!r} already: choose another name for the copy") from error
    counts, config = trial_counts(study), target or place.databases.studies
    if json:
        output.show_json({"study_name": new, "copy_of": old, "database": str(config), "n_trials": counts})
        return
    finished = counts["complete"] + counts["pruned"]
    output.show(f"study {old} is copied to {new} in {config}: {count(finished, 'finished trial')}")
    there = Databases(config)
    output.say_commands(
        "Next, look at the copy:",
        *command_line.needed_first(there),
        command_line.with_storage(
            ["study", "show", new], there, to_schema or (place.schema if target is None else None)
        ),
    )
