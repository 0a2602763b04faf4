"""From a simulated market to a score: a planted signal is found, and none is found where there is none."""

from math import sqrt

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_data import default_feature_groups, ingest_frame, load_features_from_db, simulate_market
from kallos_tune import TuningSettings, run_tuning, study_result

SETTINGS = TuningSettings.of(
    space={
        "hidden_dim": IntDistribution(16, 32, log=True),
        "n_rnn_layers": IntDistribution(1, 1),
        "dropout": FloatDistribution(0.0, 0.1),
        "batch_size": CategoricalDistribution([32]),
        "input_chunk_length": IntDistribution(5, 10),
        "learning_rate": FloatDistribution(2e-3, 8e-3, log=True),
    },
    max_epochs=25,
    patience=6,
    target_folds=2,
)


def skill(tmp_path, signal: float) -> float:
    """Return by which share a small study beats the naive forecast on a market with this much signal."""
    url = f"sqlite:///{tmp_path / 'market.db'}"
    market = simulate_market(900, signal=signal, seed=4)
    ingest_frame(market, "SIM", url)
    end = market["timestamp"][-1]
    groups = default_feature_groups(load_features_from_db("SIM", end, url).columns, "log_return")
    study = run_tuning("SIM", end, url, None, "gru", "s", "log_return", groups, 2, settings=SETTINGS)
    return study_result(study).skill


def test_a_planted_signal_is_found(tmp_path):
    signal = 0.5
    best_possible = 1 - sqrt(1 - signal)
    assert skill(tmp_path, signal) > 0.6 * best_possible


def test_on_a_random_walk_nothing_is_found(tmp_path):
    assert skill(tmp_path, 0.0) == pytest.approx(0, abs=0.03)
