"""How a worker comes to a study that exists."""

from collections.abc import Collection

import optuna

from ..storage.database import Database
from ..storage.open import open_storage
from ..storage.retry import patiently
from .claims import Claims
from .times import ClaimSettings


def join_study(  # noqa: PLR0917 - as of claims
    database: Database,
    study_name: str,
    n_trials: int,
    settings: ClaimSettings,
    param_names: Collection[str] = (),
    crew: str = "",
) -> Claims:
    """Open an existing study and return its claims, waiting for a database that cannot be reached just now.

    Parameters
    ----------
    database : Database
    study_name : str
    n_trials, settings, param_names, crew
        See :class:`Claims`.

    Raises
    ------
    DatabaseUnavailableError
        Where it cannot be reached for too long.
    StorageError
        As of :func:`kallos_tune.storage.open.open_storage`.
    KeyError
        Where there is no such study.
    """

    def join() -> Claims:
        storage = open_storage(database, wait_seconds=settings.database_wait_seconds)
        study = optuna.load_study(study_name=study_name, storage=storage)
        return Claims(study, storage, database, n_trials, settings, param_names, crew)

    return patiently(join, limit_seconds=settings.database_wait_seconds)
