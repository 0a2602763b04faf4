"""The names of what may be learnt of a target; :mod:`kallos_data.folds.target_transform` says what they mean."""

from typing import Literal, get_args

from ..errors import ConfigError

TargetTransform = Literal["none", "difference", "log_difference"]
TargetTransformChoice = Literal["auto", "none", "difference", "log_difference"]


def check_target_transform(choice: str) -> None:
    """Refuse what is no choice.

    Raises
    ------
    ConfigError
        Where it is none of ``"auto"``, ``"none"``, ``"difference"`` and ``"log_difference"``.
    """
    choices = get_args(TargetTransformChoice)
    if choice not in choices:
        raise ConfigError(f"must be one of {', '.join(choices)}, not {choice!r}", "target_transform")
