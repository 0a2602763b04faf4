"""Another process loads what this one saved: it forecasts the same to the bit."""

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
    import sys
    import numpy as np
    import torch
    from darts import TimeSeries
    from kallos_models import forecast_quantiles, forecast_rolling, load_forecaster

    torch.set_num_threads(1)
    folder = sys.argv[1]
    series = np.load(f"{folder}/series.npz")
    target, known = (TimeSeries.from_values(series[name]) for name in ("target", "covariates"))
    found = {}
    for index, member in enumerate(load_forecaster(f"{folder}/forecaster").members):
        forecast = forecast_rolling if member.model.likelihood is None else forecast_quantiles
        found[str(index)] = forecast(member.model, target, known if member.covariates else None)
    np.savez(f"{folder}/found.npz", **found)
"""


@pytest.fixture(scope="module")
def here_and_elsewhere(market, tmp_path_factory):
    """Save all cases as the members of one forecaster, and have a process of its own forecast with them."""
    folder = tmp_path_factory.mktemp("elsewhere")
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
    subprocess.run([sys.executable, "-c", textwrap.dedent(ELSEWHERE), str(folder)], check=True)
    return here, np.load(folder / "found.npz")


@pytest.mark.parametrize("index", range(len(CASES)), ids=["-".join(map(str, case)) for case in CASES])
def test_another_process_forecasts_the_same_to_the_bit(index, here_and_elsewhere):
    here, elsewhere = here_and_elsewhere
    assert len(here[index]) > 100
    np.testing.assert_array_equal(elsewhere[str(index)], here[index], strict=True)
