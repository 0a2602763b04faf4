"""One test for each assumption about the inside of Darts and Lightning; a failure says in a sentence which broke.

They speak to Darts and Lightning directly, so that they still run, and say so, where a release no longer fits.
"""

import ast
import copy
import signal
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.models.forecasting.block_rnn_model import BlockRNNModel
from darts.models.forecasting.tcn_model import TCNModel

SOURCES = Path(__file__).parents[1] / "src/kallos_models"
LOOK_BACK, FUTURE, SHIFT = 4, 2, 1
QUIET = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_checkpointing": False, "num_sanity_val_steps": 0}
QUIET |= {"enable_progress_bar": False, "enable_model_summary": False}


def holds(condition: object, assumption: str) -> None:
    """Fail with the assumption that broke."""
    if not condition:
        pytest.fail(f"{assumption} no longer: see kallos_models/darts_bridge.py", pytrace=False)


def the(module: str, name: str) -> object:
    """Return a name of another package, or fail with a sentence."""
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return pytest.fail(f"{module} has {name} no longer: see kallos_models/darts_bridge.py", pytrace=False)


def series(n: int, first: str = "2020-01-01", width: int = 1) -> TimeSeries:
    times = pd.date_range(first, periods=n, freq="D")
    return TimeSeries.from_times_and_values(times, np.random.default_rng(n).normal(size=(n, width)).astype(np.float32))


def create(**changes: object) -> BlockRNNModel:
    arguments = {"model": "GRU", "hidden_dim": 3, "batch_size": 7, "random_state": 0, "output_chunk_shift": SHIFT}
    return BlockRNNModel(
        **arguments
        | {"input_chunk_length": LOOK_BACK, "output_chunk_length": FUTURE, "pl_trainer_kwargs": QUIET}
        | changes
    )


class Recorder(pl.Trainer):
    """Trains nothing: keeps what it is handed."""

    def __init__(self):
        super().__init__(max_epochs=1, **QUIET)
        self.handed: tuple[tuple, dict] | None = None

    def fit(self, *args, **kwargs):
        self.handed = args, kwargs
        self.strategy.connect(kwargs.get("model") or args[0])


@pytest.fixture(scope="module")
def recorded():
    trainer, model = Recorder(), create()
    model.fit(
        series(30), past_covariates=series(40, "2019-12-27", 2),
        val_series=series(20), val_past_covariates=series(20, width=2), trainer=trainer,
    )  # fmt: skip
    return trainer, model


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.contract
def test_darts_hands_a_trainer_the_module_and_the_data_by_name(recorded):
    trainer, model = recorded
    args, kwargs = trainer.handed
    holds(args == (), "Darts hands trainer.fit its arguments by name alone")
    holds(
        set(kwargs) == {"model", "datamodule", "ckpt_path"}, "Darts hands trainer.fit model, datamodule and ckpt_path"
    )
    holds(kwargs["ckpt_path"] is None, "Darts hands trainer.fit no checkpoint for a new model")
    holds(kwargs["model"] is model.model, "Darts keeps the module that it hands to trainer.fit")
    the("darts.utils.data.torch_datasets._data_module", "TorchDataModule")


@pytest.mark.contract
def test_the_data_module_holds_datasets_and_batch_size(recorded):
    datamodule = recorded[0].handed[1]["datamodule"]
    kind = the("darts.utils.data", "ShiftedTorchTrainingDataset")
    for name in ("train_dataset", "val_dataset"):
        holds(isinstance(getattr(datamodule, name, None), kind), f"Darts' data module has a shifted {name}")
    holds(getattr(datamodule, "batch_size", None) == 7, "Darts' data module has the model's batch_size")


@pytest.mark.contract
def test_a_data_module_without_validation_says_none():
    trainer = Recorder()
    create().fit(series(30), trainer=trainer)
    datamodule = trainer.handed[1]["datamodule"]
    holds(
        getattr(datamodule, "val_dataset", "absent") is None,
        "Darts' data module has val_dataset None without validation",
    )
    holds(
        getattr(datamodule.train_dataset, "past_covariates", "absent") is None,
        "Darts' dataset has past_covariates None",
    )


@pytest.mark.contract
def test_a_dataset_holds_its_series_and_the_geometry_of_its_samples(recorded):
    dataset = recorded[0].handed[1]["datamodule"].train_dataset
    found = {name: getattr(dataset, name, None) for name in ("input_chunk_length", "output_chunk_length", "shift")}
    holds(
        found == {"input_chunk_length": LOOK_BACK, "output_chunk_length": FUTURE, "shift": LOOK_BACK + SHIFT},
        "Darts' dataset has input_chunk_length, output_chunk_length, and shift from the first step read",
    )
    holds(dataset.series[0] == series(30), "Darts' dataset keeps its target in series")
    holds(dataset.past_covariates[0].n_components == 2, "Darts' dataset keeps its covariates in past_covariates")
    holds(len(dataset) == 30 - LOOK_BACK - SHIFT - FUTURE + 1, "Darts' dataset has a sample for every step that fits")


@pytest.mark.contract
def test_the_newest_sample_comes_first(recorded):
    dataset = recorded[0].handed[1]["datamodule"].train_dataset
    values = series(30).values()
    for index, end in ((0, 30), (3, 27)):
        expected = values[end - FUTURE : end], values[end - FUTURE - SHIFT - LOOK_BACK : end - FUTURE - SHIFT]
        sample = dataset[index]
        holds(
            np.array_equal(getattr(sample, "future_target", None), expected[0])
            and np.array_equal(getattr(sample, "past_target", None), expected[1]),
            "Darts counts the samples of a dataset from the newest",
        )


@pytest.mark.contract
@pytest.mark.parametrize("kind", ["gru", "tcn"])
def test_a_module_maps_a_batch_to_predictions_with_one_parameter(kind, recorded):
    model = (
        create() if kind == "gru" else TCNModel(input_chunk_length=LOOK_BACK, output_chunk_length=FUTURE, kernel_size=3)
    )
    model.fit(series(30), past_covariates=series(30, width=2), trainer=Recorder())
    stages, batch = the("darts.utils.data", "ModuleStage"), the("darts.utils.data", "TorchTrainingBatch")
    holds(
        {"TRAIN", "VALIDATE", "PREDICT"} <= set(stages.__members__), "Darts has the stages TRAIN, VALIDATE and PREDICT"
    )
    samples = batch(
        past_target=torch.zeros(5, LOOK_BACK, 1), past_covariates=torch.zeros(5, LOOK_BACK, 2),
        future_target=torch.zeros(5, FUTURE, 1),
    )  # fmt: skip
    holds(hasattr(samples, "to_module_input"), "Darts' batch becomes a module's input by to_module_input")
    shape = tuple(model.model(samples.to_module_input(stages.TRAIN)).prediction.shape)
    n_steps = LOOK_BACK if kind == "tcn" else FUTURE
    holds(
        shape == (5, n_steps, 1, 1), f"Darts' {kind} predicts [samples, {n_steps} steps, components, 1]: it is {shape}"
    )


@pytest.mark.contract
def test_each_module_has_copies_of_the_loss_for_training_and_validation():
    loss = torch.nn.L1Loss()
    model = create(loss_fn=loss)
    model.fit(series(30), trainer=Recorder())
    module = model.model
    for name in ("train_criterion", "val_criterion"):
        found = getattr(module, name, None)
        holds(isinstance(found, torch.nn.L1Loss), f"Darts' module has the loss in {name}")
        holds(found is not loss, f"Darts' module has a copy of the loss in {name}")
        module.eval()
        holds(not found.training, f"Darts' module switches {name} to evaluation with itself")
    optimizer = module.configure_optimizers()
    holds(isinstance(optimizer, torch.optim.Optimizer), "Darts' module configures one optimiser and no scheduler")


@pytest.mark.contract
def test_the_private_module_of_recurrent_networks_takes_a_name_and_keeps_its_gru():
    private = the("darts.models.forecasting.block_rnn_model", "_BlockRNNModule")
    model = create()
    model.fit(series(30), trainer=Recorder())
    holds(type(model.model) is private, "Darts builds its GRU from _BlockRNNModule")
    holds(
        isinstance(getattr(model.model, "rnn", None), torch.nn.GRU), "Darts' GRU module keeps its torch.nn.GRU in rnn"
    )

    class Named(private):
        def __init__(self, **kwargs):
            super().__init__(**kwargs | {"name": "GRU"})

    model = create(model=Named)
    model.fit(series(30), trainer=Recorder())
    holds(isinstance(model.model.rnn, torch.nn.GRU), "Darts' recurrent module takes the name of its cell")


@pytest.mark.contract
def test_a_module_connected_to_a_strategy_can_be_saved(recorded, tmp_path):
    trainer, model = recorded
    holds(
        getattr(trainer.strategy, "root_device", None) == torch.device("cpu"), "Lightning's strategy has a root_device"
    )
    model.save(str(tmp_path / "model.pt"), clean=True)
    holds(
        sorted(path.name for path in tmp_path.iterdir()) == ["model.pt", "model.pt.ckpt"],
        "Darts saves a model as NAME and NAME.ckpt",
    )
    holds(trainer.precision == "32-true", "Lightning's trainer computes in float32 where nothing else is asked for")


@pytest.mark.contract
def test_a_module_has_the_likelihood_and_asks_it_for_the_loss():
    kind = the("darts.utils.likelihood_models", "QuantileRegression")
    seen = []

    class Likelihood(kind):
        def compute_loss(self, model_output, target, sample_weight):
            seen.append((tuple(model_output.shape), tuple(target.shape), sample_weight))
            return super().compute_loss(model_output, target, sample_weight)

    model = create(likelihood=Likelihood([0.1, 0.5, 0.9]), pl_trainer_kwargs=QUIET | {"max_epochs": 1}, loss_fn=None)
    model.fit(series(30), val_series=series(20))
    holds(isinstance(getattr(model.model, "likelihood", None), Likelihood), "Darts' module has a likelihood")
    holds(model.likelihood is model.model.likelihood, "Darts' model gives its module's likelihood")
    holds(seen[0] == ((7, FUTURE, 1, 3), (7, FUTURE, 1), None), "Darts computes a loss by likelihood.compute_loss")
    holds(getattr(create(), "likelihood", "absent") is None, "Darts' model has likelihood None without one")


@pytest.mark.contract
def test_validation_computes_no_gradients():
    seen = []

    class Loss(torch.nn.MSELoss):
        def forward(self, output, target):
            seen.append((self.training, torch.is_grad_enabled()))
            return super().forward(output, target)

    create(loss_fn=Loss(), pl_trainer_kwargs=QUIET | {"max_epochs": 1}).fit(series(30), val_series=series(20))
    holds(set(seen) == {(True, True), (False, False)}, "Lightning computes gradients in training alone")


@pytest.mark.contract
def test_a_likelihood_is_asked_for_samples_to_feed_back():
    kind = the("darts.utils.likelihood_models", "QuantileRegression")

    class Fixed(kind):
        def sample(self, model_output):
            return torch.full(model_output.shape[:-1], 7.0)

    model = create(likelihood=Fixed([0.1, 0.5, 0.9]), output_chunk_shift=0)
    model.fit(series(30), trainer=Recorder())
    forecast = model.predict(5, show_warnings=False).values()
    holds((forecast == 7).all(), "Darts' predict forecasts what likelihood.sample says")


@pytest.mark.contract
def test_a_model_fitted_on_two_series_keeps_none():
    model = create()
    model.fit([series(7)] * 2, past_covariates=[series(7, width=2)] * 2, trainer=Recorder())
    holds(
        model.training_series is None and model.past_covariate_series is None,
        "Darts keeps no series of a model that was fitted on two",
    )
    holds(getattr(model.model, "n_targets", None) == 1, "Darts' module counts its target's components in n_targets")


@pytest.mark.contract
@pytest.mark.parametrize("kind", ["gru", "tcn"])
def test_a_module_can_be_built_without_its_tensors(kind):
    def built() -> torch.nn.Module:
        chunks = {"input_chunk_length": LOOK_BACK, "output_chunk_length": FUTURE, "random_state": 0}
        model = create() if kind == "gru" else TCNModel(kernel_size=3, **chunks)
        model.fit(series(30), trainer=Recorder())
        return model.model

    with torch.device("meta"):
        tensors = built().state_dict()
    holds(all(each.is_meta for each in tensors.values()), "Darts builds modules on torch's device meta")
    found = {name: (each.shape, each.dtype) for name, each in tensors.items()}
    holds(
        found == {name: (each.shape, each.dtype) for name, each in built().state_dict().items()},
        "Darts builds the same tensors on every device",
    )


@pytest.mark.contract
def test_lightning_ends_a_terminated_trainer_with_a_system_exit():
    stop = the("pytorch_lightning.utilities.exceptions", "SIGTERMException")
    holds(issubclass(stop, SystemExit), "Lightning's SIGTERMException is a SystemExit")


@pytest.mark.contract
def test_lightning_turns_ctrl_c_into_an_exit_whose_context_it_is():
    class Stop(pl.Callback):
        def on_predict_start(self, trainer, pl_module):  # noqa: ARG002
            raise KeyboardInterrupt

    model = create(pl_trainer_kwargs=QUIET | {"callbacks": [Stop()], "max_epochs": 1})
    model.fit(series(30))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - which one is what is tested
            model.predict(1)
    finally:
        signal.signal(signal.SIGINT, before)
    holds(
        isinstance(caught.value, SystemExit) and isinstance(caught.value.__context__, KeyboardInterrupt),
        "Lightning answers Ctrl-C with a SystemExit that has the KeyboardInterrupt as its context",
    )


@pytest.mark.contract
def test_weights_are_drawn_from_the_random_state_alone():
    first, second = create(), create()
    for model in (first, second):
        torch.rand(3)
        model.fit(series(30), trainer=Recorder())
    state = copy.deepcopy(first.model.state_dict())
    holds(
        all(torch.equal(state[name], value) for name, value in second.model.state_dict().items()),
        "Darts draws the weights of a model from its random_state alone",
    )
    before = torch.get_rng_state()
    second.fit(series(30), trainer=Recorder())
    holds(torch.equal(before, torch.get_rng_state()), "Darts puts torch's random state back after a fit")


UNDOCUMENTED = {
    "train_dataset", "val_dataset", "train_criterion", "val_criterion", "to_module_input", "strategy", "root_device",
    "rnn", "prediction", "n_targets",
}  # fmt: skip


def modules_beside_the_bridge() -> list[Path]:
    return [path for path in sorted(SOURCES.rglob("*.py")) if path.name != "darts_bridge.py"]


@pytest.mark.parametrize("path", modules_beside_the_bridge(), ids=lambda path: path.stem)
def test_no_other_module_touches_what_is_private_to_darts_or_lightning(path):
    for problem in private_uses(path.read_text()):
        pytest.fail(f"{path.relative_to(SOURCES)} {problem}: that belongs in darts_bridge.py", pytrace=False)


def private_uses(source: str) -> list[str]:
    others = ("darts", "pytorch_lightning", "lightning_fabric", "torch")
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr in UNDOCUMENTED:
            found.append(f"reads the undocumented attribute {node.attr}")
            continue
        else:
            continue
        for name in names:
            package, *inside = name.split(".")
            if package in others and any(part.startswith("_") for part in inside):
                found.append(f"imports the private {name}")
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from darts.models.block import _RNN", ["imports the private darts.models.block._RNN"]),
        ("def f():\n    import torch._C", ["imports the private torch._C"]),
        ("from darts.utils._data import x", ["imports the private darts.utils._data.x"]),
        ("trainer.strategy.connect(m)", ["reads the undocumented attribute strategy"]),
        ("from . import _recurrent\nfrom torch import Tensor", []),
    ],
)
def test_private_uses_are_found(source, found):
    assert private_uses(source) == found


def test_the_bridge_is_what_uses_them():
    used = "\n".join(private_uses((SOURCES / "darts_bridge.py").read_text()))
    assert "_BlockRNNModule" in used
    assert "_data_module" in used
    assert {name for name in UNDOCUMENTED if name in used} == UNDOCUMENTED
