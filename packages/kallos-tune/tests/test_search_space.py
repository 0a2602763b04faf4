"""The search space is the promised one, and its fingerprint tells spaces apart."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_models import Hyperparameters
from kallos_tune import SEARCH_SPACE, ConfigError
from kallos_tune.search_space import defaults_in, fingerprint, longest_look_back, suggest


def test_the_promised_space():
    assert dict(SEARCH_SPACE) == {
        "hidden_dim": IntDistribution(32, 256, log=True),
        "n_rnn_layers": IntDistribution(1, 4),
        "dropout": FloatDistribution(0.0, 0.7),
        "batch_size": CategoricalDistribution([32, 64, 128]),
        "input_chunk_length": IntDistribution(30, 70),
        "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    }


def test_a_trial_records_the_distributions_of_the_space():
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    params = suggest(trial, SEARCH_SPACE)
    assert list(params) == list(SEARCH_SPACE)
    assert trial.params == params
    assert trial.distributions == dict(SEARCH_SPACE)


def test_fingerprints_ignore_order_and_notice_every_bound():
    backwards = dict(reversed(SEARCH_SPACE.items()))
    assert fingerprint(backwards) == fingerprint(SEARCH_SPACE)
    narrower = {**SEARCH_SPACE, "dropout": FloatDistribution(0.0, 0.6)}
    assert fingerprint(narrower) != fingerprint(SEARCH_SPACE)
    assert fingerprint({**SEARCH_SPACE, "hidden_dim": IntDistribution(32, 256)}) != fingerprint(SEARCH_SPACE)


def test_longest_look_back():
    assert longest_look_back(SEARCH_SPACE) == 70
    assert longest_look_back({"input_chunk_length": CategoricalDistribution([5, 90, 30])}) == 90
    with pytest.raises(ConfigError, match="needs an integer parameter 'input_chunk_length'"):
        longest_look_back({"hidden_dim": IntDistribution(1, 2)})


def test_the_defaults_that_a_space_contains():
    defaults = Hyperparameters()
    assert defaults_in(SEARCH_SPACE, "gru") == {name: getattr(defaults, name) for name in SEARCH_SPACE}
    elsewhere = {
        "hidden_dim": IntDistribution(128, 256),
        "n_rnn_layers": IntDistribution(1, 3, step=2),
        "input_chunk_length": IntDistribution(31, 71, step=10),
        "batch_size": CategoricalDistribution([16, 32]),
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "own": FloatDistribution(0, 1),
    }
    assert defaults_in(elsewhere, "gru") == {"n_rnn_layers": 1, "learning_rate": 1e-3}


def test_the_defaults_of_an_architecture_s_own():
    own = {
        "n_heads": IntDistribution(1, 8),
        "kernel_size": IntDistribution(2, 5),
        "weight_decay": FloatDistribution(0, 1),
    }
    assert defaults_in(own, "transformer") == {"n_heads": 4, "weight_decay": 0.0}
    assert defaults_in(own, "tcn") == {"weight_decay": 0.0}, "by default the kernel spans the look-back"
