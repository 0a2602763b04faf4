"""Wires the commands into ``kallos-run``."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from . import command_line, config_file, errors, logs, output, shells, signals, typed_commands
from .commands import (
    assets,
    config,
    dashboard,
    demo,
    doctor,
    evaluate,
    forecast,
    ingest,
    init,
    study,
    train,
    tune,
)
from .options import Debug, model_names

app = typer.Typer(
    name="kallos-run",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "obj": config_file.url_for_tab},
    help="Find, train and check deep forecasting models for crypto-asset series.",
    epilog="[bold]Examples[/bold]\n\n"
    "kallos-run demo\n\n"
    "kallos-run ingest btcusdt_1d.csv --asset-id BTC\n\n"
    "kallos-run tune --asset-id BTC --end-date 2023-01-01 --model-name gru --study-name gru_btc\n\n"
    "kallos-run train --study gru_btc\n\n"
    "kallos-run evaluate --model gru_btc_model\n\n"
    "kallos-run forecast --model gru_btc_model\n\n"
    "kallos-run study show gru_btc",
)
app.command(epilog=demo.EXAMPLES)(demo.demo)
app.command(epilog=ingest.EXAMPLES)(ingest.ingest)
app.command(epilog=init.EXAMPLES)(init.init)
app.command(epilog=tune.EXAMPLES)(tune.tune)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=forecast.EXAMPLES)(forecast.forecast)
app.command(epilog=dashboard.EXAMPLES)(dashboard.dashboard)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(study.app, name="study")
app.add_typer(assets.app, name="assets")
app.add_typer(config.app, name="config")


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        output.show(f"kallos-run {version('kallos-cli')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
    config_path: Annotated[
        str | None,
        typer.Option(
            "--config",
            envvar=config_file.VARIABLE,
            metavar="FILE",
            help="TOML file with settings of a run. Default: kallos.toml in the current folder or the nearest above. "
            "What is typed goes before the environment, and that before the file.",
        ),
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Use no such file.")] = False,
    _debug: Debug = False,
) -> None:
    config_file.use(context, config_path, ignored=no_config)


def main() -> int:
    """Run ``kallos-run`` and return its exit code."""
    signals.install()
    logs.start()
    try:
        with shells.completing():
            code = typed_commands.program(app).main(prog_name="kallos-run", standalone_mode=False)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - every end is put into words here
        return _ended_by(error)
    return _stopped(code) if code == errors.EXIT_CTRL_C else code or 0


def _ended_by(error: BaseException) -> int:
    if logs.debugging() and isinstance(error, Exception):
        output.words().print_exception()
    if isinstance(error, errors.StoppedError):
        for line in error.lines:
            output.say(line)
        return error.exit_code
    stopped = signals.exit_code_received()
    if stopped is not None:
        return _stopped(stopped)
    if isinstance(error, typer.TyperException):
        output.complain(_usage_lines(error))
        return error.exit_code
    if isinstance(error, Exception):
        explanation = errors.explain(error)
        output.complain(explanation.lines)
        return explanation.exit_code
    return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else errors.EXIT_OURS


def _usage_lines(error: typer.TyperException) -> list[str]:
    """Return what is wrong with the command as typed; nothing where the help was shown instead."""
    message = error.format_message()
    if not message:
        return []
    parameter: Any = getattr(error, "param", None)
    flags = getattr(parameter, "opts", ())
    typed = command_line.value_typed(flags)
    if typed is not None:
        message = _refusal(parameter, flags, typed) or (
            message if repr(typed) in message else f"{message}, not {typed!r}"
        )
    if typed is None and getattr(parameter, "name", None) == "model_name":
        message = f"{message.rstrip('.')}: name one of {', '.join(model_names())}"
    path: str = getattr(getattr(error, "ctx", None), "command_path", None) or ""
    return [message, f"see {command_line.of_program(*path.split()[1:], '--help')}"]


def _refusal(parameter: Any, flags: Sequence[str], typed: str) -> str | None:  # noqa: ANN401 - a parameter of click
    """Return why the library refuses the value of a setting, so that both say the same, and any number likewise."""
    from .setting_options import FORECASTER_OPTIONS, SETTING_OPTIONS, refused_number

    for option in (*SETTING_OPTIONS, *FORECASTER_OPTIONS):
        if option.flag in flags:
            problem = option.refusal(typed)
            return f"{option.flag} {problem}" if problem else None
    problem = refused_number(parameter, typed)
    return f"{flags[0]} {problem}" if problem else None


def _stopped(code: int) -> int:
    output.say("interrupted" if code == errors.EXIT_CTRL_C else "terminated")
    return code
