"""Log lines of the libraries as plain words on stderr."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from . import output

_OURS = ("kallos_data", "kallos_models", "kallos_tune", "kallos_cli")
# Their one line of information is what the commands print as their result.
_PRINTED_ANYWAY = ("kallos_data.ingest", "kallos_tune.study")


class _WordsHandler(logging.Handler):
    """Prints through the console of stderr, so that a live display above stays whole."""

    def __init__(self, *, names: bool) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s" if names else "%(message)s"))
        self._names = names

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            warned = record.levelno >= logging.WARNING
            output.say(f"warning: {text}" if warned and not self._names else text, style="yellow" if warned else None)
        except Exception:  # noqa: BLE001 - logging's own convention: a line that cannot be printed ends nothing
            self.handleError(record)


def start(*, debug: bool = False) -> None:
    """Show the libraries' log lines: INFO and above, or everything with names."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _WordsHandler)]:
        root.removeHandler(handler)
    root.addHandler(_WordsHandler(names=debug))
    logging.captureWarnings(capture=True)
    # Python's own warnings are for developers.
    logging.getLogger("py.warnings").setLevel(logging.WARNING if debug else logging.ERROR)
    _set_level(logging.DEBUG if debug else logging.INFO)


def debugging() -> bool:
    """Return whether everything is shown."""
    return logging.getLogger("kallos_cli").level == logging.DEBUG


def only_warnings() -> None:
    """Keep back what is neither warning nor error, unless everything was asked for."""
    if not debugging():
        _set_level(logging.WARNING)


def _set_level(level: int) -> None:
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    for name in _PRINTED_ANYWAY:
        logging.getLogger(name).setLevel(level if level == logging.DEBUG else logging.WARNING)


def tame_optuna() -> None:
    """Let only Optuna's warnings through, by the same way as all others."""
    import optuna

    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@contextmanager
def silent(name: str) -> Generator[None]:
    """Keep a library's words back in the ``with`` block: it will say the same again right after."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
