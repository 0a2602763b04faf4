"""Batches of windows are what Darts makes of a series, sample by sample."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.data.torch_datasets.training_dataset import ShiftedTorchTrainingDataset

from kallos_models.errors import ConfigError
from kallos_models.forecasts import forecast_recursive, forecast_rolling
from kallos_models.lightning_silence import quiet_lightning
from kallos_models.registry import available_models, create_model
from kallos_models.windows import Windows, batches

CPU = torch.device("cpu")


def series(first: str, n: int, width: int) -> TimeSeries:
    times = pd.date_range(first, periods=n, freq="D")
    values = np.random.default_rng(n).normal(size=(n, width)).astype(np.float32)
    return TimeSeries.from_times_and_values(times, values)


@pytest.mark.contract
@pytest.mark.parametrize(("shift", "length"), [(4, 1), (4, 3), (6, 3), (1, 4), (3, 4)])
@pytest.mark.parametrize("covariates", [None, series("2020-01-01", 60, 2)])
def test_every_window_is_the_sample_of_darts(shift, length, covariates):
    dataset = ShiftedTorchTrainingDataset(
        series("2020-01-11", 40, 1),
        past_covariates=covariates,
        input_chunk_length=4,
        output_chunk_length=length,
        shift=shift,
    )
    windows = Windows.of(dataset, CPU)
    assert len(windows) == len(dataset)
    whole = windows.__getitems__(range(len(dataset)))
    for index in range(len(dataset)):
        sample = dataset[index]
        for field in fields(whole):
            expected, found = getattr(sample, field.name), getattr(whole, field.name)
            assert (expected is None) == (found is None), field.name
            if expected is not None:
                np.testing.assert_array_equal(found[index].numpy(), expected)


def test_batches_hold_every_window_once_whether_shuffled_or_not():
    dataset = ShiftedTorchTrainingDataset(series("2020-01-01", 50, 1), input_chunk_length=4, shift=4)
    plain = torch.cat([each.future_target for each in batches(dataset, CPU, batch_size=16)]).flatten()
    shuffled = torch.cat([each.future_target for each in batches(dataset, CPU, batch_size=16, shuffle=True)]).flatten()
    assert not torch.equal(plain, shuffled)
    assert torch.equal(plain.sort().values, shuffled.sort().values)


@pytest.mark.parametrize(("shift", "length"), [(4, 1), (6, 3)])
def test_no_sample_forecasts_a_step_that_was_not_observed(shift, length):
    dataset = ShiftedTorchTrainingDataset(
        series("2020-01-11", 40, 1), input_chunk_length=4, output_chunk_length=length, shift=shift
    )
    observed = np.random.default_rng(shift).random(40) < 0.8
    # Darts' samples are newest first: the last of them begins at the first step.
    first_steps = [len(dataset) - 1 - index for index in range(len(dataset))]
    expected = [
        dataset[index].future_target
        for index, first in enumerate(first_steps)
        if observed[first + shift : first + shift + length].all()
    ]
    windows = Windows.of(dataset, CPU, observed)
    assert 0 < len(windows) == len(expected) < len(dataset)
    np.testing.assert_array_equal(windows.__getitems__(range(len(windows))).future_target, np.stack(expected))
    everything = Windows.of(dataset, CPU, np.ones(40, dtype=bool))
    assert len(everything) == len(dataset)


@pytest.mark.parametrize("name", available_models())
@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("ahead", [1, 2])
def test_a_rolling_forecast_is_that_of_one_look_back_after_another(name, shift, ahead, market):
    fit = market.fit(name, output_chunk_shift=shift, output_chunk_length=ahead)
    timeline, look_back = market.target[50:], market.look_back
    n = len(timeline) - look_back - shift - ahead + 1
    contexts = [timeline[start : start + look_back] for start in range(n)]
    with quiet_lightning():
        reference = fit.model.predict(ahead, series=contexts, past_covariates=[market.covariates] * n)
    found = forecast_rolling(fit.model, timeline, market.covariates)
    assert found.shape == (n, ahead, 1)
    np.testing.assert_allclose(found, np.stack([each.values() for each in reference]), rtol=1e-4, atol=1e-6)


def test_a_recursive_forecast_is_that_of_darts(market):
    fit = market.known_fit("gru")
    found = forecast_recursive(fit.model, 5, market.train, market.covariates)
    np.testing.assert_array_equal(found, market.forecast(fit.model, n=5).values())


def test_what_forecasts_nothing_is_named(market):
    with pytest.raises(ConfigError, match="model is not fitted, so it cannot forecast: fit it first"):
        forecast_rolling(create_model("gru", {}), market.target)
    fit = market.known_fit("gru")
    with pytest.raises(ConfigError, match="target has 10 steps and one forecast needs 11: give more context"):
        forecast_rolling(fit.model, market.target[:10], market.covariates)
