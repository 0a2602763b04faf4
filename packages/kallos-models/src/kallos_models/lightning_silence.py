"""Keep the words of Lightning and Darts from a user who asked for a model, not for them.

Every silence here has its cause: the line of Lightning or Darts that would speak. A test lets each speak and holds the
lists to be no longer than needed.
"""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import darts
import pytorch_lightning


@dataclass(frozen=True, slots=True)
class Silence:
    """A logger or a kind of warning that is kept from the user.

    Attributes
    ----------
    what : str
        Name of the logger, or the beginning of the warning as a regular expression.
    cause : str
        Who speaks, where, and why nobody misses it.
    level : int
        Of a logger: the lowest level that still passes.
    category : type of Warning
        Of a warning.
    """

    what: str
    cause: str
    level: int = logging.WARNING
    category: type[Warning] = UserWarning


LOGGERS: Final = (
    Silence(
        pytorch_lightning.__name__,
        "its __init__ gives it the level INFO and a handler of its own; each new trainer then names GPUs, TPUs and a "
        "product (trainer/setup.py, logger_connector.py), and on a GPU lightning_fabric advises less precision by the "
        "same logger (accelerators/cuda.py)",
    ),
    Silence(
        darts.__name__,
        "raise_log logs every error that it raises as well; predict warns of autoregression that was asked for "
        "(forecasting_model.py) and TiDE of few covariates (tide_model.py)",
        level=logging.CRITICAL,
    ),
)
WARNINGS: Final = (
    Silence(
        r"`isinstance\(treespec, LeafSpec\)` is deprecated",
        "Lightning's own use of a torch function (pytorch_lightning/utilities/_pytree.py)",
        category=FutureWarning,
    ),
    Silence(
        r"'pin_memory' argument is set as true but no accelerator is found",
        "Darts asks for it on every machine (darts/utils/data/torch_datasets/_data_module.py)",
    ),
    Silence(
        r"enable_nested_tensor is True, but",
        "Darts builds its encoder with torch's defaults (darts/models/forecasting/transformer_model.py)",
    ),
    Silence(
        r"GPU available but not used",
        "the CPU was asked for; small models train faster there (pytorch_lightning/trainer/setup.py)",
    ),
)


@contextmanager
def quiet_lightning() -> Generator[None]:
    """Silence banners, hints and known harmless warnings of Lightning and Darts inside the ``with`` block.

    Their errors still arrive as exceptions, and other warnings are still shown. Log levels and warning filters are as
    before afterwards. Both belong to the process, so threads share the silence.
    """
    loggers = [(logging.getLogger(silence.what), silence.level) for silence in LOGGERS]
    before = [logger.level for logger, _ in loggers]
    with warnings.catch_warnings():
        for silence in WARNINGS:
            warnings.filterwarnings("ignore", message=silence.what, category=silence.category)
        try:
            for logger, level in loggers:
                logger.setLevel(level)
            yield
        finally:
            for (logger, _), level in zip(loggers, before, strict=True):
                logger.setLevel(level)
