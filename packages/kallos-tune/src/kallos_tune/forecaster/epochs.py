"""How many epochs the final training takes, where nothing is left to stop it early."""

from collections.abc import Sequence
from statistics import mean
from typing import Literal, get_args

from ..errors import ConfigError

EpochRule = Literal["mean", "same updates", "longer"]
DEFAULT_RULE: EpochRule = "mean"


def final_epochs(
    best_epochs: Sequence[int], fold_lengths: Sequence[int], final_length: int, *, rule: EpochRule = DEFAULT_RULE
) -> int:
    """Return the epochs of a training on the whole history, from the best epochs of the folds' shorter ones.

    ``"mean"`` is their mean. An epoch of a longer history holds more updates of the weights: ``"same updates"`` takes
    as many fewer epochs as the history is longer than the folds' trainings were on the average, ``"longer"`` as many
    more. Which forecast later steps best was measured, see ``lifecycle`` in ``benchmarks/RESULTS.md``.

    Parameters
    ----------
    best_epochs : sequence of int, [K]
        Of each fold, one or more.
    fold_lengths : sequence of int, [K]
        Steps that each fold trained on.
    final_length : int
        Steps that the final training has.
    rule : {"mean", "same updates", "longer"}, default "mean"

    Returns
    -------
    int
        1 or more.

    Raises
    ------
    ConfigError
        Where the rule is unknown.
    """
    if rule not in get_args(EpochRule):
        raise ConfigError(f"must be one of {', '.join(get_args(EpochRule))}, not {rule!r}", "rule")
    epochs = mean(best_epochs)
    longer = final_length / mean(fold_lengths)
    scaled = {"mean": epochs, "same updates": epochs / longer, "longer": epochs * longer}[rule]
    return max(1, round(scaled))
