"""A trained forecaster, opened from its folder: what it says of the steps that follow its training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kallos_models import Member, ModelFileError, forecast_rolling, load_forecaster

from ..evaluation.fold import quantiles_of_fold
from ..evaluation.quantiles import MEDIAN
from .card import ForecasterCard

if TYPE_CHECKING:
    from kallos_data import FoldSeries

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A forecaster as it is in its folder.

    Attributes
    ----------
    folder : Path
    card : ForecasterCard
    members : tuple of kallos_models.Member
        Its networks; the forecast is their mean.
    digest : str
        Hash of the weights.
    """

    folder: Path
    card: ForecasterCard
    members: tuple[Member, ...]
    digest: str

    @property
    def look_back(self) -> int:
        """Steps from the first one that any member reads to the one forecast."""
        return max(member.hparams.input_chunk_length for member in self.members) + self.card.purge

    @property
    def has_quantiles(self) -> bool:
        """Whether its networks forecast quantiles; their median is then the forecast."""
        return self.members[0].model.likelihood is not None

    @property
    def what(self) -> str:
        """What makes the forecast, in words: the average of 5 gru networks."""
        names = sorted({member.model_name for member in self.members})
        if len(self.members) == 1:
            return f"one {names[0]} network"
        return f"the average of {len(self.members)} {' and '.join(names)} networks"


def load_trained(folder: str | Path) -> Trained:
    """Open a forecaster that :func:`kallos_tune.train_forecaster` saved; no code in the folder is run.

    Raises
    ------
    kallos_models.ModelFileError
        Where none is there, or a file of it is missing, damaged, of a newer format or of something else.
    """
    saved = load_forecaster(folder)
    card = ForecasterCard.of(saved.about, n_members=len(saved.members))
    for member in saved.members:
        if member.covariates != card.features:
            raise ModelFileError(
                f"its card is damaged (features are {', '.join(card.features)}, and a network reads "
                f"{', '.join(member.covariates)}): train again"
            )
        if member.hparams.output_chunk_length != 1 or member.hparams.output_chunk_shift != card.purge:
            raise ModelFileError("its card is damaged (a network forecasts other steps than it says): train again")
    if len({member.model.likelihood is None for member in saved.members}) > 1:
        raise ModelFileError("its card is damaged (some networks forecast quantiles and others do not): train again")
    return Trained(Path(folder).absolute(), card, saved.members, saved.digest)


@dataclass(frozen=True, slots=True)
class MemberForecasts:
    """What the members of a forecaster say of a row of steps, in the target's unit.

    Attributes
    ----------
    values : numpy.ndarray, float64, [M, T]
        What each forecasts; of quantiles the median.
    quantiles : numpy.ndarray, float64, [T, Q], or None
        The mean of the members' quantiles, quantile by quantile (Lichtendahl, Grushka-Cockayne, Winkler 2013, "Is It
        Better to Average Probabilities or Quantiles?", Management Science 59(7)); None without quantiles.
    """

    values: Floats
    quantiles: Floats | None


def forecasts_of(members: Sequence[Member], fold: "FoldSeries") -> MemberForecasts:
    """Return what members forecast of the validation window of a fold, step by step."""
    if any(member.model.likelihood is None for member in members):
        return MemberForecasts(member_forecasts(members, fold), None)
    each = np.stack(
        [quantiles_of_fold(member.model, fold, member.hparams.input_chunk_length + fold.purge) for member in members]
    )
    return MemberForecasts(each[:, :, MEDIAN], each.mean(axis=0))


def member_forecasts(members: Sequence[Member], fold: "FoldSeries") -> Floats:
    """Return what each member forecasts of the validation window of a fold, step by step, in the target's unit.

    Of members with quantiles it is the median.

    Returns
    -------
    numpy.ndarray, float64, [M, T_val]
    """
    return np.stack([_rolling(member, fold) for member in members])


def _rolling(member: Member, fold: "FoldSeries") -> Floats:
    series = fold.val_series(member.hparams.input_chunk_length + fold.purge)
    return fold.rolling_to_target_unit(forecast_rolling(member.model, *series)[:, 0, 0])
