"""``kallos-run study rename``: another name for a study."""

from typing import Annotated

import typer

from .. import command_line, output
from ..options import Debug, Foreign, Json, OldName
from ..setting_options import WAIT_SECONDS, DatabaseWait
from ..study_place import StudyPlace, takes_studies
from ..user_error import UserError

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study rename gru_btc gru_btc_2022\n\n"
    "kallos-run study rename gru_btc gru_btc_2022 --db-url postgresql://me@localhost/prices --optuna-schema studies"
)


@takes_studies
def rename(
    old: OldName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name that it gets.")],
    *,
    foreign: Foreign = False,
    place: StudyPlace,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Give a study another name.

    Refused while trials of it run. Files of best parameters and saved models keep the old name: evaluate finds the
    study by either.
    """
    from kallos_tune import StudyExistsError, rename_study

    from .. import logs

    logs.tame_optuna()
    try:
        rename_study(
            place.databases.studies, old, new, optuna_schema=place.schema, foreign=foreign, wait_seconds=database_wait
        )
    except StudyExistsError as error:
        raise UserError(f"there is a study {new!r} already: choose another name for {old!r}") from error
    if json:
        output.show_json({"study_name": new, "was": old})
        return
    output.show(f"study {old} is now {new}")
    output.say_commands(
        f"Next, tune resumes it with --study-name {new}; look at it:",
        *command_line.needed_first(place.databases),
        command_line.with_storage(["study", "show", new], place.databases, place.schema),
    )
