"""``kallos-run study delete``: a study and all of its trials, gone."""

from typing import TYPE_CHECKING, Annotated

import typer

from kallos_tune import duration

from .. import output
from ..asking import ask
from ..options import Debug, Foreign, Json, StudyArgument
from ..setting_options import WAIT_SECONDS, DatabaseWait
from ..study_place import StudyPlace, takes_studies
from ..wording import count

if TYPE_CHECKING:
    from kallos_tune import StudyCost

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study delete gru_btc\n\n"
    "kallos-run study delete gru_btc --yes --db-url postgresql://me@localhost/prices --optuna-schema studies"
)


@takes_studies
def delete(
    name: StudyArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    foreign: Foreign = False,
    place: StudyPlace,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Delete a study with all of its trials.

    Asks first, and says what is lost. Refused while trials of it run. Files of best parameters and saved models stay.
    """
    from kallos_tune import delete_study, load_study, study_cost

    from .. import logs

    config = place.databases.studies
    logs.tame_optuna()
    cost = study_cost(load_study(config, name, optuna_schema=place.schema))
    if not yes and (cost.by_kallos or foreign):
        ask(f"delete study {name} from {config}, {_lost(cost)}?", command="study delete", nothing="nothing was deleted")
    cost = delete_study(config, name, optuna_schema=place.schema, foreign=foreign, wait_seconds=database_wait)
    if json:
        output.show_json(cost.to_dict())
        return
    output.show(f"study {name} is deleted, {_lost(cost)}")


def _lost(cost: "StudyCost") -> str:
    others = sum(cost.n_trials.values()) - cost.n_finished
    more = f" and {count(others, 'other')}" if others else ""
    return f"with {count(cost.n_finished, 'finished trial')}{more}, {duration(cost.seconds)} of computing"
