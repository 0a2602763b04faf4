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
    listed = copy.copy(info)
    listed.name, listed.help = name, in_paragraphs(info.help or inspect.getdoc(info.callback) or "")
    if name not in words:
        listed.callback = _not_typed
    return listed


def in_paragraphs(text: str) -> str:
    """Return a text with each paragraph on one line: where it is broken, the terminal decides and not the source."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


def _group(info: TyperInfo, words: Collection[str]) -> TyperInfo:
    assert info.typer_instance is not None
    group = copy.copy(info)
    group.typer_instance = _as_typed(info.typer_instance, words)
    if info.name not in words:
        group.typer_instance.registered_commands = []
    return group


def _not_typed() -> None:
    raise AssertionError("a command that was not typed was called")
