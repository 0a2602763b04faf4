"""Every look-back of a series with what follows it, as slices of one tensor: no sample is ever built by itself."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import ShiftedTorchTrainingDataset, TorchTrainingBatch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .darts_bridge import one_series

Mask = NDArray[np.bool_]

# Without gradients large batches are as good; they are bounded for the memory of long windows.
_LARGE_BATCH: Final = 512


class Windows(Dataset[TorchTrainingBatch]):
    """The samples of a series in the order of Darts, newest first, taken many at a time.

    Parameters
    ----------
    past_target : Tensor, [N, L, C]
        Look-backs of the target, oldest first.
    past_covariates : Tensor or None, [N, L, F]
        Covariates over the same steps.
    future_target : Tensor, [N, S, C]
        What is to be forecast from each.
    kept : Tensor, int64, [K], optional
        Which of them are samples, oldest first; all where left out.
    """

    def __init__(
        self,
        past_target: Tensor,
        past_covariates: Tensor | None,
        future_target: Tensor,
        kept: Tensor | None = None,
    ) -> None:
        self._past_target = past_target
        self._past_covariates = past_covariates
        self._future_target = future_target
        self._kept = kept

    @classmethod
    def of(cls, dataset: ShiftedTorchTrainingDataset, device: torch.device, observed: Mask | None = None) -> Self:
        """Return the samples of a Darts dataset of one series, its values moved to a device once.

        Parameters
        ----------
        dataset : ShiftedTorchTrainingDataset
        device : torch.device
        observed : numpy.ndarray, bool, [T], optional
            Steps of the series that may be forecast: a sample whose forecast holds another one is left out.
        """
        of = one_series(dataset)
        values = _values(of.target, device)
        known = None
        if of.covariates is not None:
            first = of.covariates.time_index.get_loc(of.target.start_time())
            known = _slices(_values(of.covariates, device)[first:], of.n_samples, of.look_back)
        kept = None
        if observed is not None and not observed.all():
            may_be = torch.as_tensor(observed, device=device)[of.shift :]
            kept = may_be.unfold(0, of.future, 1)[: of.n_samples].all(dim=1).nonzero()[:, 0]
        past = _slices(values, of.n_samples, of.look_back)
        return cls(past, known, _slices(values[of.shift :], of.n_samples, of.future), kept)

    def __len__(self) -> int:
        return len(self._past_target if self._kept is None else self._kept)

    def __getitems__(self, indices: Sequence[int]) -> TorchTrainingBatch:
        """Return a batch: what torch's loader asks for where a dataset offers it."""
        rows = torch.as_tensor(indices, device=self._past_target.device).neg().add(len(self) - 1)
        if self._kept is not None:
            rows = self._kept[rows]
        return TorchTrainingBatch(
            past_target=self._past_target[rows],
            past_covariates=None if self._past_covariates is None else self._past_covariates[rows],
            future_target=self._future_target[rows],
        )


def batches(
    dataset: ShiftedTorchTrainingDataset,
    device: torch.device,
    *,
    batch_size: int = _LARGE_BATCH,
    shuffle: bool = False,
    observed: Mask | None = None,
) -> Iterable[TorchTrainingBatch]:
    """Return the samples of a Darts dataset of one series in batches, newest first or shuffled anew by each reading.

    Parameters
    ----------
    dataset : ShiftedTorchTrainingDataset
        Without future or static covariates and weights: what the architectures of this library make of a series.
    device : torch.device
        Where the batches are to be; the series are moved there once.
    batch_size : int, default 512
        Samples in a batch.
    shuffle : bool, default False
        By torch's global random state, as torch's own loader does.
    observed : numpy.ndarray, bool, [T], optional
        As of :meth:`Windows.of`.
    """
    # Its samples are whole batches, where torch expects a list of single ones.
    collate: Any = _as_it_is
    return DataLoader(Windows.of(dataset, device, observed), batch_size=batch_size, shuffle=shuffle, collate_fn=collate)


def _as_it_is(batch: TorchTrainingBatch) -> TorchTrainingBatch:
    return batch


def _values(series: TimeSeries, device: torch.device) -> Tensor:
    return torch.as_tensor(series.values(copy=False), device=device)


def _slices(values: Tensor, n: int, length: int) -> Tensor:
    """Return the first ``n`` runs of so many steps, ``[n, length, C]``, as views of ``values [T, C]``."""
    return values.unfold(0, length, 1)[:n].transpose(1, 2)
