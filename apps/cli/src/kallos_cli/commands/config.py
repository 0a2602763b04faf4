"""``kallos-run config``: which settings are in use, where each comes from, and what can be searched."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import config_file, options, output
from ..config_keys import Key, keys, section_names
from ..config_reading import ConfigFile, shown
from ..feature_groups import chosen_feature_groups
from ..search_spaces import chosen_space
from . import train, tune

SHOW_EXAMPLES = "[bold]Examples[/bold]\n\nkallos-run config show\n\nkallos-run config show --folds 3 --json"
SPACE_EXAMPLES = "[bold]Examples[/bold]\n\nkallos-run config space transformer\n\nkallos-run config space tcn --json"

# What a command finds out where nothing is given.
_FOUND_OUT = {"run.workers": "the usable cores"}

app = typer.Typer(
    no_args_is_help=True,
    help="Show the settings in use, where each comes from, and what can be searched.",
    epilog="[bold]Examples[/bold]\n\nkallos-run config show\n\nkallos-run config space transformer",
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A setting with its origin."""

    key: str
    value: Any
    origin: str
    line: int | None = None


@app.command("show", epilog=SHOW_EXAMPLES, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def show(context: typer.Context, *, json: options.Json = False, _debug: options.Debug = False) -> None:
    """Show every setting that tune and train take from the configuration file, and where its value comes from.

    What is typed goes before the environment, that before the file, and that before the default. Options of tune may be
    added, to see what becomes of them. Passwords are hidden.
    """
    found = list(_settings(context))
    config = config_file.current()
    if json:
        settings = {each.key: {"value": each.value, "origin": each.origin, "line": each.line} for each in found}
        output.show_json({"file": str(config.path.resolve()) if config else None, "settings": settings})
        return
    output.show(f"file: {shown(config.path) if config else f'none, there is no {config_file.NAME} here or above'}")
    rows = [
        (
            each.key,
            _told(each.value, each.key),
            each.origin if each.line is None else f"{each.origin}, line {each.line}",
        )
        for each in found
    ]
    width, wide = (max(len(row[place]) for row in rows) for place in (0, 1))
    for key, value, origin in rows:
        output.show(f"{key:<{width}}  {value:<{min(wide, 48)}}  {origin}")


@app.command("space", epilog=SPACE_EXAMPLES)
def space(
    model_name: Annotated[
        str,
        typer.Argument(metavar="MODEL", callback=options.known_model, help="Architecture, as of --model-name."),
    ],
    *,
    json: options.Json = False,
    _debug: options.Debug = False,
) -> None:
    """Show the hyperparameters of an architecture that a study can search: bounds, default, range and meaning.

    The range is what is searched where the section [search.space] of the configuration file names no other; one without
    a range keeps its default unless it is named there.
    """
    from kallos_tune import SEARCH_SPACE, describe_space, searchable, values_in_words

    found = searchable(model_name)
    if json:
        ranges = describe_space(SEARCH_SPACE)
        facts = [
            {"name": each.name, "values": each.values, "default": each.default, "searched": ranges.get(each.name)}
            | {"meaning": each.meaning}
            for each in found
        ]
        output.show_json({"model_name": model_name, "hyperparameters": facts})
        return
    rows = [
        (
            each.name,
            each.values,
            each.default,
            values_in_words(SEARCH_SPACE[each.name]) if each.name in SEARCH_SPACE else None,
            each.meaning,
        )
        for each in found
    ]
    output.show_table(["name", "values", "default", "searched", "meaning"], rows)


def _settings(context: typer.Context) -> Iterator[_Shown]:
    to_tune, to_train = _parsed(context, tune.tune, context.args), _parsed(context, train.train, [])
    for section in section_names():
        if section == "features":
            yield from _features(to_tune.params["features"], str(to_tune.params["target_col"]))
        elif section == "search.space":
            yield from _space(str(to_tune.params["model_name"]))
        for key in keys():
            if key.section == section:
                yield _of_key(key, to_tune if key.parameters[0] in to_tune.params else to_train)


def _parsed(context: typer.Context, function: Callable[..., None], arguments: Sequence[str]) -> Any:  # noqa: ANN401 - a context of click
    """Read the options of a command as it would, although nothing that it needs has to be there."""
    alone = typer.Typer(add_completion=False)
    alone.command()(function)
    command: Any = typer.main.get_command(alone)
    file = config_file.current()
    defaults = {} if file is None else config_file.defaults_of(command, file, (command.name,))
    command.params = [_not_required(parameter) for parameter in command.params]
    return command.make_context(command.name, list(arguments), parent=context.find_root(), default_map=defaults)


def _not_required(parameter: Any) -> Any:  # noqa: ANN401 - a parameter of click
    if not parameter.required:
        return parameter
    optional, check = copy.copy(parameter), parameter.callback
    optional.required = False
    if check is not None:
        optional.callback = lambda context, each, value: None if value is None else check(context, each, value)
    return optional


def _of_key(key: Key, parsed: Any) -> _Shown:  # noqa: ANN401 - a context of click
    parameter = next(each for each in key.parameters if each in parsed.params)
    value, source = parsed.params[parameter], parsed.get_parameter_source(parameter).name
    if key.section == "database" and key.variable and value:
        value = _without_password(value, key.name)
    config = config_file.current()
    if source == "DEFAULT_MAP" and config is not None:
        return _in_file(str(key), value, config, (key.section, key.name))
    origins = {"COMMANDLINE": "command line", "ENVIRONMENT": f"environment, {key.variable}"}
    return _Shown(str(key), value, origins.get(source, "default"))


def _features(path: Path | None, target_col: str) -> Iterator[_Shown]:
    groups, config = chosen_feature_groups(path, target_col), config_file.current()
    if groups is None:
        yield _Shown("features", None, "default")
    for group, columns in (groups or {}).items():
        if path is not None:
            yield _Shown(f"features.{group}", columns, f"command line, {path}")
        elif config is not None:
            yield _in_file(f"features.{group}", columns, config, ("features", group))


def _space(model_name: str) -> Iterator[_Shown]:
    from kallos_tune import SEARCH_SPACE, values_in_words

    config = config_file.current()
    for name, values in chosen_space(model_name).get("space", SEARCH_SPACE).items():
        key, told = f"search.space.{name}", values_in_words(values)
        if config is not None and name in config.space:
            yield _in_file(key, told, config, ("search", "space", name))
        else:
            yield _Shown(key, told, "default")


def _in_file(key: str, value: Any, config: ConfigFile, path: tuple[str, ...]) -> _Shown:  # noqa: ANN401
    return _Shown(key, value, shown(config.path), config.lines.get(path))


def _without_password(url: str, parameter: str) -> str:
    from kallos_data import ConfigError, DatabaseConfig

    try:
        return str(DatabaseConfig.from_url(url))
    except ConfigError as error:
        raise ConfigError(error.problem, parameter) from None


def _told(value: object, key: str) -> str:
    if value is None:
        return _FOUND_OUT.get(key, "-")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
