"""Threads of torch are given back, however the training ends."""

import pytest
import torch

from kallos_tune.evaluation.threads import torch_threads


def fail_with(threads):
    with torch_threads(threads):
        assert torch.get_num_threads() == threads
        raise KeyError


def test_threads_are_set_and_given_back():
    before = torch.get_num_threads()
    with pytest.raises(KeyError):
        fail_with(before + 1)
    assert torch.get_num_threads() == before
