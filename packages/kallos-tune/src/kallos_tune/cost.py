"""What a study is made of, and what was spent on it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from .trial_states import counts_of
from .trial_times import seconds_of


@dataclass(frozen=True, slots=True)
class StudyCost:
    """What a study consists of, and what was spent on it: what is lost with it.

    Attributes
    ----------
    study_name : str
    by_kallos : bool
        Whether Kallos made it.
    n_trials : dict of str to int
        Trials by what became of them: complete, pruned, failed, interrupted, abandoned, running.
    seconds : float
        Of computing, over all trials that ended, whichever way.
    """

    study_name: str
    by_kallos: bool
    n_trials: dict[str, int]
    seconds: float

    @property
    def n_finished(self) -> int:
        """Trials that count towards a budget: complete and pruned ones."""
        return self.n_trials["complete"] + self.n_trials["pruned"]

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        return asdict(self)


def study_cost(study: optuna.Study) -> StudyCost:
    """Return what would be lost with a study."""
    trials = study.get_trials(deepcopy=False)
    seconds = sum(seconds_of(trial) or 0.0 for trial in trials)
    return StudyCost(study.study_name, is_ours(study.user_attrs), counts_of(trials), seconds)


def is_ours(user_attributes: Mapping[str, Any]) -> bool:
    """Return whether Kallos made a study, by its user attributes."""
    return definition_key() in user_attributes


def definition_key() -> str:
    """Return the user attribute that holds what a study is about."""
    from .study_definition import DEFINITION  # noqa: PLC0415 - with it comes scikit-learn, which takes a second

    return DEFINITION
