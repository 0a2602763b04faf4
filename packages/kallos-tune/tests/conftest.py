"""A small history in a SQLite file, a space of tiny models, and settings that train in a blink."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import forkserver

import numpy as np
import optuna
import polars as pl
import pytest
import sqlalchemy
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from kallos_data import FeatureTables, get_walk_forward_splits, prepare_darts_timeseries
from kallos_tune import (
    EpochFinished,
    ForecasterSettings,
    Recipe,
    TuningSettings,
    load_study,
    load_study_data,
    open_storage,
    run_tuning,
    train_forecaster,
)
from kallos_tune.evaluation.forecast_record import forecast_to_text
from kallos_tune.evaluation.pruning import rung_of_fold
from kallos_tune.events import ignore
from kallos_tune.study_definition import attributes_of_new_study
from kallos_tune.study_source import reading_of
from kallos_tune.study_verdict import keep_verdict
from kallos_tune.trial_attributes import FAILURE, FOLD_SCORES, FORECASTS, OUT_OF_SAMPLE

GROUPS = {"unbounded_features": ["signal"], "volume_features": ["volume"]}
TINY_SPACE = {
    "hidden_dim": IntDistribution(4, 8, log=True),
    "n_rnn_layers": IntDistribution(1, 1),
    "dropout": FloatDistribution(0.0, 0.2),
    "batch_size": CategoricalDistribution([32, 64]),
    "input_chunk_length": IntDistribution(4, 8),
    "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
}
TINY_PARAMS = {
    "hidden_dim": 6,
    "n_rnn_layers": 1,
    "dropout": 0.0,
    "batch_size": 32,
    "input_chunk_length": 5,
    "learning_rate": 5e-3,
}


def make_history(n_rows: int = 120, seed: int = 0) -> pl.DataFrame:
    """Return a target that follows yesterday's signal, the signal, and a volume that means nothing."""
    rng = np.random.default_rng(seed)
    start = datetime(2021, 1, 1, tzinfo=UTC)
    signal = rng.normal(size=n_rows)
    noise = rng.normal(size=n_rows)
    return pl.DataFrame(
        {
            "timestamp": pl.datetime_range(start, start + timedelta(days=n_rows - 1), "1d", eager=True),
            "ret": 0.02 * np.concatenate([[0.0], signal[:-1]]) + 0.005 * noise,
            "signal": signal,
            "volume": rng.lognormal(5, 1, n_rows),
        }
    )


@pytest.fixture
def groups() -> dict[str, list[str]]:
    return GROUPS


@pytest.fixture
def params() -> dict[str, int | float]:
    return TINY_PARAMS


@pytest.fixture
def history() -> pl.DataFrame:
    return make_history()


@pytest.fixture
def make_folds():
    """Return a function that cuts a history into folds of 30 steps as series."""

    def folds_of(history: pl.DataFrame, *, target_col="ret", target_transform="none", observed=None, **windows):
        splits = get_walk_forward_splits(history, **{"train_length": 60, "val_length": 30} | windows)
        return tuple(
            prepare_darts_timeseries(
                train, val, target_col, GROUPS, observed=observed, target_transform=target_transform
            )
            for train, val in splits
        )

    return folds_of


@pytest.fixture
def folds(make_folds, history):
    return make_folds(history)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def own_fork_server():
    """Stop the fork server after the tests of a file: it has loaded no models, and each worker of others would."""
    yield
    forkserver._forkserver._stop()


SETTINGS = TuningSettings.of(
    space=TINY_SPACE,
    max_epochs=2,
    patience=2,
    target_folds=2,
    tables=FeatureTables(market="history", indicators=None),
)


@pytest.fixture
def settings() -> TuningSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def _finished_study(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "history.db"
    _write_history(f"sqlite:///{path}", make_history())
    settings = SETTINGS.changed(pruner="none")
    run_tuning("X", "2021-03-31", f"sqlite:///{path}", None, "gru", "s", "ret", GROUPS, 3, settings=settings)
    return path


@pytest.fixture(scope="session")
def _begun_study(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('begun') / 'history.db'}"
    _write_history(url, make_history())
    run_tuning("X", "2021-04-30", url, None, "gru", "s", "ret", GROUPS, 1, settings=SETTINGS)
    return url.removeprefix("sqlite:///")


@pytest.fixture
def begun_study(_begun_study, database):
    """Put the study that ``tune(1)`` makes into the database; return it."""
    return _copied(_begun_study, database)


@pytest.fixture(scope="session")
def _study_with_a_failure(tmp_path_factory):
    def fail_second(event):
        if isinstance(event, EpochFinished) and event.trial == 1:
            raise RuntimeError("broken on purpose")

    url = f"sqlite:///{tmp_path_factory.mktemp('failure') / 'history.db'}"
    _write_history(url, make_history())
    settings = SETTINGS.changed(pruner="none")
    run_tuning("X", "2021-04-30", url, None, "gru", "s", "ret", GROUPS, 3, settings=settings, on_event=fail_second)
    return url.removeprefix("sqlite:///")


@pytest.fixture
def study_with_a_failure(_study_with_a_failure, database):
    """Put a study of three complete trials and one that failed into the database; return it."""
    return _copied(_study_with_a_failure, database)


@pytest.fixture
def finished_study(_finished_study, database):
    """Put a study of three complete trials, on the first 90 of the 120 days, into the database; return it."""
    return _copied(_finished_study, database)


@pytest.fixture(scope="session")
def trained_on_finished_study(_finished_study):
    """Return a function that calls a training with the recipe of that study, and its database."""
    url = f"sqlite:///{_finished_study}"
    recipe = Recipe.of_study(load_study(url, "s"))
    return lambda train: train(recipe, db_kwargs=url)


@pytest.fixture(scope="session")
def quantile_model(tmp_path_factory):
    """Return a folder with a study of quantiles in ``history.db``, of two trials, and ``model``, trained on both."""
    folder = tmp_path_factory.mktemp("quantiles")
    url = f"sqlite:///{folder / 'history.db'}"
    _write_history(url, make_history())
    settings = SETTINGS.changed(pruner="none", likelihood="quantile")
    study = run_tuning("X", "2021-03-31", url, None, "gru", "s", "ret", GROUPS, 2, settings=settings)
    train_forecaster(Recipe.of_study(study), folder / "model", url, settings=ForecasterSettings(members=2))
    return folder


@pytest.fixture
def quantile_study(quantile_model, database):
    """Put that study into the database; return it."""
    return _copied(quantile_model / "history.db", database)


@pytest.fixture
def stored_study(database, settings):
    """Return a function that stores a study in memory whose trials were never trained, and returns it with its data.

    ``states`` has a letter for each trial: Complete, Pruned after the first fold, Failed. A complete trial forecasts
    the truth with an error of its own.
    """
    return partial(_stored_study, database, settings.changed(pruner="none"))


@pytest.fixture(scope="session")
def long_study(tmp_path_factory):
    """Return such a study of 23 trials with its verdict, and its data: enough for every figure of a report."""
    url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'history.db'}"
    _write_history(url, make_history())
    study, data = _stored_study(url, SETTINGS.changed(pruner="none"), "C" * 21 + "PF", target_folds=3)
    keep_verdict(study, data)
    return study, data


def _stored_study(database, settings, states="CCCPF", *, name="s", with_forecasts=True, target_col="ret", **changes):
    settings = settings.changed(**changes)
    data = load_study_data("X", "2021-04-30", database, target_col, GROUPS, settings=settings)
    study = optuna.create_study(study_name=name)
    about = attributes_of_new_study(data.definition("gru"), data.naive, data.used, reading_of(settings.history))
    for key, value in about.items():
        study.set_user_attr(key, value)
    for number, state in enumerate(states):
        study.add_trial(_stored_trial(number, state, data, with_forecasts))
    return study, data


def _stored_trial(number, state, data, with_forecasts):
    rng = np.random.default_rng(number)
    n_folds = {"C": len(data.targets), "P": 1, "F": 0}[state]
    scores, forecasts = [], []
    for target in data.targets[:n_folds]:
        actual = target.values[target.val_start :]
        forecast = actual + (0.5 + 0.1 * number) * np.std(np.diff(actual)) * rng.normal(size=len(actual))
        forecasts.append(forecast_to_text(forecast))
        scores.append(float(np.sqrt(np.mean((forecast - actual) ** 2))))
    attributes = {
        FOLD_SCORES: scores,
        "fold_naive_scores": list(data.naive.fold_scores[:n_folds]),
        "fold_epochs": [2] * n_folds,
        "fold_best_epochs": [1] * n_folds,
        "fold_seconds": [1.0] * n_folds,
    }
    if with_forecasts:
        attributes |= {FORECASTS: forecasts, OUT_OF_SAMPLE: [None, *forecasts[1:]][:n_folds]}
    drawn = {
        "hidden_dim": int(rng.integers(4, 9)),
        "n_rnn_layers": 1,
        "dropout": float(rng.uniform(0, 0.2)),
        "batch_size": int(rng.choice([32, 64])),
        "input_chunk_length": int(rng.integers(4, 9)),
        "learning_rate": float(10 ** rng.uniform(-3, -2)),
    }
    trial = optuna.trial.create_trial(
        state={"C": TrialState.COMPLETE, "P": TrialState.PRUNED, "F": TrialState.FAIL}[state],
        value=float(np.mean(scores)) if state == "C" else None,
        params=drawn,
        distributions=dict(data.settings.search.space),
        user_attrs={FAILURE: "RuntimeError: broken on purpose"} if state == "F" else attributes,
        intermediate_values={rung_of_fold(fold): score for fold, score in enumerate(scores, start=1)},
    )
    trial.datetime_start = datetime(2024, 1, 1, 12, number, tzinfo=UTC).replace(tzinfo=None)
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=30 + number)
    return trial


def _copied(path, database):
    with closing(sqlite3.connect(path)) as there, closing(sqlite3.connect(database[10:])) as here:
        there.backup(here)
    return load_study(database, "s")


@pytest.fixture
def database(tmp_path, history) -> str:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    _write_history(url, history)
    return url


@pytest.fixture(scope="session")
def _optuna_tables(tmp_path_factory):
    """Return the statements that make Optuna's tables as they are when a study storage is opened for the first time."""
    file = tmp_path_factory.mktemp("tables") / "studies.db"
    open_storage(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture
def tune(database, groups, settings, _optuna_tables):
    """Return a function that runs a study; the tables of studies are put into its file, unless ``bare``."""

    def put_tables(url):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                connection.executescript(_optuna_tables)

    def run(n_trials=1, *, study_name="s", end_date="2021-04-30", on_event=ignore, url=database, bare=False, **changes):
        if not bare:
            put_tables(url)
        return run_tuning(
            "X",
            end_date,
            {"url": url},
            None,
            changes.pop("model_name", "gru"),
            study_name,
            changes.pop("target_col", "ret"),
            changes.pop("feature_groups", groups),
            n_trials,
            settings=settings.changed(**changes),
            on_event=on_event,
        )

    return run


@pytest.fixture
def write_history():
    return _write_history


def _write_history(url: str, history: pl.DataFrame) -> None:
    """Put a history into the table ``history`` of a SQLite file, replacing what is there."""
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS history")
        connection.exec_driver_sql("CREATE TABLE history (id TEXT, timestamp TEXT, ret REAL, signal REAL, volume REAL)")
        rows = history.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d")).rows()
        connection.exec_driver_sql("INSERT INTO history VALUES ('X', ?, ?, ?, ?)", rows)
    engine.dispose()
