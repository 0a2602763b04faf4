"""Keep the words of Lightning and Darts from a user who asked for a model, not for them."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager

_TALKATIVE = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric", "darts")
_UNHELPFUL = (
    r".*treespec, LeafSpec.* is deprecated",
    r".*'pin_memory' argument is set as true but no accelerator",
    r".*enable_nested_tensor is True, but",
    r".*dropout option adds dropout after all but last recurrent layer",
    r".*does not have many workers",
    r".*The number of training batches .* is smaller than the logging interval",
    r".*Checkpoint directory .* exists and is not empty",
    r".*GPU available but not used",
    r".*You defined a `validation_step` but have no `val_dataloader`",
    r".*Trying to infer the `batch_size` from an ambiguous collection",
    r".*Total length of `list` across ranks is zero",
)


@contextmanager
def quiet_lightning() -> Generator[None]:
    """Silence banners, hints and known harmless warnings of Lightning and Darts inside the ``with`` block.

    Their errors still arrive as exceptions, and other warnings still show. Log levels and warning filters are as
    before afterwards. Both belong to the process, so threads share the silence.
    """
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message in _UNHELPFUL:
            warnings.filterwarnings("ignore", message=message)
        try:
            # Darts logs each exception it raises as an error, Lightning's hints are information.
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
