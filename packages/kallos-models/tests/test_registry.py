import logging
import pickle
import sys

import pytest
import torch

from kallos_models import architectures
from kallos_models.architectures._recurrent import GRUModule
from kallos_models.architectures.tcn import DILATION_BASE, spanning_kernel
from kallos_models.errors import ConfigError, UnknownModelError
from kallos_models.hyperparameters import Hyperparameters
from kallos_models.registry import available_models, create_model


def test_names_are_those_of_the_files():
    assert available_models() == ("gru", "lstm", "tcn", "tide", "transformer")


def test_one_more_file_is_one_more_architecture(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def build(hparams, shared, note):\n    return hparams.hidden_dim, shared['batch_size']\n"
    )
    (tmp_path / "_shared.py").write_text("")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])

    assert set(available_models()) == {"gru", "lstm", "mine", "tcn", "tide", "transformer"}
    assert create_model("mine", {"hidden_dim": 5, "batch_size": 3}) == (5, 3)
    monkeypatch.delitem(sys.modules, "kallos_models.architectures.mine")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownModelError) as caught:
        create_model("gruu", {})
    assert str(caught.value) == (
        "model_name must be one of gru, lstm, tcn, tide, transformer, not 'gruu'; did you mean 'gru'?"
    )
    assert (caught.value.name, caught.value.known) == ("gruu", available_models())
    assert isinstance(caught.value, LookupError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    with pytest.raises(UnknownModelError, match=r"must be one of gru, lstm, tcn, tide, transformer, not '_recurrent'$"):
        create_model("_recurrent", {})


HPARAMS = Hyperparameters(
    hidden_dim=32, n_rnn_layers=2, dropout=0.25, batch_size=17, input_chunk_length=20, learning_rate=0.005, n_epochs=4
)
OWN_NAMES = {
    "gru": {"model": GRUModule, "hidden_dim": 32, "n_rnn_layers": 2, "dropout": 0.25},
    "lstm": {"model": "LSTM", "hidden_dim": 32, "n_rnn_layers": 2, "dropout": 0.25},
    "tcn": {"num_filters": 32, "num_layers": 2, "dropout": 0.25, "dilation_base": 2, "kernel_size": 5},
    "tide": {"hidden_size": 32, "num_encoder_layers": 2, "num_decoder_layers": 2, "dropout": 0.25},
    "transformer": {
        "d_model": 32,
        "nhead": 4,
        "num_encoder_layers": 2,
        "num_decoder_layers": 2,
        "dim_feedforward": 128,
        "dropout": 0.25,
    },
}


@pytest.mark.parametrize("name", available_models())
def test_the_common_names_become_the_architectures_own(name):
    model = create_model(name, HPARAMS)
    given = model.model_params

    assert {key: given[key] for key in OWN_NAMES[name]} == OWN_NAMES[name]
    assert (given["input_chunk_length"], given["output_chunk_length"], given["output_chunk_shift"]) == (20, 1, 0)
    assert (given["batch_size"], given["n_epochs"], given["save_checkpoints"]) == (17, 4, False)
    assert given["optimizer_cls"] is torch.optim.Adam
    assert given["optimizer_kwargs"] == {"lr": 0.005}
    assert isinstance(given["loss_fn"], torch.nn.MSELoss)
    assert model.model is None


def test_trainer_arguments_reach_the_trainer():
    model = create_model("gru", {"n_rnn_layers": 2}, {"max_epochs": 7, "accelerator": "cpu"})
    assert model.n_epochs == 7
    assert model.trainer_params["accelerator"] == "cpu"


def test_what_cannot_apply_is_said_once(caplog):
    caplog.set_level(logging.INFO, "kallos_models")
    for name in ("gru", "lstm", "gru"):
        create_model(name, {"n_rnn_layers": 1, "dropout": 0.1})
    create_model("gru", {"n_rnn_layers": 1, "dropout": 0.0})
    create_model("transformer", {"hidden_dim": 33})
    create_model("tcn", {"input_chunk_length": 3, "hidden_dim": 8})

    reason = "dropout acts between recurrent layers only, so with n_rnn_layers=1 it is not used"
    assert caplog.messages == [
        f"gru: {reason}",
        f"lstm: {reason}",
        "transformer: hidden_dim=33 is widened to 36, a multiple of its 4 attention heads",
        "tcn: kernels are cut to 2, since they must be shorter than input_chunk_length=3",
    ]
    assert create_model("transformer", {"hidden_dim": 33}).model_params["d_model"] == 36
    assert create_model("gru", {}).model_params["dropout"] == 0.0


def test_a_tcn_needs_a_look_back_longer_than_its_forecast():
    with pytest.raises(ConfigError, match=r"input_chunk_length must be above 1 and above the 5 steps .*, not 5"):
        create_model("tcn", {"input_chunk_length": 5, "output_chunk_length": 5})


def steps_seen(kernel: int, n_blocks: int) -> set[int]:
    """Follow every tap of every convolution back from the last output: the naive receptive field."""
    seen = {0}
    for block in range(n_blocks):
        for _convolution in range(2):
            seen = {age + tap * DILATION_BASE**block for age in seen for tap in range(kernel)}
    return seen


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("look_back", [4, 5, 10, 30, 31, 50, 70])
def test_tcn_kernels_span_the_look_back_and_are_no_wider_than_needed(look_back, n_blocks):
    kernel = spanning_kernel(look_back, n_blocks)

    assert steps_seen(kernel, n_blocks) >= set(range(look_back))
    assert kernel == 3 or max(steps_seen(kernel - 1, n_blocks)) < look_back - 1
