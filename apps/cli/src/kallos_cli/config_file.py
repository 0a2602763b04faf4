"""One TOML file for a run: found, checked, and put before the defaults of the options."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer

from . import output
from .config_keys import Key
from .config_reading import ConfigFile, read, shown
from .user_error import UserError

NAME: Final = "kallos.toml"
VARIABLE: Final = "KALLOS_CONFIG"
# With these, nothing but the result is wanted.
_SILENT: Final = {"-q", "--quiet", "--json", "--csv"}
_ONLY_LOOKING: Final = {
    *("list", "show", "best", "report", "export", "space"),
    *("dashboard", "doctor", "init"),
}
_PASSWORD: Final = re.compile(r"^[\w+]+://[^/@:]*:.*@|[?&][^=&]*password[^=&]*=")
_RELATIVE_SQLITE: Final = re.compile(r"(sqlite(?:\+\w+)?:///)(?![/:]|file:)(.+)")

_current: ConfigFile | None = None
# What was typed, or stands in the environment, of which file to use; empty for none.
_typed: str | None = None


def current() -> ConfigFile | None:
    """Return the file that this command uses, None where it uses none."""
    return _current


def use(context: typer.Context, named: str | None, *, ignored: bool) -> None:
    """Put the values of a file before the defaults of the command that is about to run.

    Parameters
    ----------
    context : typer.Context
        Of the whole program.
    named : str or None
        The file; none at all where empty, the nearest ``kallos.toml`` upwards where None.
    ignored : bool
        Use none.

    Raises
    ------
    UserError
        Where the file cannot be read, or something in it is wrong; with its line.
    """
    global _typed  # noqa: PLW0603 - one command has one file
    # The environment leads the next command there, too.
    _typed = "" if ignored else None if named == os.environ.get(VARIABLE) else named
    file = open_(named, ignored=ignored or bool({"-h", "--help"} & set(sys.argv[1:])))
    if file is None:
        return
    defaults = defaults_of(context.command, file)
    context.default_map = defaults
    if not _SILENT & set(sys.argv[1:]) and _is_news(context, defaults, file):
        output.say(f"settings from {shown(file.path)}")
    _warn_of_passwords(file)


def open_(named: str | None, *, ignored: bool) -> ConfigFile | None:
    """Read the file that is meant, see :func:`use`, and keep it as the current one.

    Raises
    ------
    UserError
        As in :func:`use`.
    """
    global _current  # noqa: PLW0603 - one command has one file
    _current = None
    if ignored or named == "":
        return None
    path = nearest(Path.cwd()) if named is None else Path(named)
    if path is not None:
        _current = read(path)
    return _current


def nearest(folder: Path) -> Path | None:
    """Return the ``kallos.toml`` in a folder or the nearest one above; nothing above the home folder is looked at."""
    outside = Path.home().resolve().parent
    for each in (folder, *folder.parents):
        if each == outside and folder != outside:
            return None
        if _is_file(each / NAME):
            return each / NAME
    return None


def defaults_of(command: Any, file: ConfigFile, path: tuple[str, ...] = ()) -> dict[str, Any]:  # noqa: ANN401 - of click
    """Return what a file says of a command's options, or of those of its subcommands by their names."""
    if subcommands := getattr(command, "commands", None):
        return {name: defaults_of(each, file, (*path, name)) for name, each in subcommands.items()}
    there = {parameter.name for parameter in command.params}
    return {
        parameter: _as_default(key, value, file.path)
        for key, value in file.values.items()
        for parameter in key.parameters
        if parameter in there and (not key.commands or path[0] in key.commands)
    }


def place_of(flag: str) -> str | None:
    """Return the key that an option has its value from, with its place in the file; None where it has not.

    Whether the option was typed is for the caller to know.
    """
    if _current is None:
        return None
    for key in _current.values:
        if key.flag == flag and not (key.variable and os.environ.get(key.variable)):
            return f"{key} ({_current.place(key.section, key.name)})"
    return None


def typed_before() -> list[str]:
    """Return the words that lead the next command to the same file, where it would not find it by itself."""
    if _typed is None:
        return []
    return ["--config", _typed] if _typed else ["--no-config"]


def url_in_file(variable: str) -> str | None:
    """Return the URL that the file has in place of an environment variable."""
    if _current is None:
        return None
    path = _current.path
    return next(
        (_as_default(key, value, path) for key, value in _current.values.items() if key.variable == variable), None
    )


def url_for_tab(context: typer.Context, variable: str) -> str | None:
    """Return what :func:`url_in_file` does where Tab completes a line, and nothing was run that opens the file."""
    root = context.find_root().params
    try:
        open_(root.get("config_path"), ignored=bool(root.get("no_config")))
    except UserError:
        # Whoever runs the command is told.
        return None
    return url_in_file(variable)


def has_password(url: str) -> bool:
    """Return whether a database's URL holds one."""
    return _PASSWORD.search(url) is not None


def _is_news(context: typer.Context, defaults: Mapping[str, Any], file: ConfigFile) -> bool:
    """Return whether the command that is about to run does something else because of the file.

    Who only looks knows the file of the current folder.
    """
    command: Any = context.command
    name = context.invoked_subcommand
    path: list[str] = []
    while name is not None:
        path.append(name)
        command, defaults = command.commands[name], defaults.get(name) or {}
        name = next((word for word in sys.argv[1:] if word in getattr(command, "commands", {})), None)
    if _ONLY_LOOKING & set(path) and file.path.resolve().parent == Path.cwd():
        return False
    if path == ["tune"] and (file.features or file.space):
        return True
    return any(_is_used(parameter, defaults.get(parameter.name)) for parameter in command.params)


def _is_used(parameter: Any, value: object) -> bool:  # noqa: ANN401 - a parameter of click
    """Return whether a value of the file is another than that without it, and nothing goes before it."""
    typed = any(word == flag or word.startswith(f"{flag}=") for word in sys.argv[1:] for flag in parameter.opts)
    variable = getattr(parameter, "envvar", None)
    in_environment = isinstance(variable, str) and bool(os.environ.get(variable))
    return value not in (None, parameter.default) and not typed and not in_environment


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        # Of a folder that may not be looked into, nothing is wanted.
        return False


def _as_default(key: Key, value: Any, path: Path) -> Any:  # noqa: ANN401 - of any setting
    """Return a value for an option: the file of a database is named from where the configuration is."""
    match = _RELATIVE_SQLITE.fullmatch(value) if key.section == "database" and isinstance(value, str) else None
    folder = path.resolve().parent
    if match is None or folder == Path.cwd():
        return value
    return f"{match[1]}{folder / match[2]}"


def _warn_of_passwords(file: ConfigFile) -> None:
    for key, value in file.values.items():
        if key.section == "database" and key.variable and has_password(value):
            output.say(
                f"warning: {file.place(key.section, key.name)}: {key} holds a password, and files are copied and "
                f"committed: put the URL into {key.variable}",
                style="yellow",
            )
