"""What Lightning and Darts say is silenced where it comes from, and nothing is silenced that they do not say."""

import logging
import re
import warnings
from contextlib import contextmanager, nullcontext

import pytest
import torch
from lightning_fabric.accelerators import cuda as fabric_cuda
from pytorch_lightning.accelerators import CUDAAccelerator

from kallos_models import Member, forecasts, lightning_silence, load_forecaster, save_forecaster, training
from kallos_models.lightning_silence import LOGGERS, WARNINGS, quiet_lightning
from kallos_models.model_files import building
from kallos_models.registry import available_models, create_model
from kallos_models.training import fit_forecaster, trainer_kwargs

SMALL = {"hidden_dim": 4, "n_rnn_layers": 2, "input_chunk_length": 8}


def use_everything(name, market, folder):
    """Train, forecast, save, load and forecast again; train by Lightning's own loop."""
    fit = fit_forecaster(
        name,
        SMALL,
        market.train,
        market.covariates,
        val_target=market.val,
        val_past_covariates=market.covariates,
        settings=training.TrainingSettings(max_epochs=1),
    )
    forecasts.forecast_rolling(fit.model, market.val, market.covariates)
    forecasts.forecast_recursive(fit.model, 3, market.train, market.covariates)
    save_forecaster([Member(name, fit.hparams, ("a", "b"), fit.model)], folder / name, overwrite=True)
    model = load_forecaster(folder / name).members[0].model
    with lightning_silence.quiet_lightning():
        model.predict(2, series=market.train, past_covariates=market.covariates)
        own = create_model(name, SMALL, trainer_kwargs(training.TrainingSettings(max_epochs=1)))
        own.fit(
            market.train,
            past_covariates=market.covariates,
            val_series=market.val,
            val_past_covariates=market.covariates,
        )


class Heard(logging.Handler):
    def __init__(self):
        super().__init__(level=logging.NOTSET)
        self.records: list[logging.LogRecord] = []

    def emit(self, record):
        self.records.append(record)


@contextmanager
def listening():
    """Hear every line that reaches a handler, also where Lightning keeps its own from the root logger."""
    heard = Heard()
    loggers = [logging.getLogger(), *(logging.getLogger(silence.what) for silence in LOGGERS)]
    for logger in loggers:
        logger.addHandler(heard)
    try:
        yield heard
    finally:
        for logger in loggers:
            logger.removeHandler(heard)


@pytest.fixture
def a_gpu_that_is_there(monkeypatch):
    """As far as Lightning's hints are concerned."""
    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: True))


@pytest.mark.parametrize("name", available_models())
def test_each_architecture_works_in_silence_with_warnings_as_errors(name, market, tmp_path, a_gpu_that_is_there):
    with warnings.catch_warnings(), listening() as heard:
        warnings.simplefilter("error")
        use_everything(name, market, tmp_path)
    assert [record.getMessage() for record in heard.records] == []


@pytest.mark.contract
def test_every_silence_is_still_needed(market, tmp_path, monkeypatch, a_gpu_that_is_there):
    """The other way round: what each silence is for does occur without it."""

    @contextmanager
    def loud():
        yield

    for module in (training, forecasts, building, lightning_silence):
        monkeypatch.setattr(module, "quiet_lightning", loud)
    with warnings.catch_warnings(record=True) as warned, listening() as heard:
        warnings.simplefilter("always")
        for name in available_models():
            use_everything(name, market, tmp_path)
    for silence in WARNINGS:
        assert any(
            issubclass(each.category, silence.category) and re.match(silence.what, str(each.message)) for each in warned
        ), f"nobody warns {silence.what!r} any more: take the silence out of lightning_silence.py"
    for silence in LOGGERS:
        assert any(
            f"{record.name}.".startswith(f"{silence.what}.") and record.levelno < silence.level
            for record in heard.records
        ), f"nobody logs to {silence.what!r} any more: take the silence out of lightning_silence.py"


@pytest.mark.contract
def test_the_advice_about_a_gpus_precision_is_silenced_too(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "any")
    monkeypatch.setattr(fabric_cuda, "_is_ampere_or_later", lambda _: True)
    said = []
    for silence in (nullcontext, quiet_lightning):
        fabric_cuda._check_cuda_matmul_precision.cache_clear()
        with silence(), listening() as heard:
            fabric_cuda._check_cuda_matmul_precision(torch.device("cuda"))
        said.append([record.name for record in heard.records])
    assert set(said[0]) == {"pytorch_lightning.utilities.rank_zero"}
    assert said[1] == []


def test_other_warnings_and_the_errors_of_others_still_show(recwarn):
    with quiet_lightning(), listening() as heard:
        warnings.warn("mind the step", UserWarning, stacklevel=1)
        logging.getLogger("pytorch_lightning.trainer").error("broken")
    assert [str(each.message) for each in recwarn] == ["mind the step"]
    assert {record.getMessage() for record in heard.records} == {"broken"}


def test_levels_and_filters_are_as_before_also_after_an_error():
    loggers = [logging.getLogger(silence.what) for silence in LOGGERS]
    before = [logger.level for logger in loggers], list(warnings.filters)
    with pytest.raises(ZeroDivisionError), quiet_lightning():
        1 / 0  # noqa: B018
    assert ([logger.level for logger in loggers], list(warnings.filters)) == before
