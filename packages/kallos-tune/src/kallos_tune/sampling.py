"""Which parameters come next."""

import hashlib

import optuna

from .ledger import is_spent
from .settings import TuningSettings


def sampler_of_next_trial(study: optuna.Study, settings: TuningSettings) -> optuna.samplers.BaseSampler:
    """Return a sampler whose seed depends on the study's seed and on how many parameters were drawn before.

    So a study run by one worker gives the same trials in one go or in several, and a trial that was interrupted is
    repeated. With several workers, running trials count as bad ones, so that no two look in the same place (Ginsbourger
    et al. 2010, "constant liar").
    """
    drawn = sum(is_spent(trial) for trial in study.get_trials(deepcopy=False))
    seed = int.from_bytes(hashlib.sha256(f"{settings.seed}/{drawn}".encode()).digest()[:4])
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, constant_liar=settings.workers > 1)
