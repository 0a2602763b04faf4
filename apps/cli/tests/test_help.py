"""Help is complete, quick to come, and loads nothing heavy."""

import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from rich.text import Text
from typer import rich_utils

from kallos_cli import typed_commands
from kallos_cli.app import app
from kallos_cli.setting_options import SETTING_OPTIONS
from kallos_models import available_models

GROUPS = ("study", "assets", "config")
COMMANDS = [
    (),
    *[(name,) for name in ("demo", "ingest", "init", "tune", "train", "evaluate", "forecast", "dashboard", "doctor")],
    ("study",),
    *[("study", name) for name in ("list", "show", "best", "report", "export", "rename", "copy", "delete")],
    *[("study", name) for name in ("rerun", "reap")],
    *[("assets",), ("assets", "list"), ("assets", "show"), ("assets", "remove")],
    *[("config",), ("config", "show"), ("config", "space")],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(main_within, command):
    code, out, err = main_within(*command, "--help")
    assert (code, err) == (0, "")
    assert "Usage: kallos-run" in out
    assert "Examples" in out
    assert f"kallos-run {' '.join(command)}".strip() in out.partition("Examples")[2]


def commands_of(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_is_typed_has_all_its_options_and_the_rest_is_listed(monkeypatch, path):
    monkeypatch.setattr(sys, "argv", ["kallos-run", *path, "--help"])
    whole, typed = typer.main.get_command(app), typed_commands.program(app)
    for name in (None, *path):
        whole, typed = (each.commands[name] if name else each for each in (whole, typed))
        assert listing(typed) == listing(whole)
    assert [option.opts for option in typed.params] == [option.opts for option in whole.params]


def listing(command):
    found = getattr(command, "commands", {}).items()
    return [(name, typed_commands.in_paragraphs(each.help), each.hidden) for name, each in found]


def test_every_example_can_be_typed():
    commands = dict(commands_of(typer.main.get_command(app)))
    readme = (Path(__file__).parents[1] / "README.md").read_text().splitlines()
    examples = [line for command in commands.values() for line in command.epilog.splitlines()] + readme
    typed = [shlex.split(line, comments=True) for line in examples if re.match(r"(\w+=\S+ )?kallos-run ", line)]
    assert len(typed) > 12
    for line in typed:
        words = line[line.index("kallos-run") + 1 : line.index(">") if ">" in line else None]
        path = tuple(words[: 2 if words[0] in GROUPS else 1])
        commands[path].make_context(path[-1], words[len(path) :])


def test_every_option_has_help():
    found = list(commands_of(typer.main.get_command(app)))
    assert {path for path, _ in found} == {
        path for path in COMMANDS if (path and path[0] not in GROUPS) or len(path) == 2
    }
    for path, command in found:
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, f"{' '.join(path)}: {parameter.name} has no help"
            assert parameter.help.rstrip().endswith("."), parameter.name


def test_the_help_names_the_models_there_are(main_within):
    _, out, _ = main_within("tune", "--help")
    words = " ".join(out.replace("│", " ").split())
    *first, last = available_models()
    assert f"Architecture: {', '.join(first)} or {last}." in words


@pytest.mark.parametrize("option", SETTING_OPTIONS, ids=lambda option: option.name)
def test_the_help_shows_the_whole_meaning_of_a_setting(option):
    # Words in brackets are markup there, and would be gone.
    shown = Text.from_markup(option.help).plain
    assert shown == f"{option.facts.meaning} {option.more}".strip()


def test_help_does_not_show_the_database_of_the_environment(main_within, monkeypatch):
    monkeypatch.setenv("KALLOS_DB_URL", "postgresql://me:s3cret@localhost/prices")
    _, out, _ = main_within("tune", "--help")
    assert "s3cret" not in out


def test_version(main_within):
    code, out, err = main_within("--version")
    assert (code, err) == (0, "")
    assert out.startswith("kallos-run 0.")


def test_without_a_command_the_help_is_shown(main_within):
    code, out, _ = main_within()
    assert code == 2
    assert "Usage: kallos-run" in out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_paragraphs_are_filled_whatever_the_width(main_within, monkeypatch, command):
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 80)
    _, out, _ = main_within(*command, "--help")
    words = out.partition("Usage")[2].partition("╭")[0].partition("Examples")[0].splitlines()
    for line, following in pairwise(words[1:]):
        if line.strip() and following.strip():
            assert len(line.rstrip()) + 1 + len(following.split()[0]) > 79, f"{line!r} ends early"


def test_paragraphs_stay_apart():
    assert (
        typed_commands.in_paragraphs("First\n    line.\n\n    Second one\n    goes on.\n    ")
        == "First line.\n\nSecond one goes on."
    )
