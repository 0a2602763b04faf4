"""How often a period was looked at: kept by the study, since a hold-out that is looked at twice is none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import optuna

LOOKS: Final = "kallos_looks"


def count_look(study: optuna.Study, first: datetime, last: datetime, *, what: str) -> int:
    """Note that forecasts of a period are judged, and return how often some part of it has been, this time included.

    Parameters
    ----------
    study : optuna.Study
        That the forecaster came from.
    first, last : datetime
        First and last step judged, UTC.
    what : str
        What is judged: the hash of a forecaster's weights, say.
    """
    looks: list[Mapping[str, Any]] = study.user_attrs.get(LOOKS, [])
    now = {"first": first.isoformat(), "last": last.isoformat(), "what": what}
    study.set_user_attr(LOOKS, [*looks, now])
    return 1 + sum(_overlap(look, first, last) for look in looks)


def _overlap(look: Mapping[str, Any], first: datetime, last: datetime) -> bool:
    return datetime.fromisoformat(look["first"]) <= last and first <= datetime.fromisoformat(look["last"])
