"""``kallos-run study reap``: abandon the trials of workers that are gone."""

from typing import Annotated

import typer

from .. import command_line, output
from ..options import Debug, Json, StudyArgument
from ..setting_options import GRACE_SECONDS
from ..study_place import StudyPlace, takes_studies

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study reap gru_btc\n\n"
    "kallos-run study reap gru_btc --grace-seconds 0 --db-url postgresql://me@localhost/prices"
)


@takes_studies
def reap(
    name: StudyArgument,
    *,
    grace_seconds: Annotated[
        float,
        typer.Option(
            "--grace-seconds",
            min=0,
            metavar="SECONDS",
            help="Abandon trials that gave no sign of life for longer. Workers give one every 15 seconds; 0 abandons "
            "every running trial, healthy or not.",
        ),
    ] = GRACE_SECONDS,
    place: StudyPlace,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Abandon the trials of workers that are gone.

    They are recorded as abandoned and their parameters requeued. Every worker does the same before its next trial, so
    this is for those who cannot wait for one. A worker that turns out to be healthy drops the result of that trial.
    """
    from kallos_tune import abandoned_trial, load_study, reap_study, running_trials

    from .. import logs

    config = place.databases.studies
    logs.tame_optuna()
    with logs.silent("kallos_tune"):
        numbers = reap_study(config, name, optuna_schema=place.schema, grace_seconds=grace_seconds)
    study = load_study(config, name, optuna_schema=place.schema)
    abandoned = [abandoned_trial(study, number) for number in numbers]
    running = running_trials(study)
    if json:
        output.show_json({"study_name": name, "abandoned": abandoned, "running": running})
        return
    for facts in abandoned:
        after = "its parameters run again" if facts["runs_again"] else "it is not tried again"
        output.show(f"trial {facts['trial']} of {facts['worker'] or 'an unknown worker'} {facts['reason']}; {after}")
    if not abandoned:
        output.show(f"no trial without a sign of life for {grace_seconds:g} s; {len(running)} running")
        return
    output.say_commands(
        "running workers take them up; if there are none, resume the study with the command that began it",
        *command_line.needed_first(place.databases),
        command_line.with_storage(["study", "show", name], place.databases, place.schema),
    )
