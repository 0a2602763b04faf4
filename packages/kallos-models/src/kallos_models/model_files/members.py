"""The networks of a forecaster, and what the card says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from torch import Tensor

from ..darts_bridge import n_targets
from ..errors import KallosError, ModelFileError
from ..hyperparameters import Hyperparameters
from ..loss import ForecastQuantiles
from ..registry import read_hyperparameters
from ..settings import Likelihood
from .building import build, implied_tensors, weights_of
from .card import MOST_COLUMNS, MemberCard
from .weights import TensorForm, first_difference, not_finite

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a forecaster.

    Attributes
    ----------
    model_name : str
        Its architecture, one of :func:`kallos_models.available_models`.
    hparams : Hyperparameters
        All of them, as of :class:`kallos_models.Fit`.
    covariates : tuple of str
        Names of its past covariates in the order of its series; empty without covariates.
    model : TorchForecastingModel
        Fitted. A loaded one is on the CPU and holds no series: give ``predict`` the ``series`` whose end it forecasts
        from.
    """

    model_name: str
    hparams: Hyperparameters
    covariates: tuple[str, ...]
    model: TorchForecastingModel


def numbered(of_members: Sequence[Mapping[str, _Value]], *, first: int = 0) -> dict[str, _Value]:
    """Return the tensors of all members by the names that they have in the file: ``0.NAME``, ``1.NAME``, …."""
    return {f"{index}.{name}": value for index, each in enumerate(of_members, first) for name, value in each.items()}


def of_member(index: int, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one member by the names that they have in its network."""
    prefix = f"{index}."
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def built_member(card: MemberCard, tensors: Mapping[str, Tensor]) -> Member:
    """Return the member that a card describes, with the given weights."""
    return Member(card.architecture, card.hyperparameters, card.covariates, build(card, tensors))


def card_of(which: str, member: Member) -> MemberCard:
    """Return a member's card, which is enough to build it again.

    Raises
    ------
    ModelFileError
        Where it is not: the member is not fitted, or with other hyperparameters, or its weights are not finite.
    """
    if member.model.model is None:
        raise ModelFileError(f"must be fitted, and {which} is not: fit it first", "members")
    covariates = tuple(member.covariates)
    if len(set(covariates)) < len(covariates) or len(covariates) > MOST_COLUMNS:
        raise ModelFileError(f"must name at most {MOST_COLUMNS} covariates, each once: {which} does not", "members")
    likelihood = _likelihood_of(which, member.model)
    weights = weights_of(member.model)
    found = {name: TensorForm.of(tensor) for name, tensor in weights.items()}
    try:
        hparams = read_hyperparameters(member.model_name, member.hparams)
        card = MemberCard(member.model_name, hparams, covariates, likelihood, n_targets(member.model.model))
        difference = first_difference(found, implied_tensors(card))
    except KallosError as error:
        raise ModelFileError(f"must be what they were fitted as, and {which} is not: {error}", "members") from error
    if difference:
        raise ModelFileError(
            f"must have the architecture, hyperparameters and covariates that they were fitted with, in float32, and "
            f"{which} has others: {difference}",
            "members",
        )
    if (name := not_finite(weights)) is not None:
        raise ModelFileError(f"must be finite, and {name!r} of {which} is not: train it anew", "members")
    return card


def _likelihood_of(which: str, model: TorchForecastingModel) -> Likelihood:
    if model.likelihood is not None and not isinstance(model.likelihood, ForecastQuantiles):
        raise ModelFileError(f"must come from create_model, and the likelihood of {which} does not", "members")
    return "none" if model.likelihood is None else "quantile"
