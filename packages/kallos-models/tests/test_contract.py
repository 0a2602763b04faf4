"""What holds for every architecture."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from kallos_models.hyperparameters import Hyperparameters
from kallos_models.lightning_silence import quiet_lightning
from kallos_models.registry import _say, available_models, create_model
from kallos_models.settings import TrainingSettings
from kallos_models.training import fit_forecaster

every_model = pytest.mark.parametrize("name", available_models())


def weights(model) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in model.model.named_parameters()}


def forecast_next(model, series, covariates) -> np.ndarray:
    with quiet_lightning():
        return model.predict(1, series=series, past_covariates=covariates).values()


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module")
def fitted(market):
    return {name: market.known_fit(name) for name in available_models()}


@every_model
def test_forecasts_the_next_steps_in_float32(name, market, fitted):
    forecast = market.forecast(fitted[name].model, n=3)

    assert list(forecast.time_index) == list(pd.date_range("2020-03-21", periods=3, freq="D"))
    assert forecast.all_values().shape == (3, 1, 1)
    assert forecast.dtype == np.float32
    assert {value.dtype for value in fitted[name].model.model.parameters()} == {torch.float32}
    assert np.isfinite(forecast.values()).all()


@every_model
def test_sees_the_covariates_of_the_whole_look_back_and_nothing_before(name, market, fitted):
    model = fitted[name].model
    base = market.forecast(model).values()
    for age in (1, market.look_back):
        values = market.covariates.values().copy()
        values[80 - age, 0] += 3.0
        changed = market.covariates.with_values(values)
        assert not np.array_equal(forecast_next(model, market.train, changed), base), age

    recent = market.train[-market.look_back :]
    np.testing.assert_array_equal(forecast_next(model, recent, market.covariates), base)


@every_model
def test_a_seed_gives_bitwise_the_same_model_whatever_ran_before(name, market, fitted):
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the global state is what must not matter
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again, other = market.fit(name), market.fit(name, seed=1)

    assert same(weights(again.model), weights(fitted[name].model))
    assert again.best_val_loss == fitted[name].best_val_loss
    np.testing.assert_array_equal(
        market.forecast(again.model).values(), market.forecast(fitted[name].model).values(), strict=True
    )
    assert not same(weights(other.model), weights(again.model))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


@every_model
def test_a_second_fit_leaves_the_first_alone(name, market, noise_market):
    first = market.known_fit(name)
    before = weights(first.model)
    second = noise_market.fit(name, max_epochs=3)

    assert same(weights(first.model), before)
    assert second.model is not first.model
    assert second.epochs == 3


@every_model
def test_learns_a_planted_signal(name, market):
    losses = []
    fit = market.fit(
        name, max_epochs=20, patience=20, hidden_dim=16, dropout=0.0, on_epoch=lambda _, loss: losses.append(loss)
    )

    variance = float(np.var(market.val.values()))
    assert min(losses) < losses[0]
    assert fit.best_val_loss < 0.5 * variance


@every_model
def test_the_best_epoch_is_restored(name, noise_market):
    seen = []
    fit = noise_market.fit(
        name, max_epochs=200, patience=2, learning_rate=0.03, on_epoch=lambda epoch, loss: seen.append((epoch, loss))
    )

    losses = [loss for _, loss in seen]
    assert [epoch for epoch, _ in seen] == list(range(1, fit.epochs + 1))
    assert fit.best_val_loss == min(losses)
    assert fit.best_epoch == losses.index(min(losses)) + 1
    assert fit.epochs == fit.best_epoch + 2
    assert fit.epochs < 200

    val, look_back = noise_market.val, noise_market.look_back
    contexts = [val[start : start + look_back] for start in range(len(val) - look_back)]
    with quiet_lightning():
        forecasts = fit.model.predict(1, series=contexts, past_covariates=[noise_market.covariates] * len(contexts))
    errors = np.array([each.values().item() for each in forecasts]) - val.values()[look_back:, 0]
    assert float(np.mean(errors**2)) == pytest.approx(fit.best_val_loss, rel=1e-5)


@every_model
def test_series_of_doubles_train_the_same_model(name, market, fitted):
    doubles = replace(market, target=market.target.astype("float64"), covariates=market.covariates.astype("float64"))

    assert same(weights(doubles.fit(name).model), weights(fitted[name].model))


@every_model
def test_forecasts_several_steps_after_a_shift(name, market):
    fit = market.fit(name, output_chunk_length=3, output_chunk_shift=2)
    forecast = market.forecast(fit.model, n=3)

    assert list(forecast.time_index) == list(pd.date_range("2020-03-23", periods=3, freq="D"))
    assert np.isfinite(fit.best_val_loss)


@every_model
def test_trains_to_the_last_epoch_without_validation_and_without_covariates(name, market):
    seen = []
    fit = fit_forecaster(
        name,
        market.hparams,
        market.train,
        settings=TrainingSettings(max_epochs=3, patience=1),
        on_epoch=lambda epoch, loss: seen.append((epoch, loss)),
    )

    assert (fit.epochs, fit.best_epoch, fit.best_val_loss) == (3, None, None)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert all(0 < loss < 100 for _, loss in seen)
    with quiet_lightning():
        assert len(fit.model.predict(2, series=market.train)) == 2


CHANGES = {
    "hidden_dim": 12,
    "n_rnn_layers": 3,
    "dropout": 0.5,
    "batch_size": 16,
    "input_chunk_length": 9,
    "learning_rate": 0.02,
    "weight_decay": 0.1,
    "output_chunk_length": 2,
    "output_chunk_shift": 1,
    "n_epochs": 7,
    "random_state": 5,
}


def test_every_hyperparameter_is_changed_below():
    assert set(CHANGES) == set(Hyperparameters.__dataclass_fields__)


@every_model
@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (2, CHANGES),
        # What depends on there being one layer alone, and at night what should not.
        (1, ("n_rnn_layers", "dropout")),
        pytest.param(1, CHANGES, marks=pytest.mark.nightly),
    ],
    ids=["two layers", "one layer", "one layer, all"],
)
def test_each_hyperparameter_changes_the_model_or_is_said_not_to(name, layers, names, market, caplog):
    def outcome(**changes):
        hparams = {**market.hparams, "n_rnn_layers": layers, "n_epochs": 1, "random_state": 0, **changes}
        caplog.set_level("INFO", "kallos_models")
        caplog.clear()
        model = create_model(name, hparams)
        notes = caplog.text
        forecast = market.forecast(market.fit(name, max_epochs=1, **hparams).model)
        return notes, (model.n_epochs, forecast.start_time(), tuple(forecast.values().ravel()))

    _, base = outcome()
    for hyperparameter in names:
        _say.cache_clear()
        notes, changed = outcome(**{hyperparameter: CHANGES[hyperparameter]})
        assert changed != base or hyperparameter in notes, hyperparameter
