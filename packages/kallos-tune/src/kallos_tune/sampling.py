"""Which parameters come next."""

import hashlib

import optuna

from .ledger import ended_by_itself
from .settings import TuningSettings


def sampler_of_next_trial(study: optuna.Study, settings: TuningSettings) -> optuna.samplers.BaseSampler:
    """Return a sampler whose seed depends on the study's seed and on how many trials ended by themselves.

    So a study gives the same trials in one go or in several, and a trial that was interrupted is repeated.
    """
    ended = sum(ended_by_itself(trial) for trial in study.get_trials(deepcopy=False))
    seed = int.from_bytes(hashlib.sha256(f"{settings.seed}/{ended}".encode()).digest()[:4])
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed)
