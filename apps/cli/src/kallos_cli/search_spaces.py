"""The search space that the configuration file asks for."""

from typing import Any

from . import config_file
from .user_error import UserError


def chosen_space(model_name: str) -> dict[str, Any]:
    """Return the setting ``space``, empty where the configuration file leaves it as it is.

    Raises
    ------
    UserError
        Where the architecture has no such hyperparameter, or a range cannot be searched; with its line.
    """
    config = config_file.current()
    if config is None or not config.space:
        return {}
    from kallos_tune import SpaceError, read_space

    try:
        return {"space": read_space(config.space, model_name)}
    except SpaceError as error:
        place = config.place("search", "space", error.name)
        raise UserError(f"{place}: search.space.{error.name} {error.reason}") from error
