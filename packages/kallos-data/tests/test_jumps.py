"""Jumps of the close: told with their size, and whether they look like one wrong bar."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_data.jumps import find_jumps

START = datetime(2024, 1, 1, tzinfo=UTC)


def found(closes, hours=None):
    times = [START + timedelta(hours=hour) for hour in (hours or range(len(closes)))]
    return find_jumps(pl.Series(times, dtype=pl.Datetime("us", "UTC")), pl.Series(closes, dtype=pl.Float64))


def walk(n: int = 60, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(seed).standard_normal(n)))


@given(seed=st.integers(0, 2**32 - 1), place=st.integers(5, 50), factor=st.sampled_from([1e-5, 0.1, 10.0, 1e5]))
def test_one_wrong_bar_is_told_once_and_as_such(seed, place, factor):
    closes = walk(seed=seed)
    closes[place] *= factor
    (jump,) = found(closes.tolist())
    assert (jump.time, jump.before, jump.close) == (START + timedelta(hours=place), closes[place - 1], closes[place])
    assert jump.returns
    assert "back within three bars: looks like one wrong bar" in str(jump)


@given(seed=st.integers(0, 2**32 - 1), place=st.integers(5, 50), factor=st.sampled_from([0.01, 100.0]))
def test_a_new_unit_stays(seed, place, factor):
    closes = walk(seed=seed)
    closes[place:] *= factor
    (jump,) = found(closes.tolist())
    assert not jump.returns


def test_the_unit_of_the_price_does_not_matter():
    closes = walk()
    closes[20] *= 50
    sizes = [[(jump.time, jump.returns) for jump in found((closes * unit).tolist())] for unit in (1e-12, 1.0, 1e12)]
    assert sizes[0] == sizes[1] == sizes[2] != []


def test_what_comes_after_a_hole_is_no_return():
    closes = walk()
    closes[30] /= 1000
    hours = [*range(31), *range(400, 429)]
    fall, relisted = found(closes.tolist(), hours)
    assert not fall.returns
    assert relisted.time == START + timedelta(hours=400)


@pytest.mark.parametrize("closes", [[], [1.0], [1.0, 1.5, 2.0], [5.0] * 30, [1.0, None, 1.1]])
def test_what_does_not_jump_is_not_told(closes):
    assert found(closes) == []


def test_a_wild_market_is_no_wrong_bar():
    assert found((100 * np.exp(np.cumsum(2 * np.random.default_rng(1).standard_normal(200)))).tolist()) == []


def test_sizes_are_said_both_ways():
    up, down = found([*walk(20), 1e6, *[1e6] * 20, 1.0, *[1.0] * 20])
    assert "times the one before" in str(up)
    assert "1/1e+06 of the one before (1e+06 to 1)" in str(down)
