"""The commands to type next, as they can be pasted into a shell."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kallos_data import FeatureTables

from . import config_file
from .databases import Databases
from .options import (
    DB_URL_VARIABLE,
    DEFAULT_DB_URL,
    DEFAULT_ID_COLUMN,
    DEFAULT_TIMESTAMP_COLUMN,
    STUDIES_URL_VARIABLE,
)

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig

# How an existing study is treated belongs to one call: who resumes it must not repeat "never".
_NOT_REPEATED = {"--resume never", "--dry-run"}
_NAMED = re.compile(r"\bkallos-run\b")


def of_program(*words: str) -> str:
    """Return a command of this program as it was called: ``./run`` says so in KALLOS_PROGRAM."""
    return " ".join([os.environ.get("KALLOS_PROGRAM", "kallos-run"), *map(shlex.quote, words)])


def as_called(words: str) -> str:
    """Return what a library says with this program named as it was called."""
    return _NAMED.sub(lambda _: of_program(), words)


def this_again(databases: Databases, *, n_trials: int | None = None) -> str:
    """Return the command that is running, without a password, optionally with another number of trials.

    It is never one that does nothing: ``--dry-run`` is left out.
    """
    kept = [pair for pair in _options_apart(sys.argv[1:]) if " ".join(pair) not in _NOT_REPEATED]
    leading = {"--db-url": _to_prices(databases), "--studies-url": _to_studies(databases)}
    kept = [leading.get(pair[0], pair) for pair in kept]
    if n_trials is not None:
        kept = [pair for pair in kept if pair[:1] != ("--n-trials",)]
        kept.append(("--n-trials", str(n_trials)))
    return of_program(*(word for pair in kept for word in pair))


def to_resume(databases: Databases) -> tuple[str, ...]:
    """Return what to type to run the same command again."""
    return (*needed_first(databases), this_again(databases))


def value_typed(options: Sequence[str]) -> str | None:
    """Return the value given to an option that is known by these names, None where there is none."""
    pairs = [pair for pair in _options_apart(sys.argv[1:]) if pair[0] in options and len(pair) == 2]
    return pairs[-1][1] if pairs else None


def typed_url() -> tuple[str, ...]:
    """Return the database that was typed as the option that names it; nothing where its URL holds a password."""
    url = value_typed(("--db-url",))
    return ("--db-url", url) if url is not None and not config_file.has_password(url) else ()


def with_storage(command: Sequence[str], databases: Databases, optuna_schema: str | None = None) -> str:
    """Return a command with the options that lead to the same databases."""
    return of_program(*config_file.typed_before(), *command, *storage_options(databases, optuna_schema))


def storage_options(databases: Databases, optuna_schema: str | None = None) -> list[str]:
    """Return the options that lead to the same databases, without a password."""
    words = [*_to_prices(databases), *_to_studies(databases)]
    return words if optuna_schema is None else [*words, "--optuna-schema", optuna_schema]


def table_options(tables: FeatureTables) -> dict[str, str]:
    """Return the options that name tables and keys, where they are not those that every command takes anyway."""
    if tables == FeatureTables():
        return {}
    options = {"--market-table": tables.market, "--indicators-table": tables.indicators or ""}
    # What stands in the environment is found there, and what is the default needs no word.
    for option, name in (("--id-column", tables.id_column), ("--timestamp-column", tables.timestamp_column)):
        variable = f"KALLOS_{option.removeprefix('--').replace('-', '_').upper()}"
        default = {"--id-column": DEFAULT_ID_COLUMN, "--timestamp-column": DEFAULT_TIMESTAMP_COLUMN}[option]
        if name != (os.environ.get(variable) or default):
            options[option] = name
    return options


def needed_first(databases: Databases) -> tuple[str, ...]:
    """Return what to type before a command: the URLs of databases that only a password keeps from being named.

    A password is not repeated: not in an option, which would end in the shell's history, nor anywhere else.
    """
    needed = [(DB_URL_VARIABLE, databases.prices, DEFAULT_DB_URL), (STUDIES_URL_VARIABLE, databases.studies_apart, "")]
    return tuple(
        _export(variable, config)
        for variable, config, default in needed
        if config is not None and _has_password(config) and not _is_found(config, variable, default)
    )


def _export(variable: str, config: "DatabaseConfig") -> str:
    stand_in = "PASSWORD"
    url = config.url.set(drivername=config.backend, password=config.url.password and stand_in)
    url = url.update_query_dict({key: stand_in for key in url.query if "password" in key})
    text = shlex.quote(url.render_as_string(hide_password=False))
    return f"export {variable}={text}   # with your password in place of {stand_in}"


def _to_prices(databases: Databases) -> tuple[str, ...]:
    return _leading_to(databases.prices, "--db-url", DB_URL_VARIABLE, DEFAULT_DB_URL)


def _to_studies(databases: Databases) -> tuple[str, ...]:
    return _leading_to(databases.studies_apart, "--studies-url", STUDIES_URL_VARIABLE)


def _leading_to(config: "DatabaseConfig | None", option: str, variable: str, default: str = "") -> tuple[str, ...]:
    """Return the option for a database that the next command would not find by itself."""
    named = config is not None and not _has_password(config) and not _is_found(config, variable, default)
    return (option, str(config)) if named else ()


def _is_found(config: "DatabaseConfig", variable: str, default: str = "") -> bool:
    from kallos_data import ConfigError, DatabaseConfig

    url = os.environ.get(variable) or config_file.url_in_file(variable) or default
    try:
        return bool(url) and DatabaseConfig.of(url) == config
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
