"""The program as far as one call needs it: the options of two dozen commands are a third of the time of ``--help``."""

import copy
import inspect
import os
import sys
from collections.abc import Collection
from typing import Any

import typer
from typer.models import CommandInfo, TyperInfo

# Where shells put the line that Tab completes.
_COMPLETED = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")


def program(app: typer.Typer) -> Any:  # noqa: ANN401 - a command of click
    """Return the program with the options of what is typed; other commands are there by name and meaning alone."""
    words = set(sys.argv[1:])
    for variable in _COMPLETED:
        words.update(os.environ.get(variable, "").split())
    return typer.main.get_command(_as_typed(app, words))


def _as_typed(app: typer.Typer, words: Collection[str]) -> typer.Typer:
    some = copy.copy(app)
    some.registered_commands = [_command(info, words) for info in app.registered_commands]
    some.registered_groups = [_group(info, words) for info in app.registered_groups]
    return some


def _command(info: CommandInfo, words: Collection[str]) -> CommandInfo:
    assert info.callback is not None
    name = info.name or info.callback.__name__
    if name in words:
        return info
    listed = copy.copy(info)
    listed.name, listed.help, listed.callback = name, info.help or inspect.getdoc(info.callback), _not_typed
    return listed


def _group(info: TyperInfo, words: Collection[str]) -> TyperInfo:
    assert info.typer_instance is not None
    group = copy.copy(info)
    group.typer_instance = _as_typed(info.typer_instance, words)
    if info.name not in words:
        group.typer_instance.registered_commands = []
    return group


def _not_typed() -> None:
    raise AssertionError("a command that was not typed was called")
