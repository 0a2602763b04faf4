"""Tables of what a study's definition holds: its folds and its search space, for reports and the command line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..verdict.figures import counted
from .contents import Table


def folds_table(bounds: Sequence[Mapping[str, str]], n_filled: Sequence[tuple[int, int]] | None = None) -> Table:
    """Return the windows of the folds by their dates.

    Parameters
    ----------
    bounds : sequence of mapping
        As a study's definition has them, under ``folds``.
    n_filled : sequence of (int, int), optional
        Filled steps of each fold's training and validation window.
    """
    filled = ("filled in training", "in validation") if n_filled else ()
    header = ("fold", "training from", "to", "validation from", "to", *filled)
    rows = tuple(
        (
            number,
            *(fold[edge][:10] for edge in ("train_first", "train_last", "val_first", "val_last")),
            *(n_filled[number - 1] if n_filled else ()),
        )
        for number, fold in enumerate(bounds, start=1)
    )
    return Table(header, rows, f"The folds: {counted(len(bounds), 'window')} of training and validation")


def space_table(space: Mapping[str, str]) -> Table:
    """Return what each parameter may be, of a search space as a study's definition has it, under ``search_space``."""
    rows = tuple((name, *_distribution(json.loads(text))) for name, text in space.items())
    return Table(("parameter", "kind", "values", "scale"), rows, "Search space")


def _distribution(facts: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return what a parameter may be in words; see :func:`optuna.distributions.distribution_to_json`."""
    kind, values = str(facts["name"]).removesuffix("Distribution").lower(), facts["attributes"]
    if "choices" in values:
        return "one of", ", ".join(map(str, values["choices"])), None
    step = f", step {values['step']:g}" if values.get("step") not in (None, 1) else ""
    return kind, f"{values['low']:g} to {values['high']:g}{step}", "log" if values.get("log") else "linear"
