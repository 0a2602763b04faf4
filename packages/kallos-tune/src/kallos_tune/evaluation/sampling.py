"""Which parameters come next."""

import hashlib

import optuna

from ..settings import Sampler


def sampler_of_draw(draw: int, seed: int, sampler: Sampler = "tpe") -> optuna.samplers.BaseSampler:
    """Return the sampler of a trial, seeded by the study's seed and by how many were drawn before.

    So a study run by one worker gives the same trials in one go or in several, and a trial that was interrupted is
    repeated. Trials that run elsewhere count as bad ones, so that no two look in the same place (Ginsbourger et al.
    2010, "constant liar").
    """
    own_seed = int.from_bytes(hashlib.sha256(f"{seed}/{draw}".encode()).digest()[:4])
    if sampler == "random":
        return optuna.samplers.RandomSampler(seed=own_seed)
    return optuna.samplers.TPESampler(seed=own_seed, constant_liar=True)
