"""Quantiles of the step that comes next."""

from collections.abc import Sequence

import numpy as np

from kallos_data import FoldSeries
from kallos_models import Member, forecast_quantiles

from .trained import Floats


def next_quantiles(members: Sequence[Member], fold: FoldSeries) -> Floats:
    """Return the quantiles of the first step after a training window, the mean of those of the members.

    Parameters
    ----------
    members : sequence of Member
        Trained for the likelihood "quantile" and the fold's purge.
    fold : FoldSeries
        Whose training window ends with the newest step.

    Returns
    -------
    numpy.ndarray, float64, [Q]
        Of :data:`kallos_models.QUANTILES`, in the target's unit.
    """
    return np.mean([_of_member(member, fold) for member in members], axis=0)


def _of_member(member: Member, fold: FoldSeries) -> Floats:
    known = slice(fold.n_train - member.hparams.input_chunk_length, fold.n_train)
    # A forecast along a timeline needs the step it is for to be there; nothing reads what stands in it.
    ahead = np.zeros((fold.purge + 1, 1), dtype=np.float32)
    target, covariates = fold.target[known].append_values(ahead), None
    if fold.covariates is not None:
        covariates = fold.covariates[known].append_values(ahead.repeat(fold.covariates.n_components, axis=1))
    scaled = forecast_quantiles(member.model, target, covariates)[-1, 0]
    return np.concatenate([fold.recursive_to_target_unit(each[None]) for each in scaled])
