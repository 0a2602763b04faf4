"""How many threads torch trains with."""

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(threads: int) -> Generator[None]:
    """Train with so many threads in the ``with`` block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
