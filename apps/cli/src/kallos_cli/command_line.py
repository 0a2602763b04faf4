"""The commands to type next, as they can be pasted into a shell."""

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .options import DB_URL_VARIABLE, DEFAULT_DB_URL

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig

# How an existing study is treated belongs to one call: who resumes it must not repeat "never".
_NOT_REPEATED = "--resume never"


def of_program(*words: str) -> str:
    """Return a command of this program as it was called: ``./run`` says so in KALLOS_PROGRAM."""
    return " ".join([os.environ.get("KALLOS_PROGRAM", "kallos-run"), shlex.join(words)])


def this_again(config: "DatabaseConfig", *, n_trials: int | None = None) -> str:
    """Return the command that is running, without a password, optionally with another number of trials."""
    kept = [pair for pair in _options_apart(sys.argv[1:]) if " ".join(pair) != _NOT_REPEATED]
    kept = [_leading_to(config) if pair[0] == "--db-url" else pair for pair in kept]
    if n_trials is not None:
        kept = [pair for pair in kept if pair[:1] != ("--n-trials",)]
        kept.append(("--n-trials", str(n_trials)))
    return of_program(*(word for pair in kept for word in pair))


def to_resume(config: "DatabaseConfig") -> tuple[str, ...]:
    """Return what to type to run the same command again."""
    return (*needed_first(config), this_again(config))


def value_typed(options: Sequence[str]) -> str | None:
    """Return the value given to an option that is known by these names, None where there is none."""
    pairs = [pair for pair in _options_apart(sys.argv[1:]) if pair[0] in options and len(pair) == 2]
    return pairs[-1][1] if pairs else None


def with_storage(command: Sequence[str], config: "DatabaseConfig", optuna_schema: str | None = None) -> str:
    """Return a command with the options that lead to the same database."""
    words = [*command, *_leading_to(config)]
    if optuna_schema is not None:
        words += ["--optuna-schema", optuna_schema]
    return of_program(*words)


def needed_first(config: "DatabaseConfig") -> tuple[str, ...]:
    """Return what to type before a command on this database: its URL where only a password keeps it from being named.

    A password is not repeated: not in an option, which would end in the shell's history, nor anywhere else.
    """
    if _is_found(config) or not _has_password(config):
        return ()
    stand_in = "PASSWORD"
    url = config.url.set(drivername=config.backend, password=config.url.password and stand_in)
    url = url.update_query_dict({key: stand_in for key in url.query if "password" in key})
    text = shlex.quote(url.render_as_string(hide_password=False))
    return (f"export {DB_URL_VARIABLE}={text}   # with your password in place of {stand_in}",)


def _leading_to(config: "DatabaseConfig") -> tuple[str, ...]:
    """Return the option for a database that the next command would not find by itself."""
    return () if _is_found(config) or _has_password(config) else ("--db-url", str(config))


def _is_found(config: "DatabaseConfig") -> bool:
    from kallos_data import ConfigError, DatabaseConfig

    try:
        return DatabaseConfig.of(os.environ.get(DB_URL_VARIABLE) or DEFAULT_DB_URL) == config
    except ConfigError:
        return False


def _has_password(config: "DatabaseConfig") -> bool:
    return config.url.password is not None or any("password" in key for key in config.url.query)


def _options_apart(arguments: Iterable[str]) -> list[tuple[str, ...]]:
    """Return arguments with each long option and its value together, however they were written."""
    apart: list[tuple[str, ...]] = []
    open_option = False
    for word in arguments:
        if word.startswith("--") and "=" in word:
            apart.append(tuple(word.split("=", 1)))
            open_option = False
        elif word.startswith("-") and not word[1:2].isdigit():
            apart.append((word,))
            open_option = True
        elif open_option:
            apart[-1] = (*apart[-1], word)
            open_option = False
        else:
            apart.append((word,))
    return apart
