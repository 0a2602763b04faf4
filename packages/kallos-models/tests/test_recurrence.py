"""The GRU that trains sooner is torch's GRU: in double precision equal to the last digits, outputs and gradients."""

import copy

import pytest
import torch
from torch import nn

from kallos_models.recurrence import TapeLightGRU


def pair(*, hidden: int = 7, n_layers: int = 2, dropout: float = 0.0) -> tuple[nn.GRU, TapeLightGRU]:
    torch.manual_seed(3)
    gru = nn.GRU(5, hidden, n_layers, batch_first=True, dropout=dropout).double()
    return gru, TapeLightGRU.of(copy.deepcopy(gru))


def outcome(gru: nn.GRU, x: torch.Tensor) -> list[torch.Tensor]:
    torch.manual_seed(4)
    x = x.clone().requires_grad_()
    out, state = gru(x)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    loss = (out * weights).sum() + state.square().sum()
    gradients = torch.autograd.grad(loss, [x, *gru.parameters()])
    return [out.detach(), state.detach(), *gradients]


@pytest.mark.parametrize("n_steps", [1, 2, 9])
@pytest.mark.parametrize("n_samples", [1, 3])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_outputs_and_gradients_are_those_of_torch(n_steps, n_samples, n_layers, dropout):
    gru, twin = pair(n_layers=n_layers, dropout=dropout if n_layers > 1 else 0.0)
    x = torch.randn(n_samples, n_steps, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for mine, theirs in zip(outcome(twin, x), outcome(gru, x), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


def test_wide_layers_whose_slopes_come_in_several_blocks_are_those_of_torch():
    gru, twin = pair(hidden=300)
    x = torch.randn(64, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for mine, theirs in zip(outcome(twin, x), outcome(gru, x), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_gradients_are_those_of_finite_differences():
    _, twin = pair(n_layers=1)
    x = torch.randn(2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: twin(each)[0], (x,))


def test_saturated_gates_stay_finite():
    gru, twin = pair()
    x = 1e4 * torch.ones(2, 6, 5, dtype=torch.float64)
    for mine, theirs in zip(outcome(twin, x), outcome(gru, x), strict=True):
        torch.testing.assert_close(mine, theirs)
        assert bool(torch.isfinite(mine).all())


def test_it_shares_the_parameters_and_draws_no_random_numbers():
    gru = nn.GRU(5, 7, 2, batch_first=True)
    state = torch.get_rng_state()
    twin = TapeLightGRU.of(gru)
    assert torch.equal(torch.get_rng_state(), state)
    assert [id(each) for each in twin.parameters()] == [id(each) for each in gru.parameters()]
    assert twin.state_dict().keys() == gru.state_dict().keys()


def test_without_gradients_it_is_torchs_own():
    gru, twin = pair(dropout=0.3)
    x = torch.randn(3, 9, 5, dtype=torch.float64)
    gru.eval(), twin.eval()
    assert torch.equal(twin(x)[0], gru(x)[0])
    start = torch.randn(2, 3, 7, dtype=torch.float64)
    assert torch.equal(twin(x, start)[0], gru(x, start)[0])
