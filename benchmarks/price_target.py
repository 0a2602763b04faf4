"""A price as target against its log return: what a study of each finds, as errors of the price.

On markets with a planted signal the study of ``close`` must find nearly what that of ``log_return`` finds; on random
walks it must not be much worse than yesterday's price. With ``target_transform="none"`` it learns the price itself,
as it once did. Forecasts are those that the best trial keeps of each fold at its best epoch, the search's own view: it
compares the targets with one another, and says nothing of what a model is worth.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna

from kallos_data import DatabaseConfig, default_feature_groups, ingest_frame, load_features_from_db, simulate_market
from kallos_tune import StudyData, TuningSettings, load_study_data, tune_on
from kallos_tune.evaluation.forecast_record import forecast_from_text
from kallos_tune.trial_attributes import FORECASTS

from ._market import small_space
from ._measuring import print_table, write_results

SIGNAL = 0.3
STUDIES = {"log_return": ("log_return", "auto"), "close": ("close", "auto"), "close as it is": ("close", "none")}


def main(
    results_file: Path,
    quick: bool,  # noqa: FBT001 - called by name
    *,
    trials: int | None = None,
    seeds: int = 3,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    n_trials, n_steps, n_seeds = (2, 420, 1) if quick else (trials or 12, 880, seeds)
    settings = TuningSettings.of(max_epochs=2 if quick else 30, space=small_space(48), target_folds=2 if quick else 5)
    columns = {
        f"{name} {seed}": skills_on_market(signal, seed, n_steps, n_trials, settings)
        for name, signal in {"signal 0.3, seed": SIGNAL, "random walk, seed": 0.0}.items()
        for seed in range(1, n_seeds + 1)
    }
    print_table(f"Error of the price below yesterday's price, %; best of {n_trials} trials", columns)
    write_results(results_file, {"trials": n_trials, "steps": n_steps, "skill": columns}, ("darts", "torch"))


def skills_on_market(
    signal: float, seed: int, n_steps: int, n_trials: int, settings: TuningSettings
) -> dict[str, float]:
    """Tune each target on one market and return its skill against yesterday's price, as errors of the price, in %."""
    with tempfile.TemporaryDirectory() as folder:
        config = DatabaseConfig.of(f"sqlite:///{folder}/market.db")
        last = ingest_frame(simulate_market(n_steps, signal=signal, seed=seed), "M", config).last.date().isoformat()
        frame = load_features_from_db("M", last, config)
        # The same features for each, the log return among them where it is not the target.
        groups = default_feature_groups(frame.columns, "log_return")
        found: dict[str, float] = {}
        for name, (target, transform) in STUDIES.items():
            data = load_study_data(
                "M", last, config, target, groups, settings=settings.changed(target_transform=transform)
            )
            study = tune_on(data, "gru", name, n_trials, config)
            found[name] = round(100 * skill_of_prices(study, data, replace_target(data, "close")), 2)
            print(f"signal {signal}, seed {seed}, {name}: {found[name]} %", flush=True)
    return found


def replace_target(data: StudyData, target_col: str) -> StudyData:
    """Return the same folds with another target, of which the changes are learnt."""
    return replace(data, target_col=target_col, target_transform="log_difference")


def skill_of_prices(study: optuna.Study, data: StudyData, prices: StudyData) -> float:
    """Return the skill of a study's best trial over the mean of its folds, as RMSE of the price."""
    texts: list[str] = study.best_trial.user_attrs[FORECASTS]
    errors, naive_errors = [], []
    for text, price in zip(texts, prices.targets, strict=True):
        forecast = forecast_from_text(text)
        known, actual = price.known[price.val_start :], price.values[price.val_start :]
        if data.target_col == "log_return":
            forecast = known * np.exp(forecast)
        errors.append(np.sqrt(np.mean((forecast - actual) ** 2)))
        naive_errors.append(np.sqrt(np.mean((known - actual) ** 2)))
    return float(1 - np.mean(errors) / np.mean(naive_errors))
