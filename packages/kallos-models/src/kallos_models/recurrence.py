"""A GRU that trains sooner on a CPU: the recurrence as one step of the gradient tape instead of a dozen per time step.

Symbols: T steps, N samples, I inputs, H hidden units; gates r (reset), z (update) and n (new), in that order along
the rows of the weights as in :class:`torch.nn.GRU`::

    r, z = sigmoid(W_i x + b_i + W_h h' + b_h)      h' is h of the step before
    n    = tanh(W_in x + b_in + r * m)              m  = W_hn h' + b_hn
    h    = (1 - z) * n + z * h'

(Cho et al. 2014, in the variant of cuDNN, whose reset gate acts after the matrix product.)
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


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

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # noqa: A002 - torch's name
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
        (steps, samples, inputs), hidden = x.shape, w_hh.shape[1]
        rz, n = slice(2 * hidden), slice(2 * hidden, None)
        # Both biases of r and z are added at once; that of m stays apart, since r multiplies it.
        bias = b_ih.clone()
        bias[rz] += b_hh[rz]
        gates = torch.addmm(bias, x.reshape(-1, inputs), w_ih.t()).view(steps, samples, 3 * hidden)
        m, out = (x.new_empty(steps, samples, hidden) for _ in range(2))
        h, w_rz, w_m, b_m = x.new_zeros(samples, hidden), w_hh[rz].t(), w_hh[n].t(), b_hh[n]
        for rz_t, (r_t, z_t, n_t), m_t, out_t in zip(
            gates[..., rz].unbind(), _by_step(gates, hidden), m.unbind(), out.unbind(), strict=True
        ):
            rz_t.addmm_(h, w_rz).sigmoid_()
            torch.addmm(b_m, h, w_m, out=m_t)
            n_t.addcmul_(r_t, m_t).tanh_()
            h = torch.lerp(n_t, h, z_t, out=out_t)
        ctx.save_for_backward(x, w_ih, w_hh, gates, m, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, w_ih, w_hh, gates, m, out = ctx.saved_tensors
        slopes = _through_time(gradients[0], w_hh, gates, m, out)
        (steps, samples, inputs), hidden = x.shape, w_hh.shape[1]
        flat, x_flat = slopes.view(steps * samples, 4 * hidden), x.reshape(-1, inputs)
        # As the input sees the gates: r, z and n. As the state sees them: r, z and m.
        rz, rzm, n = flat[:, : 2 * hidden], flat[:, : 3 * hidden], flat[:, 3 * hidden :]
        d_x = (rz @ w_ih[: 2 * hidden]).addmm_(n, w_ih[2 * hidden :]).view_as(x) if ctx.needs_input_grad[0] else None
        d_w_ih = torch.cat([rz.t() @ x_flat, n.t() @ x_flat])
        # The state before the first step is zero.
        d_w_hh = rzm[samples:].t() @ out.view(-1, hidden)[:-samples]
        d_bias = flat.sum(0)
        return d_x, d_w_ih, d_w_hh, torch.cat([d_bias[: 2 * hidden], d_bias[3 * hidden :]]), d_bias[: 3 * hidden]


def _through_time(d_out: Tensor, w_hh: Tensor, gates: Tensor, m: Tensor, out: Tensor) -> Tensor:
    """Return the gradient of what enters the gates r, z, m and n, side by side, ``[T, N, 4 H]``."""
    steps, samples, hidden = out.shape
    slopes = out.new_empty(steps, samples, 4 * hidden)
    before = [out.new_zeros(samples, hidden), *out.unbind()[:-1]]
    d_h, d_h_kept, d_n, change = (out.new_zeros(samples, hidden) for _ in range(4))
    d_rz = out.new_empty(samples, 2 * hidden)
    d_r, d_z = d_rz.split(hidden, dim=1)
    rz = gates[..., : 2 * hidden]
    by_step = zip(
        before, d_out.unbind(), m.unbind(), rz.unbind(), _by_step(gates, hidden), _by_step(slopes, hidden),
        slopes[..., : 2 * hidden].unbind(), slopes[..., : 3 * hidden].unbind(), strict=True,
    )  # fmt: skip
    for h_t, d_out_t, m_t, rz_t, (r_t, z_t, n_t), (_, _, s_m, s_n), s_rz, s_rzm in reversed(list(by_step)):
        d_h.add_(d_out_t)
        torch.mul(d_h, z_t, out=d_h_kept)
        torch.sub(d_h, d_h_kept, out=d_n)
        _tanh_backward(d_n, n_t, grad_input=s_n)
        torch.mul(s_n, m_t, out=d_r)
        torch.sub(h_t, n_t, out=change)
        torch.mul(d_h, change, out=d_z)
        _sigmoid_backward(d_rz, rz_t, grad_input=s_rz)
        torch.mul(s_n, r_t, out=s_m)
        torch.addmm(d_h_kept, s_rzm, w_hh, out=d_h)
    return slopes


def _by_step(side_by_side: Tensor, hidden: int) -> list[tuple[Tensor, ...]]:
    """Return the blocks of ``[T, N, k H]`` as views, k for each step."""
    return list(zip(*(block.unbind() for block in side_by_side.split(hidden, dim=-1)), strict=True))
