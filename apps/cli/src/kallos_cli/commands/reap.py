"""``kallos-run study reap``: give up the trials of workers that are gone."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, output
from ..options import DEFAULT_DB_URL, DbUrl, Debug, Json, OptunaSchema

if TYPE_CHECKING:
    import optuna

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study reap gru_btc\n\n"
    "kallos-run study reap gru_btc --grace-seconds 0 --db-url postgresql://me@localhost/prices"
)


def reap(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")],
    *,
    grace_seconds: Annotated[
        float,
        typer.Option(
            "--grace-seconds",
            min=0,
            metavar="SECONDS",
            help="Give up trials without a sign of life for longer. Workers give one every 15 seconds; 0 gives up all "
            "that run, also those that are well.",
        ),
    ] = 120.0,
    db_url: DbUrl = DEFAULT_DB_URL,
    optuna_schema: OptunaSchema = None,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Give up the trials of workers that are gone.

    They are recorded as failed and their parameters queued to run again, as every worker does before its next trial. A
    worker that is well after all goes on, and drops the result of its trial.
    """
    from kallos_data import DatabaseConfig
    from kallos_tune import load_study, reap_study

    from .. import logs, results

    config = DatabaseConfig.of(db_url)
    logs.tame_optuna()
    with logs.silent("kallos_tune"):
        numbers = reap_study(config, name, optuna_schema=optuna_schema, grace_seconds=grace_seconds)
    study = load_study(config, name, optuna_schema=optuna_schema)
    given_up = [_facts(study, number) for number in numbers]
    running = results.running_facts(study)
    if json:
        output.show_json({"study_name": name, "given_up": given_up, "running": running})
        return
    for facts in given_up:
        after = "its parameters run again" if facts["runs_again"] else "it is not tried again"
        output.show(f"trial {facts['trial']} of {facts['worker'] or 'an unknown worker'} {facts['reason']}; {after}")
    if not given_up:
        output.show(f"no trial without a sign of life for {grace_seconds:g} s; {len(running)} running")
        return
    output.say("workers that run take them up; where none does, go on with the kallos-run tune command of the study")
    output.say(f"  {command_line.with_storage(['study', 'show', name], config, optuna_schema)}")


def _facts(study: "optuna.Study", number: int) -> dict[str, Any]:
    from kallos_tune.trial_attributes import FAILURE, RETRY_OF, WORKER

    trials = study.get_trials(deepcopy=False)
    attributes = trials[number].user_attrs
    again = any(number in trial.user_attrs.get(RETRY_OF, []) for trial in trials)
    return {"trial": number, "worker": attributes.get(WORKER), "reason": attributes.get(FAILURE), "runs_again": again}
