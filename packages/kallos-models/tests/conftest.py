"""A short planted market: the target is the first covariate of the step before, plus a little noise."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries

import kallos_models
from kallos_models.registry import _say

torch.set_num_threads(1)

SMALL = {
    "hidden_dim": 8,
    "n_rnn_layers": 2,
    "dropout": 0.1,
    "batch_size": 32,
    "input_chunk_length": 10,
    "learning_rate": 0.01,
}


@dataclass(frozen=True)
class Market:
    """120 steps: 80 to train, 40 to validate, with their context."""

    target: TimeSeries
    covariates: TimeSeries
    hparams: dict[str, Any] = field(default_factory=lambda: dict(SMALL))
    known_fits: dict[str, "kallos_models.Fit"] = field(init=False, default_factory=dict)
    train: TimeSeries = field(init=False)
    val: TimeSeries = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "train", self.target[:80])
        object.__setattr__(self, "val", self.target[80 - self.look_back :])

    @property
    def look_back(self) -> int:
        return self.hparams["input_chunk_length"]

    def fit(
        self,
        name: str,
        *,
        max_epochs: int = 2,
        patience: int = 10,
        seed: int = 0,
        snapshot_epoch=None,
        on_epoch=None,
        likelihood="none",
        **hparams,
    ) -> "kallos_models.Fit":
        return kallos_models.fit_forecaster(
            name,
            {**self.hparams, **hparams},
            self.train,
            self.covariates,
            val_target=self.val,
            val_past_covariates=self.covariates,
            settings=kallos_models.TrainingSettings(
                max_epochs=max_epochs, patience=patience, seed=seed, likelihood=likelihood
            ),
            snapshot_epoch=snapshot_epoch,
            on_epoch=on_epoch,
        )

    def known_fit(self, name: str, **settings: Any) -> "kallos_models.Fit":
        """Return what ``fit`` does, made once for all who change nothing in it."""
        key = repr((name, sorted(settings.items())))
        if key not in self.known_fits:
            self.known_fits[key] = self.fit(name, **settings)
        return self.known_fits[key]

    def member(self, name: str, fit: "kallos_models.Fit | None" = None, **settings: Any) -> "kallos_models.Member":
        fit = fit or self.known_fit(name, **settings)
        return kallos_models.Member(name, fit.hparams, ("a", "b"), fit.model)

    def forecast(self, model: Any, n: int = 1) -> TimeSeries:
        with kallos_models.quiet_lightning():
            return model.predict(n, series=self.train, past_covariates=self.covariates)


def planted(*, noise: float, signal: float = 1.0, seed: int = 0) -> Market:
    rng = np.random.default_rng(seed)
    times = pd.date_range("2020-01-01", periods=120, freq="D")
    covariates = rng.normal(size=(120, 2))
    target = signal * np.roll(covariates[:, 0], 1) + noise * rng.normal(size=120)
    return Market(
        TimeSeries.from_times_and_values(times, target.astype(np.float32), columns=["y"]),
        TimeSeries.from_times_and_values(times, covariates.astype(np.float32), columns=["a", "b"]),
    )


@pytest.fixture(scope="session")
def market() -> Market:
    return planted(noise=0.1)


@pytest.fixture(scope="session")
def noise_market() -> Market:
    return planted(noise=1.0, signal=0.0)


@pytest.fixture(autouse=True)
def _notes_are_said_again():
    _say.cache_clear()
