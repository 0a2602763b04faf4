"""``kallos-run tune``: a study from the database to its best parameters."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .. import command_line, options, output
from ..default_workers import room_for_workers
from ..feature_groups import choose_feature_groups, read_feature_groups
from ..output_path import require_writable

if TYPE_CHECKING:
    import optuna

    from kallos_data import DatabaseConfig

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
_VALIDATION = "Validation"
_TRAINING = "Training"


def tune(
    *,
    asset_id: options.AssetId,
    end_date: options.EndDate,
    study_name: Annotated[
        str,
        typer.Option(
            "--study-name",
            metavar="NAME",
            callback=options.not_blank,
            help="Name of the study in its database. An existing one is gone on with.",
        ),
    ],
    model_name: options.ModelName = "gru",
    target_col: Annotated[
        str, typer.Option("--target-col", metavar="COLUMN", help="Column to forecast, one step ahead.")
    ] = "log_return",
    n_trials: Annotated[
        int,
        typer.Option(
            "--n-trials",
            min=1,
            metavar="N",
            help="Finished trials that the study shall have; only missing ones are run.",
        ),
    ] = 50,
    start_date: options.StartDate = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="FILE",
            rich_help_panel=options.DATA_PANEL,
            help="TOML file: volume_features, bounded_features, unbounded_features, roc_features and "
            "log_return_features as keys, lists of columns as values. Default: the known columns that the tables have.",
        ),
    ] = None,
    market_table: options.MarketTable = "daily_market_data",
    indicators_table: options.IndicatorsTable = "daily_technical_indicators",
    no_indicators: Annotated[
        bool,
        typer.Option("--no-indicators", rich_help_panel=options.DATA_PANEL, help="Read the market table alone."),
    ] = False,
    max_gap: Annotated[
        int,
        typer.Option(
            "--max-gap",
            metavar="N",
            min=0,
            rich_help_panel=options.DATA_PANEL,
            help="Longest run of missing steps that is filled forward; a longer one is an error.",
        ),
    ] = 7,
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=2,
            metavar="N",
            rich_help_panel=_VALIDATION,
            help="Walk-forward folds; fewer where the history is short.",
        ),
    ] = 5,
    val_share: Annotated[
        float,
        typer.Option(
            "--val-share",
            metavar="X",
            rich_help_panel=_VALIDATION,
            help="Share of the history, between 0 and 1, that the validation windows together cover.",
        ),
    ] = 0.3,
    purge: Annotated[
        int,
        typer.Option(
            "--purge",
            metavar="N",
            min=0,
            rich_help_panel=_VALIDATION,
            help="Steps that the target looks ahead: as many are dropped between training and validation.",
        ),
    ] = 0,
    window: Annotated[
        Literal["expanding", "rolling"],
        typer.Option(
            "--window",
            rich_help_panel=_VALIDATION,
            help="Whether training starts at the first step in every fold, or moves along.",
        ),
    ] = "expanding",
    forecast: Annotated[
        Literal["rolling", "recursive"],
        typer.Option(
            "--forecast",
            rich_help_panel=_VALIDATION,
            help="Each step from what was known the step before, or the whole window at once.",
        ),
    ] = "rolling",
    metric: Annotated[
        Literal["rmse", "mae"],
        typer.Option("--metric", rich_help_panel=_VALIDATION, help="Error of a fold, in the target's own unit."),
    ] = "rmse",
    max_epochs: Annotated[
        int,
        typer.Option(
            "--max-epochs", min=1, metavar="N", rich_help_panel=_TRAINING, help="Epochs of a training at most."
        ),
    ] = 100,
    patience: Annotated[
        int,
        typer.Option(
            "--patience",
            min=1,
            metavar="N",
            rich_help_panel=_TRAINING,
            help="Epochs without improvement after which it ends.",
        ),
    ] = 5,
    device: Annotated[
        Literal["cpu", "cuda", "mps", "auto"],
        typer.Option(
            "--device",
            rich_help_panel=_TRAINING,
            help="Where models are trained; auto takes a GPU where torch sees one.",
        ),
    ] = "cpu",
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=2**32 - 1,
            rich_help_panel=options.SEARCH_PANEL,
            help="Same seed, same study, where there is one worker.",
        ),
    ] = 0,
    sampler: Annotated[
        Literal["tpe", "random"],
        typer.Option("--sampler", rich_help_panel=options.SEARCH_PANEL, help="Parzen estimator, or random search."),
    ] = "tpe",
    pruner: Annotated[
        Literal["halving", "none"],
        typer.Option(
            "--pruner",
            rich_help_panel=options.SEARCH_PANEL,
            help="Which trials are given up before their last fold: those not among the better half of all that got "
            "as far, early in the first fold and after each; or none.",
        ),
    ] = "halving",
    workers: options.Workers = None,
    engine: options.Engine = "processes",
    ray_address: options.RayAddress = None,
    cpus_per_worker: options.CpusPerWorker = 1.0,
    gpus_per_worker: options.GpusPerWorker = 0.0,
    resume: Annotated[
        Literal["same", "force", "never"],
        typer.Option(
            "--resume",
            rich_help_panel=options.SEARCH_PANEL,
            help="Go on with an existing study if it is about the same, even if --max-epochs, --patience, --seed, "
            "--sampler or --pruner differ, or never.",
        ),
    ] = "same",
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    optuna_schema: options.OptunaSchema = None,
    database_wait: Annotated[
        float,
        typer.Option(
            "--database-wait",
            min=0,
            metavar="SECONDS",
            rich_help_panel=options.STORAGE_PANEL,
            help="How long a database that goes away during the work is waited for.",
        ),
    ] = 600.0,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Where to write the best parameters. Default: STUDY_best_params.json in the current folder.",
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Search the hyperparameters of a model by walk-forward validation.

    Every trial trains and scores one set of hyperparameters on each fold. A study that was stopped goes on where it
    stopped; one that is full returns at once. Ctrl-C keeps what is finished. The same command, started as often as
    you like and on other machines with one PostgreSQL, works on the same study: together they finish exactly N trials.
    """
    from .. import logs

    if quiet:
        logs.only_warnings()
    destination = output_file or Path(f"{study_name}_best_params.json")
    require_writable(destination, option="--output")
    groups = read_feature_groups(features, target_col) if features else None
    from kallos_data import DatabaseConfig, FeatureTables
    from kallos_tune import TuningSettings
    from kallos_tune.trial_attributes import n_finished

    from ..run_study import Order, run

    config = DatabaseConfig.of(db_url)
    settings = TuningSettings(
        forecast=forecast,
        metric=metric,
        target_folds=folds,
        val_share=val_share,
        purge=purge,
        window=window,
        max_epochs=max_epochs,
        patience=patience,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        resume=resume,
        start_date=start_date,
        tables=FeatureTables(market=market_table, indicators=None if no_indicators else indicators_table),
        max_gap=max_gap,
        device=device,
        workers=workers or 1,
        engine=engine,
        ray_address=ray_address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        database_wait_seconds=database_wait,
    )
    if workers is None:
        settings = replace(settings, workers=room_for_workers(settings))
    if groups is None:
        groups = choose_feature_groups(asset_id, end_date, config, target_col, settings)
        _say_groups(groups, quiet=quiet)
    logs.tame_optuna()
    order = Order(
        asset_id=asset_id,
        end_date=end_date,
        config=config,
        optuna_schema=optuna_schema,
        model_name=model_name,
        study_name=study_name,
        target_col=target_col,
        feature_groups=groups,
        n_trials=n_trials,
        settings=settings,
    )
    study, n_run = run(order, quiet=quiet, again=command_line.this_again(config))
    _finish(study, n_run, destination, json=json)
    if not quiet:
        _say_next(study_name, config, optuna_schema, max(n_trials, n_finished(study)))


def _finish(study: "optuna.Study", n_run: int, destination: Path, *, json: bool) -> None:
    from kallos_tune import study_result, write_best_params

    from .. import results

    result = study_result(study)
    write_best_params(study, destination)
    if json:
        found: dict[str, Any] = result.to_dict()
        output.show_json(found | {"n_run": n_run, "output": str(destination.resolve())})
        return
    results.show_trials(study, most=5)
    results.show_best(result)
    output.show(f"written to {destination}")


def _say_groups(groups: dict[str, list[str]], *, quiet: bool) -> None:
    if quiet:
        return
    output.say("features, chosen from the columns that the history has:")
    for group, columns in groups.items():
        output.say(f"  {group}: {', '.join(columns)}")


def _say_next(study_name: str, config: "DatabaseConfig", optuna_schema: str | None, n_trials_so_far: int) -> None:
    output.say("Next, look closer, or run more trials:")
    output.say(f"  {command_line.with_storage(['study', 'show', study_name], config, optuna_schema)}")
    output.say(f"  {command_line.this_again(config, n_trials=2 * n_trials_so_far)}")
