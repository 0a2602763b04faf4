"""Forecasts that cost next to nothing, by name, and how each stands in a sentence."""

from typing import Final

DRIFT: Final = "drift"
SEASONAL: Final = "seasonal"
THETA: Final = "theta"
RIDGE: Final = "ridge"
LIGHTGBM: Final = "lightgbm"

BASELINE_WORDS: Final = {
    DRIFT: "the last value plus its average change",
    SEASONAL: "the value of one season before",
    THETA: "the Theta method",
    RIDGE: "a ridge regression on the same features",
    LIGHTGBM: "boosted trees (LightGBM) on the same features",
}


def baseline_in_words(name: str) -> str:
    """Return a baseline by its name as it stands in a sentence: a ridge regression on the same features."""
    return BASELINE_WORDS.get(name, f"the baseline {name!r}")
