"""Every look-back of a series with what follows it, as slices of one tensor: no sample is ever built by itself."""

from collections.abc import Sequence
from typing import Self

import torch
from darts import TimeSeries
from darts.utils.data.torch_datasets.training_dataset import ShiftedTorchTrainingDataset
from darts.utils.data.torch_datasets.utils import TorchTrainingBatch
from torch import Tensor
from torch.utils.data import Dataset


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
    """

    def __init__(self, past_target: Tensor, past_covariates: Tensor | None, future_target: Tensor) -> None:
        self._past_target = past_target
        self._past_covariates = past_covariates
        self._future_target = future_target

    @classmethod
    def of(cls, dataset: ShiftedTorchTrainingDataset, device: torch.device) -> Self:
        """Return the samples of a Darts dataset of one series, its values moved to a device once."""
        target = dataset.series[0]
        covariates = dataset.past_covariates[0] if dataset.past_covariates is not None else None
        n, look_back, future = len(dataset), dataset.input_chunk_length, dataset.output_chunk_length
        values = _values(target, device)
        known = None
        if covariates is not None:
            first = covariates.time_index.get_loc(target.start_time())
            known = _slices(_values(covariates, device)[first:], n, look_back)
        return cls(_slices(values, n, look_back), known, _slices(values[dataset.shift :], n, future))

    def __len__(self) -> int:
        return len(self._past_target)

    def __getitems__(self, indices: Sequence[int]) -> TorchTrainingBatch:
        """Return a batch: what torch's loader asks for where a dataset offers it."""
        rows = torch.as_tensor(indices, device=self._past_target.device).neg().add(len(self) - 1)
        return TorchTrainingBatch(
            past_target=self._past_target[rows],
            past_covariates=None if self._past_covariates is None else self._past_covariates[rows],
            future_target=self._future_target[rows],
        )


def _values(series: TimeSeries, device: torch.device) -> Tensor:
    return torch.as_tensor(series.values(copy=False), device=device)


def _slices(values: Tensor, n: int, length: int) -> Tensor:
    """Return the first ``n`` runs of so many steps, ``[n, length, C]``, as views of ``values [T, C]``."""
    return values.unfold(0, length, 1)[:n].transpose(1, 2)
