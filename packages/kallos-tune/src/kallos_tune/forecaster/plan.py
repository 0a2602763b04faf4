"""Which networks a forecaster is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..verdict.judge import N_AVERAGE
from .epochs import DEFAULT_RULE, EpochRule, final_epochs
from .recipe import Recipe
from .settings import ForecasterSettings


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """One network to train.

    Attributes
    ----------
    number : int
        From 1.
    trial : int
        Whose hyperparameters it has.
    params : mapping
    seed : int
    epochs : int
        To train; at most, where the last steps stop it earlier.
    """

    number: int
    trial: int
    params: Mapping[str, Any]
    seed: int
    epochs: int


def plan_members(
    recipe: Recipe,
    settings: ForecasterSettings,
    *,
    fold_lengths: Sequence[int],
    final_length: int,
    rule: EpochRule = DEFAULT_RULE,
) -> tuple[MemberPlan, ...]:
    """Return the members that settings ask for.

    Parameters
    ----------
    recipe : Recipe
    settings : ForecasterSettings
    fold_lengths : sequence of int, [K]
        Steps that each fold of the study trained on.
    final_length : int
        Steps to train on now.
    rule : {"mean", "same updates", "longer"}, default "mean"
        See :func:`final_epochs`.

    Raises
    ------
    ConfigError
        Where more trials are asked for than are complete.
    """
    candidates = recipe.candidates
    if settings.members_from == "seeds":
        chosen = [(candidates[0], candidates[0].seed + number) for number in range(settings.members or N_AVERAGE)]
    else:
        n_members = settings.members or min(N_AVERAGE, len(candidates))
        if n_members > len(candidates):
            raise ConfigError(
                f"must be {len(candidates)} or less, the complete trials there are, not {n_members}: run more trials, "
                "or train one of them with several seeds (members_from)",
                "members",
            )
        chosen = [(each, each.seed) for each in candidates[:n_members]]
    most = None if settings.stop_on_last is None else int(recipe.definition["max_epochs"])
    return tuple(
        MemberPlan(
            number=number,
            trial=each.trial,
            params=each.params,
            seed=seed,
            epochs=most or final_epochs(each.best_epochs, fold_lengths, final_length, rule=rule),
        )
        for number, (each, seed) in enumerate(chosen, start=1)
    )
