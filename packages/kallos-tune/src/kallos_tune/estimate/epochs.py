"""For how many epochs trainings go on until they are stopped early: what is assumed of them.

The best epoch of a training is taken to be log-normal. Its median falls with what an epoch moves the weights: Adam
moves each weight by about the learning rate in every step, so by the learning rate times the batches of an epoch at
most. With r that product,

    median best epoch = 1 + (R / r)^POWER

and trainings stop ``patience`` epochs after their best one, at ``max_epochs`` at the latest, from the second fold on
not before the mean best epoch of the folds before. How far single values lie from the median is shared by all trials
of a study (the asset is easy or noisy), by the folds of a trial, and by none. The constants describe studies of
simulated markets and of BTC/USDT; ``benchmarks/RESULTS.md`` shows how often what follows from them is true.
"""

from typing import Final

import numpy as np

from ..evaluation.scoring import Floats

R: Final = 0.15
POWER: Final = 0.65
OF_STUDY: Final = 0.35
OF_TRIAL: Final = 0.5
OF_FOLD: Final = 0.65


def log_median(learning_rate: Floats, batches: Floats) -> Floats:
    """Return the logarithm of the median best epoch; both arguments broadcast."""
    return np.log1p((R / (learning_rate * np.maximum(batches, 1.0))) ** POWER)


def epochs_trained(best: Floats, *, max_epochs: int, patience: int) -> tuple[list[int], list[int]]:
    """Return the best epoch of each fold and the epochs that it is trained for, both ``[folds]``.

    Parameters
    ----------
    best : numpy.ndarray, [folds]
        The best epochs that there would be without an end.
    """
    bests = [int(each) for each in np.clip(np.round(best), 1, max_epochs)]
    trained: list[int] = []
    for number, each in enumerate(bests):
        chosen = round(sum(bests[:number]) / number) if number else 0
        trained.append(min(max_epochs, max(each + patience, chosen)))
    return bests, trained
