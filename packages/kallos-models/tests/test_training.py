import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from kallos_models.callbacks import BestWeights
from kallos_models.errors import ConfigError, TrainingDivergedError
from kallos_models.loss import ForecastLoss
from kallos_models.quiet import quiet_lightning
from kallos_models.settings import TrainingSettings
from kallos_models.training import fit_forecaster, trainer_kwargs


class Walk(pl.LightningModule):
    """One weight that rises by 1 in each epoch; its validation loss is its distance from 3."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)

    def training_step(self, *_):
        return -self.weight

    def validation_step(self, *_):
        self.log("val_loss", (self.weight - 3).abs())


class StopAt(pl.Callback):
    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def on_train_epoch_end(self, trainer, *_):
        if trainer.current_epoch + 1 == self.epoch:
            raise self.error


def walk(settings: TrainingSettings, *more: pl.Callback) -> tuple[Walk, BestWeights, pl.Trainer]:
    module, data, kwargs = Walk(), DataLoader(torch.zeros(1)), trainer_kwargs(settings)
    best = kwargs["callbacks"][0]
    kwargs["callbacks"] += more
    with quiet_lightning():
        trainer = pl.Trainer(**kwargs)
        try:
            trainer.fit(module, data, data)
        except ArithmeticError:
            assert more
    return module, best, trainer


@pytest.mark.parametrize(
    ("settings", "more", "trained"),
    [
        (TrainingSettings(max_epochs=5), [], 5),
        (TrainingSettings(max_epochs=50, patience=4), [], 7),
        (TrainingSettings(max_epochs=50), [StopAt(6, ArithmeticError())], 5),
    ],
    ids=["last epoch", "patience", "exception"],
)
def test_the_best_weights_are_restored_however_training_ends(settings, more, trained):
    module, best, trainer = walk(settings, *more)

    assert (best.epoch, best.loss) == (3, 0.0)
    assert module.weight.item() == 3.0
    assert trainer.current_epoch == trained


def test_patience_counts_from_the_last_fall_by_min_delta():
    _, best, trainer = walk(TrainingSettings(max_epochs=50, patience=2, min_delta=2.5))
    # The losses 2, 1, 0 never fall by 2.5, yet the third is the best.
    assert trainer.current_epoch == 3
    assert best.epoch == 3


def test_trainer_arguments_are_new_objects_and_quiet():
    first, second = trainer_kwargs(), trainer_kwargs()
    assert {id(each) for each in first["callbacks"]}.isdisjoint(id(each) for each in second["callbacks"])
    assert "callbacks" not in trainer_kwargs(validate=False)
    assert first["max_epochs"] == 100
    assert first["callbacks"][1].patience == 10
    assert not any(first[name] for name in ("logger", "enable_checkpointing", "enable_progress_bar"))


def test_the_forecast_loss_counts_only_the_forecast_outside_training():
    output, target = torch.tensor([[[9.0], [1.0], [2.0]]]), torch.zeros(1, 3, 1)
    loss = ForecastLoss(2)
    assert loss(output, target).item() == pytest.approx((81 + 1 + 4) / 3)
    assert loss.eval()(output, target).item() == pytest.approx((1 + 4) / 2)


def test_a_loss_that_is_never_finite_is_named_with_epoch_and_learning_rate(market):
    with pytest.raises(TrainingDivergedError) as caught:
        market.fit("gru", learning_rate=1e30, max_epochs=5)
    assert str(caught.value) == (
        "training diverged: validation loss is nan after epoch 1 at learning rate 1e+30; "
        "lower the learning rate or check the series for extreme or missing values"
    )
    assert (caught.value.epoch, caught.value.learning_rate) == (1, 1e30)
    assert isinstance(caught.value, ArithmeticError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_missing_values_without_validation_end_in_divergence_too(market):
    values = market.train.values().copy()
    values[40] = np.nan
    with pytest.raises(TrainingDivergedError, match=r"training loss is nan after epoch 1 at learning rate 0.01"):
        fit_forecaster("gru", market.hparams, market.train.with_values(values), settings=TrainingSettings(max_epochs=5))


def test_what_on_epoch_raises_reaches_the_caller_and_it_is_never_copied(market):
    class Stubborn:
        def __call__(self, epoch, _):
            if epoch == 2:
                raise RuntimeError(f"enough after {epoch}")

        def __deepcopy__(self, memo):
            raise AssertionError("copied")

    with pytest.raises(RuntimeError, match="enough after 2"):
        market.fit("gru", max_epochs=5, on_epoch=Stubborn())


def test_an_interrupt_reaches_the_caller_and_the_handler_is_put_back(market):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        market.fit("gru", max_epochs=5, on_epoch=lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_termination_request_is_no_success(market):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught:
        market.fit("gru", max_epochs=5, on_epoch=lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_series_that_cannot_be_used_are_named(market):
    with pytest.raises(ConfigError) as caught:
        fit_forecaster("gru", market.hparams, market.train[:10])
    assert str(caught.value) == (
        "target has 10 steps and one sample needs 11: input_chunk_length=10 + output_chunk_shift=0 + "
        "output_chunk_length=1; give more steps or shorten them"
    )
    with pytest.raises(ConfigError, match="val_target has 5 steps and one sample needs 11"):
        fit_forecaster("gru", market.hparams, market.train, val_target=market.val[:5])
    with pytest.raises(ConfigError, match="val_past_covariates are given without val_target: give both or neither"):
        fit_forecaster("gru", market.hparams, market.train, market.covariates, val_past_covariates=market.covariates)
    with pytest.raises(ConfigError, match="need the same covariates: val_past_covariates are missing"):
        fit_forecaster("gru", market.hparams, market.train, market.covariates, val_target=market.val)


def test_the_random_state_of_the_hyperparameters_precedes_the_seed(market):
    first, second = (market.fit("gru", max_epochs=1, seed=seed, random_state=4) for seed in (0, 1))
    assert first.best_val_loss == second.best_val_loss


def test_training_and_forecasting_say_and_write_nothing(tmp_path):
    script = """
        import logging, warnings
        import numpy as np
        import torch
        from darts import TimeSeries
        from kallos_models import TrainingSettings, available_models, fit_forecaster, quiet_lightning

        torch.set_num_threads(1)
        names = ("pytorch_lightning", "lightning_fabric", "darts")
        before = [logging.getLogger(name).level for name in names], list(warnings.filters)
        series = TimeSeries.from_values(np.random.default_rng(0).normal(size=60))
        for name in available_models():
            for val in (None, series[40:]):
                fit = fit_forecaster(
                    name, {"hidden_dim": 4, "n_rnn_layers": 2, "input_chunk_length": 8}, series[:48], series,
                    val_target=val, val_past_covariates=None if val is None else series,
                    settings=TrainingSettings(max_epochs=1),
                )
            with quiet_lightning():
                fit.model.predict(2, series=series[:48].astype("float32"), past_covariates=series.astype("float32"))
        assert ([logging.getLogger(name).level for name in names], list(warnings.filters)) == before
    """
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
