"""Dropout of recurrent layers, which lies between them: beside a single one, it does nothing."""

from typing import Final

from ..hyperparameters import WithoutEffect

IDLE_DROPOUT: Final = WithoutEffect("dropout", "n_rnn_layers", 1, "acts between recurrent layers only")
