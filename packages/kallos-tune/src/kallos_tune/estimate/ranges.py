"""From studies played through to a range, on a machine that is as busy as it was found, or not.

What a machine does beside may end as well as go on, or become more: where the workers had their cores to themselves,
everything takes as long as timed, give or take a third; the less of them they got, the wider it is spread.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from .simulation import Game, Range, play, range_of

_PART: Final = 0.96
# Deviations of the logarithm of how long everything takes, and of how long a database does.
_OF_MACHINE, _OF_BUSY_MACHINE = 0.15, 0.35
_OF_DISK: Final = 0.5
# Storage opened, tables made, the study judged at its end.
_STUDY_SECONDS: Final = 1.0
_LEAST_SHARE: Final = 0.05


def seconds_of_study(game: Game, startup: float, share: float, rng: np.random.Generator) -> Range:
    """Return from where to where the seconds of a study lie in 96 of 100 cases, and the middle one.

    Parameters
    ----------
    game : Game
    startup : float
        Seconds until the first trial begins.
    share : float
        Of its core, that a worker got while it was timed.
    rng : numpy.random.Generator
    """
    n_studies = max(40, min(200, 20_000 // (game.n_before + game.n_trials)))
    busy = -math.log(max(share, _LEAST_SHARE))
    machine = np.exp((_OF_MACHINE + _OF_BUSY_MACHINE * busy) * rng.standard_normal(n_studies))
    # What is timed holds how busy the machine is; what a database takes is not timed.
    disk = np.exp(busy + _OF_DISK * rng.standard_normal(n_studies))
    seconds = [
        slower * startup + slow * _STUDY_SECONDS + slower * play(_on_disk(game, slow), rng)
        for slower, slow in zip(machine, disk, strict=True)
    ]
    return range_of(seconds, _PART)


def _on_disk(game: Game, slower: float) -> Game:
    return replace(game, seconds_a_trial=slower * game.seconds_a_trial, seconds_a_fold=slower * game.seconds_a_fold)
