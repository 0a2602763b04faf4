"""``kallos-run tune``: a study from the database to its best parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, options, output
from ..databases import Databases
from ..default_workers import room_for_workers
from ..errors import EXIT_NO_EVIDENCE
from ..feature_groups import chosen_feature_groups
from ..output_path import require_writable
from ..search_spaces import chosen_space
from ..setting_options import takes_settings
from ..wording import count

if TYPE_CHECKING:
    import optuna

    from kallos_data import DatabaseConfig, FeatureTables

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --model-name gru --study-name gru_btc --n-trials 50\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --study-name gru_close --target-col close "
    "--features groups.toml\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --study-name gru_btc "
    "--db-url postgresql://me@localhost/prices --optuna-schema studies --json > best.json\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --study-name gru_btc --engine ray --gpus-per-worker 0.25 "
    "--device cuda\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --study-name gru_btc --workers 1 --seed 7\n\n"
    'A file of feature groups has lines like: volume_features = \\["volume", "trades"]'
)


@takes_settings
def tune(
    *,
    asset_id: options.AssetId,
    end_date: options.EndDate,
    study_name: options.StudyName,
    model_name: options.ModelName = "gru",
    target_col: options.TargetCol = "log_return",
    n_trials: options.NTrials = 50,
    features: options.Features = None,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    no_indicators: options.NoIndicators = False,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    settings: dict[str, Any],
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    studies_url: options.StudiesUrl = None,
    optuna_schema: options.OptunaSchema = None,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Where to write the best parameters. Default: STUDY_best_params.json in the current folder.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Show data, folds, search space and how long the study will take, by timing a few batches; nothing is "
            "written.",
        ),
    ] = False,
    require_evidence: Annotated[
        bool,
        typer.Option(
            "--require-evidence",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Exit with 3 unless the verdict is that the models beat every naive forecast; for pipelines.",
        ),
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Search the hyperparameters of a model by walk-forward validation.

    Every trial trains and scores one set of hyperparameters on each fold. A study that was stopped is resumed where it
    stopped; one that has its N finished trials returns at once. Ctrl-C keeps what is finished. The same command may be
    started several times, also on other machines that reach the same PostgreSQL: together they finish exactly N trials.
    """
    from .. import logs

    if quiet:
        logs.only_warnings()
    destination = output_file or Path(f"{study_name}_best_params.json")
    require_writable(destination, option="--output")
    groups = chosen_feature_groups(features, target_col)
    settings |= chosen_space(model_name)
    from kallos_data import FeatureTables
    from kallos_tune import TuningSettings, check_request, load_study_data, n_finished, stored_verdict

    from ..run_study import Request, run

    databases = Databases.of(db_url, studies_url)
    config = databases.studies
    workers = settings.pop("workers")
    indicators = None if no_indicators else indicators_table or None
    tables = FeatureTables(market_table, indicators, id_column, timestamp_column)
    all_settings = TuningSettings.of(**settings, tables=tables)
    check_request(model_name, study_name, n_trials, config, optuna_schema, settings=all_settings)
    all_settings = all_settings.changed(workers=workers or room_for_workers(all_settings.run))
    data = load_study_data(asset_id, end_date, databases.prices or config, target_col, groups, settings=all_settings)
    if not quiet:
        if data.empty_columns:
            output.say(f"columns without any value are left out: {', '.join(data.empty_columns)}")
        if groups is None:
            _say_groups(data.feature_groups)
        _say_hold_out(asset_id, end_date, databases.prices or config, tables)
    logs.tame_optuna()
    request = Request(data, config, optuna_schema, model_name, study_name, n_trials)
    if dry_run:
        from ..dry_run import dry_run as tell

        tell(request, quiet=quiet, json=json, again=command_line.to_resume(databases))
        return
    study, n_run = run(request, quiet=quiet, again=command_line.to_resume(databases))
    shows = command_line.with_storage(["study", "show", study_name], databases.for_studies_alone, optuna_schema)
    _finish(study, n_run, destination, json=json, shows=shows)
    if not quiet:
        _say_next(study_name, databases, optuna_schema, max(n_trials, n_finished(study)))
    verdict = stored_verdict(study.user_attrs)
    if require_evidence and (verdict is None or verdict.conclusion != "beats"):
        raise typer.Exit(EXIT_NO_EVIDENCE)


def _finish(study: "optuna.Study", n_run: int, destination: Path, *, json: bool, shows: str) -> None:
    from kallos_tune import study_result, write_best_params

    from .. import results

    result = study_result(study)
    write_best_params(study, destination)
    if json:
        found: dict[str, Any] = result.to_dict()
        output.show_json(found | {"n_run": n_run, "output": str(destination.resolve())})
        return
    results.show_trials(study, most=5, shows_all=shows)
    results.show_best(result)
    output.show(f"written to {destination}")
    output.show()
    results.show_verdict(study)


def _say_hold_out(asset_id: str, end_date: str, config: "DatabaseConfig", tables: "FeatureTables") -> None:
    """Say how much is left that no study has seen, for a last test."""
    from kallos_data import DataQualityError, count_later_rows

    try:
        n_later = count_later_rows(asset_id, end_date, config, tables=tables)
    except DataQualityError as error:
        # What lies after the end need not even be readable.
        output.say(f"rows after {end_date} cannot be counted: {error}")
        return
    if n_later:
        output.say(f"{count(n_later, 'row')} after {end_date}: kept unseen, for a later test of what the study finds")
        return
    output.say(
        f"warning: no row lies after {end_date}, so none is left for a later test of what the study finds: end it "
        "earlier with --end-date",
        style="yellow",
    )


def _say_groups(groups: dict[str, list[str]]) -> None:
    output.say("features, chosen from the columns of the history:")
    for group, columns in groups.items():
        output.say(f"  {group}: {', '.join(columns)}")


def _say_next(study_name: str, databases: Databases, optuna_schema: str | None, n_trials_so_far: int) -> None:
    output.say_commands(
        "Next, look closer, train what was found (evaluate then judges it on later days), or run more trials:",
        *command_line.needed_first(databases),
        command_line.with_storage(["study", "report", study_name], databases.for_studies_alone, optuna_schema),
        command_line.with_storage(["train", "--study", study_name], databases, optuna_schema),
        command_line.this_again(databases, n_trials=2 * n_trials_so_far),
    )
