"""A network is built anew from its card: by Darts' public interface, with a trainer that trains nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from torch import Tensor

from ..darts_bridge import ConnectingTrainer
from ..errors import ConfigError, KallosError
from ..lightning_silence import quiet_lightning
from ..registry import build_model
from ..settings import TrainingSettings
from ..training import trainer_kwargs
from .card import MemberCard
from .weights import TensorForm


def implied_tensors(member: MemberCard) -> dict[str, TensorForm]:
    """Return the tensors that a network has, by name, without allocating any of them.

    Raises
    ------
    ConfigError
        Where its architecture cannot be built with its hyperparameters.
    UnknownModelError
        Where there is no such architecture.
    """
    try:
        built = _built(member, torch.device("meta"))
    except KallosError:
        raise
    except Exception as error:
        raise ConfigError(f"a {member.architecture} cannot be built with these hyperparameters: {error}") from error
    return {name: TensorForm.of(tensor) for name, tensor in weights_of(built).items()}


def build(member: MemberCard, tensors: Mapping[str, Tensor]) -> TorchForecastingModel:
    """Return a network with the given weights, which are those that :func:`implied_tensors` names, on the CPU."""
    built = _built(member, nullcontext())
    assert built.model is not None
    built.model.load_state_dict(tensors, strict=True)
    built.model.eval()
    return built


def _built(member: MemberCard, place: AbstractContextManager[object]) -> TorchForecastingModel:
    hparams = member.hyperparameters
    if hparams.random_state is None:
        # Without a seed Darts would draw one from NumPy's global state; the weights drawn by it are replaced.
        hparams = replace(hparams, random_state=0)
    n_steps = hparams.input_chunk_length + hparams.output_chunk_shift + hparams.output_chunk_length
    target = _zeros(n_steps, [f"target {index}" for index in range(member.components)])
    covariates = _zeros(n_steps, member.covariates) if member.covariates else None
    kwargs = trainer_kwargs(TrainingSettings(max_epochs=hparams.n_epochs))
    with quiet_lightning():
        trainer = ConnectingTrainer(**kwargs)
        # What cannot apply was told when it was trained.
        model = build_model(
            member.architecture, hparams, kwargs, likelihood=member.likelihood, note=lambda _words: None
        )
        # Of a single series Darts keeps the values, and a later predict without a series would forecast from them.
        with place:
            model.fit([target] * 2, past_covariates=None if covariates is None else [covariates] * 2, trainer=trainer)
    return model


def _zeros(n_steps: int, names: "tuple[str, ...] | list[str]") -> TimeSeries:
    # One zero, looked at from everywhere: a long look-back takes no memory.
    values = np.broadcast_to(np.float32(0), (n_steps, len(names)))
    return TimeSeries.from_values(values, columns=list(names), copy=False)


def weights_of(model: TorchForecastingModel) -> Mapping[str, Tensor]:
    """Return the tensors of a fitted model by name."""
    assert model.model is not None
    return model.model.state_dict()
