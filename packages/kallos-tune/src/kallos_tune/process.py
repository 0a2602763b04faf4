"""What a process that trains small models one after another wants of the system."""

import ctypes
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import torch

# Numbers of glibc's mallopt, and the largest threshold that it takes for mapped memory.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGEST_MMAP_THRESHOLD: Final = 32 * 2**20
_KEPT_BYTES: Final = 512 * 2**20


@contextmanager
def training_process(threads: int) -> Generator[None]:
    """Train with so many torch threads in the ``with`` block, and let freed memory stay with the process.

    By default glibc hands the memory of a training step back to the system when the step is over, and each next step
    pays for it page by page. That is for the rest of the process; elsewhere than on glibc it does nothing.
    """
    _keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep_freed_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
