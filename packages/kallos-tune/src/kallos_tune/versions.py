"""The versions of everything that a score depends on."""

import importlib.metadata
from typing import Final

_PACKAGES: Final = (
    *("kallos-data", "kallos-models", "kallos-tune"),
    *("darts", "torch", "pytorch-lightning", "optuna", "numpy"),
)


def versions() -> dict[str, str]:
    """Return the installed version of each."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}
