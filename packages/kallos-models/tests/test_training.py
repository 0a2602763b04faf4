import inspect
import math
import os
import pickle
import signal

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from kallos_models.best_epoch import BestEpoch
from kallos_models.errors import ConfigError, TrainingDivergedError
from kallos_models.lightning_silence import quiet_lightning
from kallos_models.loop import WITHOUT, LoopTrainer
from kallos_models.loss import ForecastLoss
from kallos_models.registry import available_models, create_model, read_hyperparameters
from kallos_models.settings import TrainingSettings
from kallos_models.training import fit_forecaster, trainer_kwargs


class Weight(torch.nn.Module):
    """One weight that rises by 1 in each epoch; its loss is its distance from 3."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def walk(self, best: BestEpoch, n_epochs: int = 50) -> int:
        for epoch in range(1, n_epochs + 1):
            with torch.no_grad():
                self.weight += 1
            if not best.see(epoch, abs(self.weight.item() - 3), self):
                return epoch
        return n_epochs


@pytest.mark.parametrize(("patience", "n_epochs", "trained"), [(50, 5, 5), (4, 50, 7), (1, 50, 4)])
def test_the_best_weights_are_restored_when_patience_ends(patience, n_epochs, trained):
    module, best = Weight(), BestEpoch(patience, 0.0)
    assert module.walk(best, n_epochs) == trained
    assert (best.epoch, best.loss) == (3, 0.0)
    best.restore(module)
    assert module.weight.item() == 3.0


def test_patience_counts_from_the_last_fall_by_min_delta():
    module, best = Weight(), BestEpoch(2, 2.5)
    # The losses 2, 1, 0 never fall by 2.5 after the first, yet the third is the best.
    assert module.walk(best) == 3
    assert best.epoch == 3


def test_a_loss_that_is_not_finite_ends_a_training_and_is_never_the_best():
    module, best = Weight(), BestEpoch(9, 0.0)
    assert best.see(1, 5.0, module)
    assert not best.see(2, math.nan, module)
    assert not best.see(3, -math.inf, module)
    assert (best.epoch, best.loss) == (1, 5.0)


@pytest.mark.contract
@pytest.mark.parametrize("likelihood", ["none", "quantile"])
@pytest.mark.parametrize("name", available_models())
def test_trains_as_lightning_does(name, likelihood, market):
    """The slow reference: Darts' own samples and data loading, Lightning's own loop."""
    losses, reference = [], []

    class Record(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):  # noqa: ARG002
            reference.append(float(trainer.callback_metrics["val_loss"]))

    market.fit(name, max_epochs=3, dropout=0.3, likelihood=likelihood, on_epoch=lambda _, loss: losses.append(loss))
    kwargs = trainer_kwargs(TrainingSettings(max_epochs=3))
    with quiet_lightning():
        create_model(name, {**market.hparams, "dropout": 0.3, "random_state": 0}, likelihood=likelihood).fit(
            market.train,
            past_covariates=market.covariates,
            val_series=market.val,
            val_past_covariates=market.covariates,
            trainer=pl.Trainer(callbacks=[Record()], **kwargs),
        )
    assert losses == pytest.approx(reference, rel=1e-5)


@pytest.mark.parametrize("name", available_models())
def test_weights_are_those_of_the_best_epoch_where_training_is_cut_off(name, market):
    epochs = []

    def stop(epoch, loss):
        epochs.append((loss, epoch))
        if epoch == 3:
            raise ArithmeticError

    best = BestEpoch(9, 0.0)
    trainer = LoopTrainer(best=best, on_epoch=stop, **trainer_kwargs(TrainingSettings(max_epochs=9)))
    model = create_model(name, {**market.hparams, "random_state": 0})
    with quiet_lightning(), pytest.raises(ArithmeticError):
        model.fit(
            market.train,
            past_covariates=market.covariates,
            val_series=market.val,
            val_past_covariates=market.covariates,
            trainer=trainer,
        )
    assert (best.loss, best.epoch) == min(epochs)
    assert trainer.epochs == 3


def weights_of(model):
    return {name: value.clone() for name, value in model.model.state_dict().items()}


def the_same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", available_models())
def test_a_snapshot_holds_the_weights_of_its_epoch_and_changes_no_best_one(name, market):
    # So fast that the loss soon rises, and the training stops.
    stopped = {"max_epochs": 40, "patience": 1, "learning_rate": 0.1}
    plain = market.fit(name, **stopped)
    later = plain.epochs + 2
    fit = market.fit(name, **stopped, snapshot_epoch=later)
    # It was waited for, and what came after the stop was no candidate.
    assert fit.epochs == later
    assert (fit.best_epoch, fit.best_val_loss) == (plain.best_epoch, plain.best_val_loss)
    assert the_same(weights_of(fit.model), weights_of(plain.model))
    without_stop = market.fit(name, max_epochs=later, patience=50, learning_rate=0.1, snapshot_epoch=later)
    fit.use_snapshot()
    without_stop.use_snapshot()
    assert the_same(weights_of(fit.model), weights_of(without_stop.model))
    at_best = market.fit(name, **stopped, snapshot_epoch=plain.best_epoch)
    assert at_best.epochs == plain.epochs
    assert the_same(at_best.snapshot, weights_of(plain.model))


def test_a_snapshot_that_was_never_taken_is_told(market):
    for beyond in (None, 10):
        fit = market.fit("gru", max_epochs=2, snapshot_epoch=beyond)
        assert fit.epochs == 2
        with pytest.raises(ConfigError, match="snapshot was not taken: the training ended before it, or was not asked"):
            fit.use_snapshot()


def test_trainer_arguments_are_quiet():
    kwargs = trainer_kwargs()
    assert kwargs["max_epochs"] == 100
    assert not any(kwargs[name] for name in ("logger", "enable_checkpointing", "enable_progress_bar"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named(market):
    with pytest.raises(ConfigError, match="device cannot be 'cuda': torch sees no such GPU on this machine"):
        fit_forecaster("gru", market.hparams, market.train, settings=TrainingSettings(device="cuda"))


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


def test_an_interrupt_reaches_the_caller_and_the_handler_stays(market):
    # Whoever starts the tests in the background has SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            market.fit("gru", max_epochs=5, on_epoch=lambda *_: os.kill(os.getpid(), signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_series_that_cannot_be_used_are_named(market):
    with pytest.raises(ConfigError) as caught:
        fit_forecaster("gru", market.hparams, market.train[:10])
    assert str(caught.value) == (
        "target has 10 steps and one sample needs 11: a look-back of 10, a shift of 0 and a forecast of 1; "
        "give more steps or shorten those"
    )
    with pytest.raises(ConfigError, match="val_target has 5 steps and one sample needs 11"):
        fit_forecaster("gru", market.hparams, market.train, val_target=market.val[:5])
    with pytest.raises(
        ConfigError, match="val_past_covariates need a validation target beside them: give both or neither"
    ):
        fit_forecaster("gru", market.hparams, market.train, market.covariates, val_past_covariates=market.covariates)
    with pytest.raises(
        ConfigError, match="val_past_covariates are missing: training and validation need the same covariates"
    ):
        fit_forecaster("gru", market.hparams, market.train, market.covariates, val_target=market.val)


def test_steps_that_were_not_observed_teach_nothing(market):
    settings = TrainingSettings(max_epochs=2)
    cut = fit_forecaster("gru", market.hparams, market.train[:-3], market.covariates, settings=settings)
    observed = np.arange(80) < 77
    masked = fit_forecaster(
        "gru", market.hparams, market.train, market.covariates, observed=observed, settings=settings
    )
    for ours, theirs in zip(masked.model.model.parameters(), cut.model.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_steps_that_were_not_observed_are_not_validated(market):
    settings = TrainingSettings(max_epochs=2)
    observed = np.arange(len(market.val)) < len(market.val) - 5
    wild = market.val.values(copy=True)
    wild[~observed] = 1e6
    losses = [
        fit_forecaster(
            "gru", market.hparams, market.train, val_target=target, val_observed=mask, settings=settings
        ).best_val_loss
        for target, mask in [(market.val[:-5], None), (market.val.with_values(wild), observed)]
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("observed", "message"),
    [(np.ones(3, dtype=bool), r"one value a step, 80, not the shape \(3,\)"), (np.arange(80) < 10, "leaves no sample")],
)
def test_a_mask_that_cannot_be_used_is_refused(market, observed, message):
    with pytest.raises(ConfigError, match=message):
        fit_forecaster("gru", market.hparams, market.train, observed=observed)


def test_a_fit_says_what_it_was_trained_with(market):
    fit = market.fit("tide", max_epochs=2, seed=3)
    assert fit.hparams == read_hyperparameters("tide", {**market.hparams, "n_epochs": 2, "random_state": 3})


def test_the_random_state_of_the_hyperparameters_precedes_the_seed(market):
    first, second = (market.fit("gru", max_epochs=1, seed=seed, random_state=4) for seed in (0, 1))
    assert first.best_val_loss == second.best_val_loss


def loop_trainer(**arguments) -> LoopTrainer:
    with quiet_lightning():
        return LoopTrainer(max_epochs=1, best=None, on_epoch=lambda *_: None, **arguments)


def test_the_loop_trainer_takes_what_trainer_kwargs_makes():
    with quiet_lightning():
        trainer = LoopTrainer(best=None, on_epoch=lambda *_: None, **trainer_kwargs(TrainingSettings(max_epochs=7)))
    assert trainer.max_epochs == 7
    assert trainer.loggers == []
    assert trainer.num_devices == 1


FOLLOWED = {"max_epochs", "accelerator", *WITHOUT}
OTHERS = sorted(set(inspect.signature(pl.Trainer.__init__).parameters) - FOLLOWED - {"self"})


@pytest.mark.parametrize("name", [*OTHERS, "no_argument_of_lightning"])
def test_an_argument_that_the_loop_would_ignore_is_refused(name):
    assert {"gradient_clip_val", "callbacks", "max_steps", "precision"} <= set(OTHERS)
    with pytest.raises(ConfigError, match="this training loop does not follow: leave it out") as caught:
        loop_trainer(**{name: 1})
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logger", True, "logger must be False for this training loop, not True"),
        ("devices", 2, "devices must be 1 for this training loop, not 2"),
        ("devices", "auto", "devices must be 1 for this training loop, not 'auto'"),
        ("enable_checkpointing", None, "enable_checkpointing must be False for this training loop, not None"),
        ("num_sanity_val_steps", 2, "num_sanity_val_steps must be 0 for this training loop, not 2"),
    ],
)
def test_a_value_that_the_loop_cannot_follow_is_refused(name, value, message):
    with pytest.raises(ConfigError) as caught:
        loop_trainer(**{name: value})
    assert str(caught.value) == message


def test_the_loop_trainer_resumes_from_no_checkpoint(market):
    model = create_model("gru", {**market.hparams, "random_state": 0})
    model.load_ckpt_path = "weights.ckpt"
    with quiet_lightning(), pytest.raises(ConfigError, match="ckpt_path cannot be resumed from"):
        model.fit(market.train, past_covariates=market.covariates, trainer=loop_trainer())
