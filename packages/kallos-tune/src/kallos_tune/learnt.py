"""What a study learns of its target, in words."""

from collections.abc import Mapping
from typing import Final

from kallos_data import PRICES, TargetTransform, TargetTransformChoice

LEARNT: Final[Mapping[TargetTransform, str]] = {
    "none": "values",
    "difference": "change",
    "log_difference": "log change",
}


def learnt_in_words(target_col: str, transform: TargetTransform, choice: TargetTransformChoice) -> str | None:
    """Return what is learnt of a target, and why where it was not asked for; None where that is what one expects.

    Parameters
    ----------
    target_col : str
    transform : {"none", "difference", "log_difference"}
        What is learnt.
    choice : {"auto", "none", "difference", "log_difference"}
        What was asked for.
    """
    if transform == "none":
        of_a_price = choice == "auto" and target_col in PRICES
        return f"{target_col} seems to keep to its mean: its values are learnt, not its changes" if of_a_price else None
    change = LEARNT[transform]
    if choice == "auto":
        return (
            f"{target_col} moves like a random walk: its {change} is learnt, forecasts are put back into {target_col}"
        )
    return f"the {change} of {target_col} is learnt, forecasts are put back into {target_col}"
