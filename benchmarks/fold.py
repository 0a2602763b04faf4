"""What one epoch of a fold's training costs: a bare PyTorch loop, Darts with Lightning, Kallos; one thread each.

The bare loop slices batches out of prebuilt windows, and does nothing but forward, backward and step. Lightning runs
without progress bar, logger, checkpoints and summary. Every round trains each once, in turn; the first epoch of each
is left out.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.models.forecasting.block_rnn_model import BlockRNNModel
from torch import nn

from kallos_models import TrainingSettings, fit_forecaster, quiet_lightning, trainer_kwargs
from kallos_tune.evaluation.threads import torch_threads

from ._measuring import write_results

LOOK_BACK, N_FEATURES = 60, 16
KINDS = ("bare", "lightning", "kallos")
Hparams = dict[str, int | float]


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    sizes = [(32, 1)] if quick else [(width, layers) for width in (32, 64, 128, 256) for layers in (1, 2)]
    batch_sizes = (64,) if quick else (32, 64, 128)
    n_samples, n_rounds = (128, 1) if quick else (640, 3)
    rows = []
    print(f"Seconds an epoch of {n_samples} samples, look-back {LOOK_BACK}, {1 + N_FEATURES} inputs")
    print(f"{'':>5}{'hidden':>7}{'layers':>7}{'batch':>6}{'bare':>9}{'lightning':>10}{'kallos':>9}{'l/b':>7}{'k/b':>7}")
    with torch_threads(1):
        for cell in ("GRU", "LSTM"):
            for width, layers in sizes:
                for batch_size in batch_sizes:
                    row = measure(cell, width, layers, batch_size, n_samples=n_samples, n_rounds=n_rounds)
                    rows.append({"cell": cell, "hidden": width, "layers": layers, "batch": batch_size} | row)
                    ratios = (row["lightning"] / row["bare"], row["kallos"] / row["bare"])
                    print(f"{cell:>5}{width:>7}{layers:>7}{batch_size:>6}{row['bare']:>9.3f}{row['lightning']:>10.3f}"
                          f"{row['kallos']:>9.3f}{ratios[0]:>7.2f}{ratios[1]:>7.2f}", flush=True)  # fmt: skip
    for cell in ("GRU", "LSTM"):
        chosen = [row for row in rows if row["cell"] == cell]
        lightning, kallos = ([row[kind] / row["bare"] for row in chosen] for kind in ("lightning", "kallos"))
        print(f"{cell}: lightning/bare {statistics.median(lightning):.2f} (most {max(lightning):.2f}), "
              f"kallos/bare {statistics.median(kallos):.2f} (most {max(kallos):.2f})")  # fmt: skip
    write_results(results_file, {"rows": rows}, ("darts", "pytorch-lightning", "torch"))


def measure(cell: str, width: int, layers: int, batch_size: int, *, n_samples: int, n_rounds: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_samples + LOOK_BACK, 1 + N_FEATURES)).astype(np.float32)
    hparams: Hparams = {
        "hidden_dim": width,
        "n_rnn_layers": layers,
        "dropout": 0.2 if layers > 1 else 0.0,
        "batch_size": batch_size,
        "input_chunk_length": LOOK_BACK,
        "learning_rate": 1e-3,
    }
    runs: dict[str, Callable[[], list[float]]] = {
        "bare": lambda: bare_epochs(cell, values, hparams),
        "lightning": lambda: lightning_epochs(cell, values, hparams),
        "kallos": lambda: kallos_epochs(cell, values, hparams),
    }
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(n_rounds):
        for kind, run in runs.items():
            times[kind] += run()[1:]
    return {kind: statistics.median(each) for kind, each in times.items()}


def bare_epochs(cell: str, values: np.ndarray, hparams: Hparams) -> list[float]:
    tensor = torch.from_numpy(values)
    inputs = tensor.unfold(0, LOOK_BACK, 1)[:-1].transpose(1, 2).contiguous()
    targets = tensor[LOOK_BACK:, :1].contiguous()
    width, layers = int(hparams["hidden_dim"]), int(hparams["n_rnn_layers"])
    net = getattr(nn, cell)(1 + N_FEATURES, width, layers, batch_first=True, dropout=hparams["dropout"])
    head, loss_of = nn.Linear(width, 1), nn.MSELoss()
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
    moments = [time.perf_counter()]
    for _ in range(3):
        for rows in torch.randperm(len(inputs)).split(int(hparams["batch_size"])):
            loss = loss_of(head(net(inputs[rows])[0][:, -1]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        moments.append(time.perf_counter())
    return list(np.diff(moments))


def lightning_epochs(cell: str, values: np.ndarray, hparams: Hparams) -> list[float]:
    moments: list[float] = []

    class Clock(pl.Callback):
        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
            moments.append(time.perf_counter())

        def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
            moments.append(time.perf_counter())

    model = BlockRNNModel(
        model=cell,
        input_chunk_length=LOOK_BACK,
        output_chunk_length=1,
        hidden_dim=hparams["hidden_dim"],
        n_rnn_layers=hparams["n_rnn_layers"],
        dropout=hparams["dropout"],
        batch_size=hparams["batch_size"],
        optimizer_kwargs={"lr": hparams["learning_rate"]},
        random_state=0,
    )
    with quiet_lightning():
        trainer = pl.Trainer(callbacks=[Clock()], **trainer_kwargs(TrainingSettings(max_epochs=3)))
        model.fit(*series(values), trainer=trainer)
    return list(np.diff(moments))


def kallos_epochs(cell: str, values: np.ndarray, hparams: Hparams) -> list[float]:
    moments: list[float] = []
    fit_forecaster(
        cell.lower(),
        hparams,
        *series(values),
        settings=TrainingSettings(max_epochs=4),
        on_epoch=lambda *_: moments.append(time.perf_counter()),
    )
    return list(np.diff(moments))


def series(values: np.ndarray) -> tuple[TimeSeries, TimeSeries]:
    return TimeSeries.from_values(values[:, :1]), TimeSeries.from_values(values[:, 1:])
