"""The history that studies are measured on: simulated with a signal of known size, or a file of prices."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_data import DatabaseConfig, default_feature_groups, ingest_frame, load_features_from_db, simulate_market
from kallos_data.bars.files import read_ohlcv
from kallos_tune import StudyData, TuningSettings, load_study_data

ASSET = "BENCHMARK"
TARGET = "log_return"
SIGNAL = 0.15
SIMULATED_STEPS = 880


def small_space(
    widest: int,
    *,
    narrowest: int = 32,
    look_back: tuple[int, int] = (30, 70),
    batch_sizes: tuple[int, ...] = (32, 64, 128),
) -> dict[str, BaseDistribution]:
    """Return the search space with narrower models, for a machine of two cores."""
    return {
        "hidden_dim": IntDistribution(narrowest, widest, log=True),
        "n_rnn_layers": IntDistribution(1, 2),
        "dropout": FloatDistribution(0.0, 0.7),
        "batch_size": CategoricalDistribution(batch_sizes),
        "input_chunk_length": IntDistribution(*look_back),
        "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    }


@dataclass(frozen=True)
class Market:
    """A history in a SQLite file, the last part of which no study sees."""

    config: DatabaseConfig
    end_date: str
    last_date: str
    groups: dict[str, list[str]]

    @classmethod
    def ingest(cls, folder: Path, csv: Path | None, n_steps: int | None, hold_out: int) -> "Market":
        """Simulate so many steps, or take so many of the last ones of a file, all of them for None."""
        if csv is None:
            prices = simulate_market(n_steps or SIMULATED_STEPS, signal=SIGNAL, seed=5)
        else:
            prices = read_ohlcv(csv)
            prices = prices if n_steps is None else prices.tail(n_steps)
        return cls.of(folder, prices, hold_out)

    @classmethod
    def of(cls, folder: Path, prices: pl.DataFrame, hold_out: int) -> "Market":
        """Ingest daily prices, of which so many of the last days are seen by no study."""
        config = DatabaseConfig.of(f"sqlite:///{folder}/market.db")
        report = ingest_frame(prices, ASSET, config)
        last = report.last.date()
        groups = default_feature_groups(load_features_from_db(ASSET, last.isoformat(), config).columns, TARGET)
        return cls(config, (last - timedelta(days=hold_out)).isoformat(), last.isoformat(), groups)

    def study_data(self, settings: TuningSettings) -> StudyData:
        return load_study_data(ASSET, self.end_date, self.config, TARGET, self.groups, settings=settings)

    def whole_frame(self) -> pl.DataFrame:
        """Return the history with the part that no study sees."""
        return load_features_from_db(ASSET, self.last_date, self.config)
