import numpy as np
import pytest

from kallos_models.errors import ConfigError, KallosError
from kallos_models.hyperparameters import Hyperparameters
from kallos_models.settings import TrainingSettings


def test_names_left_out_keep_their_defaults():
    hparams = Hyperparameters.from_mapping({"hidden_dim": np.int64(32), "learning_rate": 1, "random_state": 3})

    assert hparams == Hyperparameters(hidden_dim=32, learning_rate=1.0, random_state=3)
    assert type(hparams.hidden_dim) is int
    assert type(hparams.learning_rate) is float
    assert (hparams.batch_size, hparams.input_chunk_length, hparams.output_chunk_length) == (64, 50, 1)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigError) as caught:
        Hyperparameters.from_mapping({"hidden": 3, "lr": 1e-3})
    assert str(caught.value) == (
        "unknown hyperparameter 'hidden', 'lr': did you mean 'hidden_dim'? known are hidden_dim, n_rnn_layers, "
        "dropout, batch_size, input_chunk_length, learning_rate, weight_decay, output_chunk_length, "
        "output_chunk_shift, n_epochs, random_state"
    )
    assert isinstance(caught.value, KallosError)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden_dim", 0, "hidden_dim must be a whole number from 1 to 16384, not 0"),
        ("hidden_dim", 10**9, "hidden_dim must be a whole number from 1 to 16384, not 1000000000"),
        ("n_rnn_layers", 1.5, "n_rnn_layers must be a whole number from 1 to 64, not 1.5"),
        ("n_rnn_layers", 10**9, "n_rnn_layers must be a whole number from 1 to 64, not 1000000000"),
        ("batch_size", True, "batch_size must be a whole number from 1 to 1000000, not True"),
        ("input_chunk_length", "50", "input_chunk_length must be a whole number from 1 to 100000, not '50'"),
        ("input_chunk_length", 10**12, "input_chunk_length must be a whole number from 1 to 100000, not 1000000000000"),
        ("output_chunk_length", -1, "output_chunk_length must be a whole number from 1 to 10000, not -1"),
        ("output_chunk_shift", -1, "output_chunk_shift must be a whole number from 0 to 10000, not -1"),
        ("n_epochs", 0, "n_epochs must be a whole number from 1 to 1000000, not 0"),
        ("dropout", 1.0, "dropout must be 0 or more and below 1, not 1.0"),
        ("dropout", -0.1, "dropout must be 0 or more and below 1, not -0.1"),
        ("dropout", None, "dropout must be a number of 0 or more and below 1, not None"),
        ("learning_rate", 0, "learning_rate must be above 0, not 0"),
        ("learning_rate", float("nan"), "learning_rate must be a finite number above 0, not nan"),
        ("weight_decay", 2, "weight_decay must be from 0 to 1, not 2"),
        ("random_state", -1, "random_state must be a whole number from 0 to 4294967295, not -1"),
        ("random_state", 2**32, "random_state must be a whole number from 0 to 4294967295, not 4294967296"),
    ],
)
def test_a_value_out_of_range_is_named(name, value, message):
    with pytest.raises(ConfigError) as caught:
        Hyperparameters.from_mapping({name: value})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_epochs", 0, "max_epochs must be a whole number from 1 to 1000000, not 0"),
        ("patience", 0, "patience must be a whole number of 1 or more, not 0"),
        ("min_delta", -1.0, "min_delta must be 0 or more, not -1.0"),
        ("min_delta", float("inf"), "min_delta must be a finite number of 0 or more, not inf"),
        ("seed", 0.5, "seed must be a whole number from 0 to 4294967295, not 0.5"),
        ("seed", 2**40, "seed must be a whole number from 0 to 4294967295, not 1099511627776"),
        ("max_epochs", 2.5, "max_epochs must be a whole number from 1 to 1000000, not 2.5"),
        ("patience", True, "patience must be a whole number of 1 or more, not True"),
        ("likelihood", "normal", "likelihood must be one of none, quantile, not 'normal'"),
        ("device", "tpu9", "device must be one of cpu, cuda, mps, auto, not 'tpu9'"),
    ],
)
def test_a_setting_out_of_range_is_named(name, value, message):
    with pytest.raises(ConfigError) as caught:
        TrainingSettings(**{name: value})
    assert str(caught.value) == message
    assert caught.value.parameter == name
