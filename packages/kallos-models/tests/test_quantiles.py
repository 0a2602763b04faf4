"""Models that forecast quantiles: their loss, what they say, and that they never cross."""

import numpy as np
import pytest
import torch
from darts import TimeSeries

from kallos_models.errors import ConfigError
from kallos_models.forecasts import forecast_quantiles, forecast_recursive, forecast_rolling
from kallos_models.lightning_silence import quiet_lightning
from kallos_models.loss import ForecastQuantiles
from kallos_models.registry import available_models, create_model
from kallos_models.settings import QUANTILES, TrainingSettings
from kallos_models.training import fit_forecaster

every_model = pytest.mark.parametrize("name", available_models())


def pinball(target: np.ndarray, quantiles: np.ndarray) -> float:
    """Return the mean pinball loss of quantiles [N, Q] for a target [N], number by number."""
    losses = [
        level * (y - q) if y >= q else (1 - level) * (q - y)
        for y, row in zip(target.tolist(), quantiles.tolist(), strict=True)
        for level, q in zip(QUANTILES, row, strict=True)
    ]
    return float(np.mean(losses))


@pytest.fixture(scope="module")
def fitted(market):
    return {name: market.known_fit(name, likelihood="quantile", max_epochs=3) for name in available_models()}


def test_the_loss_is_the_mean_pinball_loss():
    generator = torch.Generator().manual_seed(0)
    output, target = torch.randn(6, 4, 1, 5, generator=generator), torch.randn(6, 4, 1, generator=generator)
    loss = ForecastQuantiles(2)
    everywhere = pinball(target.flatten().numpy(), output.reshape(-1, 5).numpy())
    assert loss.compute_loss(output, target, None).item() == pytest.approx(everywhere, rel=1e-6)
    # Without gradients, as in validation, only the forecast counts.
    at_the_end = pinball(target[:, -2:].flatten().numpy(), output[:, -2:].reshape(-1, 5).numpy())
    with torch.no_grad():
        assert loss.compute_loss(output, target, None).item() == pytest.approx(at_the_end, rel=1e-6)


@every_model
def test_the_validation_loss_is_the_pinball_loss_of_what_darts_forecasts(name, market, fitted):
    """The slow reference: Darts' own forecasts of the quantiles, one look-back after another."""
    fit, val, look_back = fitted[name], market.val, market.look_back
    contexts = [val[start : start + look_back] for start in range(len(val) - look_back)]
    with quiet_lightning():
        series = fit.model.predict(
            1, series=contexts, past_covariates=[market.covariates] * len(contexts), predict_likelihood_parameters=True
        )
    expected = np.array([each.values()[0] for each in series])
    found = forecast_quantiles(fit.model, val, market.covariates)

    np.testing.assert_allclose(found[:, 0], np.sort(expected, axis=-1), rtol=1e-5, atol=1e-6)
    assert fit.best_val_loss == pytest.approx(pinball(val.values()[look_back:, 0], expected), rel=1e-5)
    # Rearranged they are no worse.
    assert pinball(val.values()[look_back:, 0], found[:, 0]) <= fit.best_val_loss * (1 + 1e-6)


@every_model
def test_quantiles_never_cross_and_their_middle_is_the_rolling_forecast(name, market, fitted):
    quantiles = forecast_quantiles(fitted[name].model, market.val, market.covariates)

    assert quantiles.shape == (40, 1, len(QUANTILES))
    assert quantiles.dtype == np.float32
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    rolling = forecast_rolling(fitted[name].model, market.val, market.covariates)
    np.testing.assert_array_equal(rolling[..., 0], quantiles[..., QUANTILES.index(0.5)])


@every_model
def test_several_steps_are_forecast_after_a_shift(name, market):
    fit = market.fit(name, likelihood="quantile", max_epochs=1, output_chunk_length=3, output_chunk_shift=2)
    quantiles = forecast_quantiles(fit.model, market.val, market.covariates)

    assert quantiles.shape == (len(market.val) - market.look_back - 2 - 3 + 1, 3, 5)
    assert (np.diff(quantiles, axis=-1) >= 0).all()


@every_model
def test_the_recursive_forecast_feeds_its_median_back(name, market, fitted):
    model, known = fitted[name].model, market.train
    found = forecast_recursive(model, 4, known, market.covariates)
    again = forecast_recursive(model, 4, known, market.covariates)

    expected = []
    for _step in range(4):
        # The last step of a rolling forecast is one of a series that holds a step more, whatever its value.
        longer = known.append_values(np.zeros((1, 1), dtype=np.float32))
        median = forecast_rolling(model, longer, market.covariates)[-1]
        expected.append(median[0])
        known = known.append_values(median)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found, again)


def test_darts_own_predict_draws_between_the_quantiles(market, fitted):
    draws = [market.forecast(fitted["tide"].model).values().item() for _ in range(2)]
    assert draws[0] != draws[1]


def test_the_quantiles_of_noise_are_learnt():
    rng = np.random.default_rng(1)
    noise = TimeSeries.from_values(rng.normal(size=400).astype(np.float32))
    fit = fit_forecaster(
        "tide",
        {"hidden_dim": 4, "input_chunk_length": 2, "learning_rate": 0.03, "dropout": 0.0},
        noise,
        settings=TrainingSettings(max_epochs=40, likelihood="quantile"),
    )
    found = forecast_quantiles(fit.model, noise)[:, 0]
    covered = (noise.values()[2:] <= found).mean(axis=0)
    np.testing.assert_allclose(covered, QUANTILES, atol=0.06)


@every_model
def test_a_seed_gives_the_same_quantiles(name, market, fitted):
    again = market.fit(name, likelihood="quantile", max_epochs=3)
    np.testing.assert_array_equal(
        forecast_quantiles(again.model, market.val, market.covariates),
        forecast_quantiles(fitted[name].model, market.val, market.covariates),
    )


def test_a_model_of_values_has_no_quantiles(market):
    fit = market.known_fit("tide", max_epochs=1)
    with pytest.raises(ConfigError) as caught:
        forecast_quantiles(fit.model, market.val, market.covariates)
    assert str(caught.value) == 'model forecasts no quantiles: train it with likelihood="quantile"'
    assert caught.value.parameter == "model"


def test_what_cannot_be_forecast_is_named(market, fitted):
    unfitted = create_model("tide", market.hparams, likelihood="quantile")
    with pytest.raises(ConfigError, match="model is not fitted, so it cannot forecast: fit it first"):
        forecast_quantiles(unfitted, market.val)
    with pytest.raises(ConfigError, match="target has 10 steps and one forecast needs 11: give more context"):
        forecast_quantiles(fitted["tide"].model, market.val[:10], market.covariates)
    with pytest.raises(ConfigError, match="target has 2 components, and quantiles are forecast of one alone"):
        forecast_quantiles(fitted["tide"].model, market.val.stack(market.val), market.covariates)


def test_an_unknown_likelihood_is_named():
    with pytest.raises(ConfigError) as caught:
        create_model("gru", {}, likelihood="gauss")
    assert str(caught.value) == "likelihood must be one of none, quantile, not 'gauss'"
