"""The process that trains has its threads given back, however it ends."""

import pytest
import torch

from kallos_tune.process import training_process


def fail_with(threads):
    with training_process(threads):
        assert torch.get_num_threads() == threads
        raise KeyError


def test_threads_are_set_and_given_back():
    before = torch.get_num_threads()
    with pytest.raises(KeyError):
        fail_with(before + 1)
    assert torch.get_num_threads() == before
