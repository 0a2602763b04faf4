"""A GRU that trains faster on a CPU: the recurrence as one step of the gradient tape instead of a dozen per time step.

Symbols: T steps, N samples, I inputs, H hidden units; gates r (reset), z (update) and n (new), in that order along
the rows of the weights as in :class:`torch.nn.GRU`::

    r, z = sigmoid(W_i x + b_i + W_h h' + b_h)      h' is h of the step before
    n    = tanh(W_in x + b_in + r * m)              m  = W_hn h' + b_hn
    h    = (1 - z) * n + z * h'

(Cho et al. 2014, in the variant of cuDNN, whose reset gate acts after the matrix product.)

What a step holds lies side by side, ``[m r z n]``: the state enters the first three and the input the last three, by
one matrix product each. What each of the four does to h, its slope, depends on the way forward alone, and is found for
many steps at once; the way back is left with a product by the gradient of h and a matrix product per step.
"""

from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPES_AT_ONCE: Final = 2**16
"""Elements of each block: few enough to stay in a core's cache."""
_PADDING: Final = 16
"""Elements between rows, without which rows of a power of two fall on the same lines of the cache."""


class TapeLightGRU(nn.GRU):
    """:class:`torch.nn.GRU`, equal in everything but the order of floating-point sums while it trains on a CPU."""

    @classmethod
    def of(cls, gru: nn.GRU) -> Self:
        """Return a module that shares the parameters of another; no random numbers are drawn."""
        with torch.device("meta"):
            twin = cls(
                gru.input_size, gru.hidden_size, gru.num_layers, batch_first=gru.batch_first, dropout=gru.dropout
            )
        for name, parameter in gru.named_parameters():
            setattr(twin, name, parameter)
        return twin

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] - torch also takes packed sequences
        self,
        input: Tensor,  # noqa: A002 - torch's name
        hx: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return outputs ``[N, T, H]`` and the last state of each layer ``[layers, N, H]`` of ``input [N, T, I]``."""
        if hx is not None or not self._is_worth_it(input):
            return super().forward(input, hx)
        sequence, states = input.transpose(0, 1), list[Tensor]()
        for layer in range(self.num_layers):
            if layer:
                sequence = functional.dropout(sequence, self.dropout, training=True)
            weights = [getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            sequence = _GRULayer.apply(sequence, *weights)
            states.append(sequence[-1])
        return sequence.transpose(0, 1), torch.stack(states)

    def _is_worth_it(self, sequence: Tensor) -> bool:
        plain = self.batch_first and self.bias and not self.bidirectional and sequence.dim() == 3
        return plain and sequence.device.type == "cpu" and self.training and torch.is_grad_enabled()


class _GRULayer(torch.autograd.Function):
    """One layer over a whole sequence ``[T, N, I]``; returns ``[T, N, H]``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:  # noqa: ANN401, PLR0917
        x = x.contiguous()
        (steps, samples, inputs), hidden = x.shape, w_hh.shape[1]
        w_mrz = torch.roll(w_hh, hidden, 0)
        # Both biases of r and z are added at once; that of m stays apart, since r multiplies it.
        bias = b_ih.clone()
        bias[: 2 * hidden] += b_hh[: 2 * hidden]
        gates = _side_by_side(x, steps, samples, hidden)
        gates[..., :hidden] = b_hh[2 * hidden :]
        torch.addmm(bias, x.view(-1, inputs), w_ih.t(), out=gates.view(-1, 4 * hidden)[:, hidden:])
        out = x.new_empty(steps, samples, hidden)
        h, w_mrz_t = x.new_zeros(samples, hidden), w_mrz.t()
        m, r, z, n = (block.unbind() for block in gates.chunk(4, dim=-1))
        mrz, rz = gates[..., : 3 * hidden].unbind(), gates[..., hidden : 3 * hidden].unbind()
        for mrz_t, rz_t, m_t, r_t, z_t, n_t, out_t in zip(mrz, rz, m, r, z, n, out.unbind(), strict=True):
            mrz_t.addmm_(h, w_mrz_t)
            rz_t.sigmoid_()
            n_t.addcmul_(r_t, m_t).tanh_()
            h = torch.lerp(n_t, h, z_t, out=out_t)
        ctx.save_for_backward(x, w_ih, w_mrz, gates, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, w_ih, w_mrz, gates, out = ctx.saved_tensors
        (_, samples, inputs), hidden = x.shape, out.shape[-1]
        d_gates = _through_time(gradients[0], w_mrz, gates, out).view(-1, 4 * hidden)
        d_mrz, d_rzn = d_gates[:, : 3 * hidden], d_gates[:, hidden:]
        d_x = (d_rzn @ w_ih).view_as(x) if ctx.needs_input_grad[0] else None
        d_w_ih = d_rzn.t() @ x.view(-1, inputs)
        # The state before the first step is zero.
        d_w_mrz = d_mrz[samples:].t() @ out.view(-1, hidden)[:-samples]
        d_bias = d_gates.sum(0)
        d_b_mrz, d_b_ih = d_bias[: 3 * hidden], d_bias[hidden:]
        return d_x, d_w_ih, torch.roll(d_w_mrz, -hidden, 0), d_b_ih, torch.roll(d_b_mrz, -hidden)


def _through_time(d_out: Tensor, w_mrz: Tensor, gates: Tensor, out: Tensor) -> Tensor:
    """Return the gradient of what enters m, r, z and n, side by side, ``[T, N, 4 H]``."""
    steps, samples, hidden = out.shape
    d_gates, z = _side_by_side(out, steps, samples, hidden), gates.chunk(4, dim=-1)[2]
    at_once = max(1, _SLOPES_AT_ONCE // (samples * hidden))
    d_h = d_out[-1]
    for t in reversed(range(steps)):
        if t % at_once == at_once - 1 or t == steps - 1:
            block = slice(t - t % at_once, t + 1)
            _write_slopes(gates[block], out[max(block.start - 1, 0) : t], d_gates[block])
        d_gates[t].view(samples, 4, hidden).mul_(d_h.unsqueeze(1))
        if t:
            d_h = torch.addcmul(d_out[t - 1], d_h, z[t]).addmm_(d_gates[t, :, : 3 * hidden], w_mrz)
    return d_gates


def _write_slopes(gates: Tensor, before: Tensor, slopes: Tensor) -> None:
    """Write how h changes with what enters m, r, z and n of its own step; ``before`` is h', the zeros left out."""
    m, r, z, n = gates.chunk(4, dim=-1)
    of_m, of_r, of_z, of_n = slopes.chunk(4, dim=-1)
    torch.mul(1 - z, 1 - n.square(), out=of_n)
    torch.mul(of_n, r, out=of_m)
    torch.mul(of_m, m, out=of_r).mul_(1 - r)
    torch.neg(n, out=of_z)[len(n) - len(before) :].add_(before)
    of_z.mul_(z).mul_(1 - z)


def _side_by_side(like: Tensor, steps: int, samples: int, hidden: int) -> Tensor:
    """Return room for m, r, z and n of every step, ``[T, N, 4 H]``."""
    return like.new_empty(steps, samples, 4 * hidden + _PADDING)[..., : 4 * hidden]
