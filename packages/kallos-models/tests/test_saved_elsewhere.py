"""Another process loads what this one saved: it forecasts the same to the bit, and says nothing of it."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from kallos_models.forecasts import forecast_quantiles, forecast_rolling
from kallos_models.model_files.files import save_forecaster
from kallos_models.model_files.members import Member
from kallos_models.registry import available_models
from kallos_models.settings import TrainingSettings
from kallos_models.training import fit_forecaster

# Past covariates or none, steps that a purge skips, and what is forecast.
KINDS = [(True, 0, "none"), (False, 0, "none"), (True, 3, "none"), (False, 3, "quantile"), (True, 0, "quantile")]
CASES = [(name, *kind) for name in available_models() for kind in KINDS]
ELSEWHERE = """
    import gc, logging, sys, warnings
    gc.disable()  # to load it all takes a sixth less
    import numpy as np
    import torch
    from darts import TimeSeries
    from kallos_models import (
        TrainingSettings, available_models, fit_forecaster, forecast_quantiles, forecast_rolling, load_forecaster,
        quiet_lightning,
    )

    torch.set_num_threads(1)
    names = ("pytorch_lightning", "lightning_fabric", "darts")
    before = [logging.getLogger(name).level for name in names], list(warnings.filters)

    folder = sys.argv[1]
    series = np.load(f"{folder}/series.npz")
    target, known = (TimeSeries.from_values(series[name]) for name in ("target", "covariates"))
    found = {}
    for index, member in enumerate(load_forecaster(f"{folder}/forecaster").members):
        forecast = forecast_rolling if member.model.likelihood is None else forecast_quantiles
        found[str(index)] = forecast(member.model, target, known if member.covariates else None)
    np.savez(f"{folder}/found.npz", **found)

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


@pytest.fixture(scope="module")
def here_and_elsewhere(market, tmp_path_factory):
    """Save all cases as the members of one forecaster, and have a process of its own forecast with them, and train."""
    folder, workplace = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("workplace")
    members, here = [], []
    for name, with_covariates, shift, likelihood in CASES:
        known = market.covariates if with_covariates else None
        hparams = {**market.hparams, "output_chunk_shift": shift, "output_chunk_length": 2}
        settings = TrainingSettings(max_epochs=1, likelihood=likelihood)
        fit = fit_forecaster(name, hparams, market.train, known, settings=settings)
        members.append(Member(name, fit.hparams, ("a", "b") if with_covariates else (), fit.model))
        forecast = forecast_rolling if likelihood == "none" else forecast_quantiles
        here.append(forecast(fit.model, market.target, known))
    save_forecaster(members, folder / "forecaster")
    np.savez(folder / "series.npz", target=market.target.values(), covariates=market.covariates.values())
    command = [sys.executable, "-W", "default", "-c", textwrap.dedent(ELSEWHERE), str(folder)]
    done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
    return here, folder / "found.npz", (done.returncode, done.stdout, done.stderr, list(workplace.iterdir()))


@pytest.mark.parametrize("index", range(len(CASES)), ids=["-".join(map(str, case)) for case in CASES])
def test_another_process_forecasts_the_same_to_the_bit(index, here_and_elsewhere):
    here, elsewhere, _ = here_and_elsewhere
    assert len(here[index]) > 100
    with np.load(elsewhere) as found:
        np.testing.assert_array_equal(found[str(index)], here[index], strict=True)


def test_training_loading_and_forecasting_say_and_write_nothing(here_and_elsewhere):
    *_, left = here_and_elsewhere
    assert left == (0, "", "", [])
