"""Which studies a command is about: a group of options, which the command is given as the place they name."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from .databases import Databases
from .options import DEFAULT_DB_URL, DbUrl, OptunaSchema, StudiesUrl

_OPTIONS = {"db_url": (DbUrl, DEFAULT_DB_URL), "studies_url": (StudiesUrl, None), "optuna_schema": (OptunaSchema, None)}


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """Where studies are.

    Attributes
    ----------
    databases : Databases
    schema : str or None
        PostgreSQL schema of the studies.
    """

    databases: Databases
    schema: str | None


def _takes_place(command: Callable[..., None], read: Callable[[str, str | None], Databases]) -> Callable[..., None]:
    """Give a command the options of a place of studies, in the place of its parameter ``place``."""

    @wraps(command)
    def taking(*, db_url: str, studies_url: str | None, optuna_schema: str | None, **given: Any) -> None:  # noqa: ANN401 - whatever typer has read
        command(**given, place=StudyPlace(read(db_url, studies_url), optuna_schema))

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=declared)
        for name, (declared, default) in _OPTIONS.items()
    ]
    replace_parameter(taking, command, "place", options)
    return taking


takes_studies = partial(_takes_place, read=Databases.of_studies)
"""For a command that needs no prices."""
takes_studies_and_prices = partial(_takes_place, read=Databases.of)


def replace_parameter(
    taking: Callable[..., None], command: Callable[..., None], name: str, options: list[inspect.Parameter]
) -> None:
    """Give one command the signature of another, as typer reads it, with options in the place of a parameter."""
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command).parameters.values():
        parameters += options if each.name == name else [each]
    taking.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    taking.__annotations__ = {each.name: each.annotation for each in parameters}
