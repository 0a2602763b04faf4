"""Optuna's storage, whose calls are retried while the database cannot be reached."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from optuna.storages import RDBStorage

from .retry import patiently

P = ParamSpec("P")
T = TypeVar("T")

# Each may be repeated: it reads, or writes the same again. What may not, creating and ending trials, is left to
# :mod:`kallos_tune.claims`.
_REPEATABLE: Final = (
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_all_studies",
    "get_trial",
    "get_all_trials",
    "get_trial_id_from_study_id_trial_number",
    "get_best_trial",
    "set_study_user_attr",
    "set_study_system_attr",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "set_trial_intermediate_value",
    # What Optuna's cache calls in place of their public namesakes.
    "_get_trials",
    "_get_best_trial_id",
    "_set_trial_param",
)


_HEAD: Final = "head version"
# All of Optuna's migrations are read for it.
_read_once: dict[str, str] = {}


class PatientStorage(RDBStorage):
    """A storage of which each call that may be repeated is retried while the database cannot be reached.

    Parameters
    ----------
    url : str
    wait_seconds : float
        For how long; see :func:`kallos_tune.storage.retry.patiently`.
    **kwargs
        As for :class:`optuna.storages.RDBStorage`.
    """

    def __init__(self, url: str, *, wait_seconds: float, **kwargs: Any) -> None:  # noqa: ANN401 - Optuna's own
        self.wait_seconds = wait_seconds
        super().__init__(url, **kwargs)

    def get_head_version(self) -> str:
        """Return the version of the tables that this Optuna makes."""
        if _HEAD not in _read_once:
            _read_once[_HEAD] = super().get_head_version()
        return _read_once[_HEAD]


def _patient(
    method: Callable[Concatenate[PatientStorage, P], T],
) -> Callable[Concatenate[PatientStorage, P], T]:
    @wraps(method)
    def call(self: PatientStorage, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return patiently(lambda: method(self, *args, **kwargs), limit_seconds=self.wait_seconds)

    return call


for _name in _REPEATABLE:
    setattr(PatientStorage, _name, _patient(getattr(RDBStorage, _name)))
