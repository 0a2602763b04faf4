"""The commands that the documents tell people to type, and whether the command line understands them."""

import re
import shlex
from pathlib import Path

import typer

from kallos_cli import app

ROOT = Path(__file__).parents[1]
PROGRAM = "kallos-run"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "docs/api/*.md", "packages/*/README.md", "apps/*/README.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


def commands(page: str) -> list[list[str]]:
    """Return every command line of a page's shell blocks as words, comments left out."""
    blocks = re.findall(r"```sh\n(.*?)```", _text(page), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def command_lines(page: str) -> list[list[str]]:
    """Return what follows the program's name in every command of a page's shell blocks."""
    lines = [line for line in commands(page) if PROGRAM in line[:2]]
    return [line[line.index(PROGRAM) + 1 :] for line in lines]


def mentions(page: str) -> list[list[str]]:
    """Return what follows the program's name where sentences mention a command, and options that they mention alone."""
    spans = [shlex.split(text) for text in re.findall(r"`((?:(?:\./run )?kallos-run |--)[^`]+)`", _text(page))]
    return [span[span.index(PROGRAM) + 1 :] if PROGRAM in span else span for span in spans]


def options_by_command() -> dict[str, set[str]]:
    """Return every option of each command, commands within groups by both their names, the program itself by none."""
    found: dict[str, set[str]] = {}

    def collect(reader: typer.core.TyperCommand | typer.core.TyperGroup, name: str) -> None:
        found[name] = {option for parameter in reader.params for option in parameter.opts} | {"--help"}
        for each, below in getattr(reader, "commands", {}).items():
            collect(below, f"{name} {each}".strip())

    collect(typer.main.get_command(app.app), "")
    return found


def read_command_line(words: list[str]) -> typer.Context:
    """Return what the command line understands by its words.

    Raises
    ------
    typer.TyperException
        Where it does not understand them.
    """
    reader = typer.main.get_command(app.app)
    context = reader.make_context(PROGRAM, [*words])
    while isinstance(reader, typer.core.TyperGroup):
        name, reader, words = reader.resolve_command(context, words)
        context = reader.make_context(name, [*words], parent=context)
    return context


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")
