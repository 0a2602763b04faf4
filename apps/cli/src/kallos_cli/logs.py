"""Log lines of the libraries as plain words on stderr."""

import logging
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from . import output

_OURS = ("kallos_data", "kallos_models", "kallos_tune", "kallos_cli")


class _OnceForAllWorkers(logging.Filter):
    """Lets a line through once however many processes say it, and again when one of them says it again."""

    def __init__(self) -> None:
        super().__init__()
        self._said: Counter[tuple[int | None, str, int, str]] = Counter()
        self._shown: Counter[tuple[str, int, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        # Of what is shared, the database say, all workers tell the same, each in words of its own.
        line = (record.name, record.levelno, getattr(record, "shared", None) or record.getMessage())
        self._said[record.process, *line] += 1
        if self._said[record.process, *line] <= self._shown[line]:
            return False
        self._shown[line] += 1
        return True


class _WordsHandler(logging.Handler):
    """Prints through the console of stderr, so that a live display above stays whole."""

    def __init__(self, *, names: bool) -> None:
        super().__init__()
        self.addFilter(_OnceForAllWorkers())
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s" if names else "%(message)s"))
        self._names = names

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            alarming = record.levelno >= logging.WARNING
            kind = "warning: " if alarming else ""
            output.say(text if self._names else kind + text, style="yellow" if alarming else None)
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
