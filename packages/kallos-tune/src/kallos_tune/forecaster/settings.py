"""What the caller decides about a forecaster beyond what its study says."""

from dataclasses import dataclass
from typing import Final, Literal

from kallos_models import Device, check_settings, document_settings, setting

from ..errors import ConfigError

DEFAULT_MAX_AGE: Final = 2.0
"""Steps that the newest bar may be old, from its end, before a forecast from it is refused."""

MembersFrom = Literal["trials", "seeds"]


@document_settings
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterSettings:
    """How many networks a forecaster has, and how they are trained.

    The default is what a study's verdict is about: the average of its five best complete trials, fewer where there are
    fewer.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or lies outside its bounds.
    """

    members: int | None = setting(
        None, "Networks whose forecasts are averaged; by default 5, or as many complete trials as there are.", least=1
    )
    members_from: MembersFrom = setting(
        "trials", "What the members are: the best complete trials, or one trial trained with several seeds."
    )
    stop_on_last: int | None = setting(
        None,
        "Steps at the end of the history that stop the training early and are not trained on; by default all are "
        "trained on, for as many epochs as the folds say.",
        least=1,
    )
    workers: int = setting(1, "Processes that train members side by side.", least=1)
    device: Device = setting("cpu", "Where members are trained; auto takes a GPU where torch sees one.")

    def __post_init__(self) -> None:
        check_settings(self, error=ConfigError)
