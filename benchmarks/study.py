"""A study end to end: the literal pipeline, Kallos with one worker and no pruning, Kallos as it ships.

The literal pipeline is what one writes by hand: load, split, scale, build series, train with Darts and Lightning,
predict, all in the objective, in one process with torch's default threads. It runs the very trials that Kallos without
pruning drew, with the same seeds: the fold scores of the two must agree within the noise of floating-point sums. The
best parameters of each are then fitted as on the last fold and scored on a period that no study saw. One study more or
less lucky says little of what pruning costs: with ``--seeds`` further studies are run with and without it. Two
times are compared: that of all trials, and that to the same score, the worse of two studies' best, which both reached.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import polars as pl
import pytorch_lightning
import torch
from darts import TimeSeries
from darts.models.forecasting.block_rnn_model import BlockRNNModel
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from kallos_data import (
    calculate_dynamic_wf_kwargs,
    get_walk_forward_splits,
    load_features_from_db,
    prepare_darts_timeseries,
)
from kallos_models import fit_forecaster, forecast_rolling, quiet_lightning
from kallos_tune import TuningSettings, run_tuning
from kallos_tune.report import trial_counts
from kallos_tune.search_space import suggest

from ._market import ASSET, TARGET, Market, small_space
from ._measuring import print_table, write_results

HOLD_OUT_STEPS = 180
Params = Mapping[str, int | float]


def main(
    results_file: Path,
    quick: bool,  # noqa: FBT001 - called by name
    *,
    csv: Path | None = None,
    steps: int | None = None,
    trials: int | None = None,
    seeds: int = 1,
    whole: bool = False,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    n_trials = 2 if quick else (trials or 100)
    settings = TuningSettings.of(max_epochs=40)
    if quick:
        settings = settings.changed(max_epochs=1, target_folds=2)
    if not whole:
        settings = settings.changed(space=small_space(32 if quick else 64))
    cores = len(os.sched_getaffinity(0))
    in_full = {"kallos, 1 worker, no pruning": 1, f"kallos, {cores} workers, no pruning": cores}
    shipped = f"kallos as it ships, {cores} workers"
    with tempfile.TemporaryDirectory() as folder:
        market = Market.ingest(Path(folder), csv, 420 if quick else steps, HOLD_OUT_STEPS)
        columns: dict[str, dict[str, Any]] = {}
        repeated: list[optuna.Study] = []
        # Workers' imports, like those of this process, are in no time.
        tune(market, "imports", cores, settings.changed(max_epochs=1, workers=cores))
        # Over the whole space one worker takes half an hour, and says nothing that small models
        # do not; nor do more seeds.
        for name, workers in list(in_full.items())[int(whole or seeds > 1) :]:
            study, seconds = tune(market, name, n_trials, settings.changed(pruner="none", workers=workers))
            repeated.append(study)
            columns[name] = tell(name, facts(study, seconds, market, settings))
        study, seconds = tune(market, shipped, n_trials, settings.changed(workers=cores))
        columns[shipped] = tell(shipped, facts(study, seconds, market, settings))
        literal, seconds = run_literally(market, repeated[0], settings)
        columns["literal"] = tell("literal", facts(literal, seconds, market, settings))
        pruning = {"seed 0": cost_of_pruning(columns["literal"], columns[shipped])}
        pruning["seed 0"]["times as fast to the same score"] = to_the_same_score(literal, study)
        tell("seed 0", pruning["seed 0"])
        for seed in range(1, seeds):
            changed = settings.changed(workers=cores, seed=seed)
            pruning[f"seed {seed}"] = tell(f"seed {seed}", study_pruning(market, n_trials, changed))
    for column in columns.values():
        column["times as fast"] = round(columns["literal"]["seconds"] / column["seconds"], 2)
    print_table(f"A study of {n_trials} trials of gru", columns)
    agreement = compare_folds(literal, repeated[0])
    print(f"fold scores, literal against the same trials of kallos: relative difference {agreement}")
    print_table("As it ships against every trial in full (the literal pipeline, then further seeds)", pruning)
    packages = ("darts", "optuna", "pytorch-lightning", "torch")
    write_results(results_file, {"studies": columns, "agreement": agreement, "pruning": pruning}, packages)


def tell(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Print what a study came to, since the table comes at the end of hours."""
    print(f"{name}: {facts}", flush=True)
    return facts


def compare_folds(one: optuna.Study, other: optuna.Study) -> dict[str, float]:
    """Return by how much the scores of the same folds of the same trials differ, relatively."""
    differences = [
        abs(left / right - 1)
        for mine, theirs in zip(one.trials, other.trials, strict=True)
        for left, right in zip(mine.user_attrs["fold_scores"], theirs.user_attrs["fold_scores"], strict=True)
    ]
    return {"median": statistics.median(differences), "most": max(differences)}


def study_pruning(market: Market, n_trials: int, settings: TuningSettings) -> dict[str, Any]:
    """Run a study with every trial in full and one as it ships, and compare them."""
    studies, told = [], []
    for pruner in ("none", "halving"):
        each = settings.changed(pruner=pruner)
        study, seconds = tune(market, f"{pruner} {settings.training.seed}", n_trials, each)
        studies.append(study)
        told.append(facts(study, seconds, market, each))
    return cost_of_pruning(*told) | {"times as fast to the same score": to_the_same_score(*studies)}


def to_the_same_score(slow: optuna.Study, fast: optuna.Study) -> float:
    """Return how many times as fast one study is as another to the worse of their best scores."""
    score = max(slow.best_value, fast.best_value)
    return round(seconds_to(score, slow) / seconds_to(score, fast), 2)


def seconds_to(score: float, study: optuna.Study) -> float:
    """Return how long after its first trial began a study had a trial that is as good."""
    began = min(trial.datetime_start for trial in study.trials)
    ends = [trial.datetime_complete for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
            if trial.value <= score]  # fmt: skip
    return (min(ends) - began).total_seconds()


def cost_of_pruning(in_full: dict[str, Any], shipped: dict[str, Any]) -> dict[str, Any]:
    return {
        "times as fast": round(in_full["seconds"] / shipped["seconds"], 2),
        "best score worse by, %": round(100 * (shipped["best score"] / in_full["best score"] - 1), 2),
        "held-out error worse by, %": round(
            100 * (shipped["its error held out"] / in_full["its error held out"] - 1), 2
        ),
    }


def tune(market: Market, name: str, n_trials: int, settings: TuningSettings) -> tuple[optuna.Study, float]:
    started = time.perf_counter()
    study = run_tuning(
        ASSET, market.end_date, market.config, None, "gru", name, TARGET, market.groups, n_trials, settings=settings
    )
    return study, time.perf_counter() - started


def run_literally(market: Market, other: optuna.Study, settings: TuningSettings) -> tuple[optuna.Study, float]:
    study = optuna.create_study(direction="minimize")
    for trial in other.trials:
        study.enqueue_trial(trial.params)
    threads = torch.get_num_threads()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    started = time.perf_counter()

    def tell_progress(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:  # noqa: ARG001 - Optuna's own
        done, of = trial.number + 1, len(other.trials)
        if done % 10 == 0:
            print(f"literal: {done} of {of} trials after {time.perf_counter() - started:.0f} s", flush=True)

    with quiet_lightning():
        objective = partial(literal_objective, market=market, settings=settings)
        study.optimize(objective, n_trials=len(other.trials), callbacks=[tell_progress])
    seconds = time.perf_counter() - started
    torch.set_num_threads(threads)
    return study, seconds


def literal_objective(trial: optuna.Trial, market: Market, settings: TuningSettings) -> float:
    params = suggest(trial, settings.search.space)
    frame = load_features_from_db(ASSET, market.end_date, market.config)
    windows = calculate_dynamic_wf_kwargs(frame, target_folds=settings.folds.target_folds, min_train_length=140)
    scores = [
        literal_fold(train, val, params, market, settings) for train, val in get_walk_forward_splits(frame, **windows)
    ]
    trial.set_user_attr("fold_scores", scores)
    return statistics.mean(scores)


def literal_fold(
    train: pl.DataFrame, val: pl.DataFrame, params: Mapping[str, Any], market: Market, settings: TuningSettings
) -> float:
    fold = prepare_darts_timeseries(train, val, TARGET, market.groups)
    look_back = params["input_chunk_length"]
    target, covariates = fold.train_series()
    val_target, val_covariates = fold.val_series(look_back)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = ModelCheckpoint(dirpath=folder, monitor="val_loss", mode="min")
        trainer = pytorch_lightning.Trainer(
            max_epochs=settings.training.max_epochs,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[EarlyStopping("val_loss", patience=settings.training.patience), checkpoint],
        )
        model = BlockRNNModel(
            model="GRU",
            input_chunk_length=look_back,
            output_chunk_length=1,
            hidden_dim=params["hidden_dim"],
            n_rnn_layers=params["n_rnn_layers"],
            dropout=params["dropout"] if params["n_rnn_layers"] > 1 else 0.0,
            batch_size=params["batch_size"],
            optimizer_kwargs={"lr": params["learning_rate"]},
            random_state=settings.training.seed,
            force_reset=True,
        )
        model.fit(
            target,
            past_covariates=covariates,
            val_series=val_target,
            val_past_covariates=val_covariates,
            trainer=trainer,
        )
        weights = torch.load(checkpoint.best_model_path, weights_only=False)["state_dict"]
        model.model.load_state_dict(weights)
    origins = range(fold.val_start, len(fold.target))

    def look_backs(series: TimeSeries) -> list[TimeSeries]:
        return [series[origin - look_back : origin] for origin in origins]

    forecasts = model.predict(
        n=1, series=look_backs(fold.target), past_covariates=look_backs(fold.covariates), verbose=False
    )
    forecast = np.concatenate([fold.to_target_unit(each) for each in forecasts])
    return float(np.sqrt(np.mean((forecast - fold.actual) ** 2)))


def facts(study: optuna.Study, seconds: float, market: Market, settings: TuningSettings) -> dict[str, Any]:
    counts = trial_counts(study)
    return {
        "seconds": round(seconds, 1),
        "complete": counts["complete"],
        "pruned": counts["pruned"],
        "best score": round(study.best_value, 6),
        "its error held out": round(hold_out_error(market, study.best_params, settings), 6),
    }


def hold_out_error(market: Market, params: Params, settings: TuningSettings) -> float:
    """Return the error on the steps after the study's end: trained before the last fold, stopped by that fold."""
    data = market.study_data(settings)
    train, val = data.splits[-1]
    later = market.whole_frame().filter(pl.col("timestamp") > val["timestamp"][-1])
    look_back = int(params["input_chunk_length"])
    last = prepare_darts_timeseries(train, val, TARGET, market.groups)
    target, covariates = last.train_series()
    val_target, val_covariates = last.val_series(look_back)
    fit = fit_forecaster(
        "gru", params, target, covariates, val_target=val_target, val_past_covariates=val_covariates,
        settings=settings.training,
    )  # fmt: skip
    # Scaled on the same training window: the validation window and the held-out steps follow it.
    onward = prepare_darts_timeseries(train, pl.concat([val, later]), TARGET, market.groups)
    series = onward.val_series(look_back)
    forecast = onward.rolling_to_target_unit(forecast_rolling(fit.model, *series)[:, 0, 0])
    missed = (forecast - onward.actual)[-len(later) :]
    return float(np.sqrt(np.mean(missed**2)))
