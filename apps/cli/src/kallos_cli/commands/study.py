"""``kallos-run study``: what there is, what it found, and the upkeep of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from .. import command_line, output
from ..options import Debug, Json, StudyArgument
from ..study_place import StudyPlace, takes_studies
from . import best, copy, delete, export, reap, rename, report, rerun

if TYPE_CHECKING:
    from kallos_tune import StudySummary

LIST_EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study list\n\n"
    "kallos-run study list --db-url postgresql://me@localhost/prices --optuna-schema studies --json"
)
SHOW_EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study show gru_btc\n\n"
    "kallos-run study show gru_btc --db-url sqlite:///prices.db --json"
)

_ALWAYS: Final = ("complete", "pruned", "failed", "running")

app = typer.Typer(
    no_args_is_help=True,
    help="List, show, report, export, rename, copy and delete studies, run a trial again, abandon stale trials.",
    epilog="[bold]Examples[/bold]\n\nkallos-run study list\n\nkallos-run study show gru_btc\n\n"
    "kallos-run study report gru_btc\n\nkallos-run study rerun gru_btc\n\nkallos-run study reap gru_btc",
)


@app.command("list", epilog=LIST_EXAMPLES)
@takes_studies
def list_studies(
    *,
    place: StudyPlace,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """List the studies of a database: model, asset, target, trials, best and naive score, verdict."""
    from kallos_tune import study_summaries

    config = place.databases.studies
    rows = [_row(summary) for summary in study_summaries(config, optuna_schema=place.schema)]
    if json:
        output.show_json({"database": str(config), "optuna_schema": place.schema, "studies": rows})
        return
    if not rows:
        output.say(f"there is no study in {config}: create one with {command_line.of_program('tune')}")
        return
    # What happened to none of them needs no column.
    counts = [word for word in rows[0]["n_trials"] if word in _ALWAYS or any(row["n_trials"][word] for row in rows)]
    header = ["study", "model", "asset", "target", *counts, "metric", "best", "naive", "verdict"]
    output.show_table(header, [_cells(row, counts) for row in rows])
    if any(not row["by_kallos"] for row in rows):
        output.show("(other): a study that was not made by Kallos")


@app.command("show", epilog=SHOW_EXAMPLES)
@takes_studies
def show_study(
    name: StudyArgument,
    *,
    place: StudyPlace,
    json: Json = False,
    _debug: Debug = False,
) -> None:
    """Show one study: what it is about, folds, search space, trials and who runs which, best parameters, verdict."""
    from kallos_tune import current_definition, load_study, running_trials, study_result, trial_counts, trials_table

    from .. import logs, results

    config = place.databases.studies
    study = load_study(config, name, optuna_schema=place.schema)
    logs.tame_optuna()
    definition = current_definition(study.user_attrs)
    result = study_result(study) if definition is None or trial_counts(study)["complete"] else None
    if json:
        facts = result.to_dict() if result else {"study_name": name, "definition": definition}
        facts |= {"n_trials": trial_counts(study)}
        output.show_json(facts | {"trials": trials_table(study).to_dicts(), "running": running_trials(study)})
        return
    assert definition is not None, "there is no result of a study that was not made by Kallos"
    _show_definition(name, definition)
    results.show_running(study)
    results.show_trials(study)
    if result is None:
        output.show("no trial is complete yet")
        results.show_verdict(study)
        return
    results.show_folds(result)
    results.show_best(result)
    output.show()
    results.show_verdict(study)


# The help lists them in the order of use.
app.command("best", epilog=best.EXAMPLES)(best.best)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("rerun", epilog=rerun.EXAMPLES)(rerun.rerun)
app.command("reap", epilog=reap.EXAMPLES)(reap.reap)
app.command("rename", epilog=rename.EXAMPLES)(rename.rename)
app.command("copy", epilog=copy.EXAMPLES)(copy.copy)
app.command("delete", epilog=delete.EXAMPLES)(delete.delete)


def _row(summary: "StudySummary") -> dict[str, Any]:
    from kallos_tune import current_definition, naive_score_of, score_name_of, stored_verdict

    verdict = stored_verdict(summary.user_attributes)
    definition = current_definition(summary.user_attributes) or {}
    return {
        "study_name": summary.name,
        "by_kallos": bool(definition),
        "model_name": definition.get("model_name"),
        "asset_id": definition.get("asset_id"),
        "target_col": definition.get("target_col"),
        "n_trials": dict(summary.n_trials),
        "metric": score_name_of(definition["metric"], definition["likelihood"]) if definition else None,
        "best_score": summary.best_score if definition else None,
        "naive_score": naive_score_of(summary.user_attributes),
        "verdict": None if verdict is None else verdict.conclusion,
    }


def _cells(row: dict[str, Any], counts: Sequence[str]) -> list[object]:
    model = row["model_name"] if row["by_kallos"] else "(other)"
    return [
        row["study_name"],
        model,
        row["asset_id"],
        row["target_col"],
        *(row["n_trials"][word] for word in counts),
        row["metric"],
        row["best_score"],
        row["naive_score"],
        row["verdict"],
    ]


def _show_definition(name: str, definition: dict[str, Any]) -> None:
    from kallos_tune import LEARNT, folds_table, space_table

    facts: dict[str, object] = {
        "study": name,
        "model": definition["model_name"],
        "asset": f"{definition['asset_id']}, {definition['first'][:10]} to {definition['last'][:10]}",
        "target": definition["target_col"],
        "learnt": f"its {LEARNT[definition['target_transform']]}",
        "tables": ", ".join(filter(None, (definition["market_table"], definition["indicators_table"]))),
    }
    facts |= {group: ", ".join(columns) for group, columns in definition["feature_groups"].items()}
    if definition["likelihood"] == "quantile":
        facts |= {"forecasts": "quantiles, scored by their pinball loss"}
    else:
        facts |= {"metric": definition["metric"]}
    facts |= {key: definition[key] for key in ("forecast", "window", "purge", "max_epochs", "patience")}
    facts |= {key: definition[key] for key in ("seed", "sampler", "pruner", "data_hash") if key in definition}
    output.show_facts(facts)
    for table in (folds_table(definition["folds"]), space_table(definition["search_space"])):
        output.show_table(table.header, table.rows, title=table.title)
