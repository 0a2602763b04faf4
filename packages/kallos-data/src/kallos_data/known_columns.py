"""Columns that Kallos knows by name, and which of them a model should see."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

PRICES: Final = ("open", "high", "low", "close")
EXTRAS: Final = ("quote_asset_volume", "trades", "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume")
"""Of bars, what not every source has; a table that ingest makes has a column for each."""

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "volume_features": (
        "volume",
        *EXTRAS,
    ),
    "bounded_features": ("rsi", "mfi", "adx", "stoch_k", "stoch_d"),
    "unbounded_features": ("macd", "macd_signal", "macd_diff", "atr", "bb_width"),
    "roc_features": ("roc_1", "roc_3", "roc_7"),
    "log_return_features": ("log_return",),
}

# Their columns say what happened within a step: where nothing did, they are 0.
_CHANGE_GROUPS: Final = ("volume_features", "roc_features", "log_return_features")

CHANGES: Final = frozenset(name for group in _CHANGE_GROUPS for name in _GROUPS[group])
"""The known columns of returns, rates of change and volumes."""


SPANS: Final[Mapping[str, int]] = {"log_return": 1, "roc_1": 1, "roc_3": 3, "roc_7": 7}
"""Over how many steps the known returns and rates of change reach."""


def changes_in(feature_groups: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the columns of returns, rates of change and volumes: known by name, or in groups of theirs."""
    return CHANGES.union(*(feature_groups.get(group, ()) for group in _CHANGE_GROUPS))


def brought(empty: Sequence[str], columns: Collection[str]) -> tuple[str, ...]:
    """Return the columns without any value that somebody brought, which is worth a word.

    A table that ingest makes has all columns that a file may have, so that files with and without them can follow each
    other: where all of :data:`EXTRAS` are there, those without a value are no news.

    Parameters
    ----------
    empty : sequence of str
        Columns without a value.
    columns : collection of str
        All others.
    """
    made = EXTRAS if {*EXTRAS} <= {*empty, *columns} else ()
    return tuple(name for name in empty if name not in made)


def default_feature_groups(columns: Sequence[str], target_col: str) -> dict[str, list[str]]:
    """Sort the columns that ingest knows into the feature groups that a model is best given.

    Chosen are columns whose distribution changes little over the years (returns, oscillators, volumes as logarithms,
    the width of the bands), and macd and atr, which stay near zero or a typical size although that grows with the
    price. Left out are open, high, low and close, both EMAs and the middle Bollinger band: they wander with the price,
    so that a scaler fitted on past ones says nothing about later ones, and what they know is in the returns. Other
    columns are in nobody's default.

    Parameters
    ----------
    columns : sequence of str
        What there is, in any order.
    target_col : str
        Left out: a model sees the target's past anyway.

    Returns
    -------
    dict[str, list[str]]
        For each group with at least one column its columns.
    """
    usable = set(columns) - {target_col}
    groups = {group: [name for name in names if name in usable] for group, names in _GROUPS.items()}
    return {group: names for group, names in groups.items() if names}
