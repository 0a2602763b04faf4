"""What the cores of the machine bring, by the size of a GRU.

Darts with Lightning in one process on torch's default threads, one for each core, against one Kallos worker for each
core with one thread: how long an epoch takes, and how many epochs the machine trains for one of the former.
"""

import multiprocessing
import os
import statistics
from pathlib import Path

import numpy as np

from kallos_tune.evaluation.threads import torch_threads

from ._measuring import print_table, write_results
from .fold import LOOK_BACK, N_FEATURES, Hparams, kallos_epochs, lightning_epochs


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    widths = (32,) if quick else (32, 64, 128, 256)
    n_samples, n_rounds = (128, 1) if quick else (640, 3)
    values = np.random.default_rng(0).normal(size=(n_samples + LOOK_BACK, 1 + N_FEATURES)).astype(np.float32)
    cores = len(os.sched_getaffinity(0))
    columns: dict[str, dict[str, float]] = {}
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        for width in widths:
            hparams: Hparams = {
                "hidden_dim": width,
                "n_rnn_layers": 2,
                "dropout": 0.2,
                "batch_size": 64,
                "input_chunk_length": LOOK_BACK,
                "learning_rate": 1e-3,
            }
            one, crew = list[float](), list[float]()
            for _ in range(n_rounds):
                with torch_threads(cores):
                    one += lightning_epochs("GRU", values, hparams)[1:]
                for epochs in pool.starmap(one_thread, [(values, hparams)] * cores, chunksize=1):
                    crew += epochs[1:]
            alone, side_by_side = statistics.median(one), statistics.median(crew)
            columns[f"{width} units"] = {
                f"lightning, {cores} threads, s": round(alone, 3),
                f"kallos, {cores} at once, s each": round(side_by_side, 3),
                "epochs for one": round(cores * alone / side_by_side, 2),
            }
    print_table(f"Seconds an epoch of {n_samples} samples, two layers, batches of 64", columns)
    write_results(results_file, {"sizes": columns}, ("darts", "pytorch-lightning", "torch"))


def one_thread(values: np.ndarray, hparams: Hparams) -> list[float]:
    with torch_threads(1):
        return kallos_epochs("GRU", values, hparams)
