"""The probability of backtest overfitting: closed forms, a slow reference, and what changes nothing."""

from itertools import combinations

import numpy as np
import pytest

from kallos_tune import ConfigError, Overfitting, Verdict, backtest_overfitting
from kallos_tune.verdict.backtest_overfitting import n_blocks_of
from kallos_tune.verdict.search_wording import overfitting_lines, spa_line


def slow_probability(losses, n_blocks):
    """Return the probability as its definition says it, one half and one trial at a time."""
    blocks = np.array_split(np.arange(len(losses)), n_blocks)
    counts = []
    for half in combinations(range(n_blocks), n_blocks // 2):
        inside = np.concatenate([blocks[place] for place in half])
        outside = np.setdiff1d(np.arange(len(losses)), inside)
        best = min(range(losses.shape[1]), key=lambda trial: losses[inside, trial].mean())
        there = losses[outside].mean(axis=0)
        median = np.median(there)
        counts.append(1.0 if there[best] > median else 0.5 if there[best] == median else 0.0)
    return float(np.mean(counts))


@pytest.mark.parametrize(("n_rows", "n_trials", "n_blocks"), [(40, 7, 8), (43, 8, 6), (16, 2, 16 // 2), (10, 5, 10)])
def test_it_is_what_the_definition_says(n_rows, n_trials, n_blocks):
    losses = np.random.default_rng(n_rows).exponential(size=(n_rows, n_trials)) + np.linspace(0, 0.4, n_trials)
    found = backtest_overfitting(losses, n_blocks=n_blocks)
    assert found.probability == pytest.approx(slow_probability(losses, n_blocks), abs=1e-12)
    assert (found.n_rows, found.n_trials, found.n_blocks) == (n_rows, n_trials, n_blocks)


def test_of_noise_it_is_a_half_in_the_mean():
    found = [
        backtest_overfitting(np.random.default_rng(seed).normal(size=(64, 9)), n_blocks=8).probability
        for seed in range(300)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / np.sqrt(300))


def test_of_a_trial_that_is_best_everywhere_it_is_nought():
    losses = np.random.default_rng(0).uniform(1, 2, size=(160, 12))
    losses[:, 5] = 0.5
    found = backtest_overfitting(losses)
    assert (found.probability, found.band, found.n_halves) == (0.0, "low", 12870)


def test_where_every_gain_is_paid_back_it_is_one():
    losses = np.random.default_rng(0).normal(size=(160, 12))
    # With the same sum over all rows, the lower one half the higher the other.
    assert backtest_overfitting(losses - losses.mean(axis=0)).probability == 1.0


@pytest.mark.parametrize("n_trials", [2, 3, 10])
def test_of_copies_of_one_trial_it_is_a_half(n_trials):
    row = np.random.default_rng(1).normal(size=(80, 1))
    assert backtest_overfitting(np.repeat(row, n_trials, axis=1), n_blocks=8).probability == 0.5


def test_neither_order_nor_unit_nor_what_all_trials_share_changes_it():
    rng = np.random.default_rng(2)
    losses = rng.exponential(size=(64, 6)) * np.linspace(1, 1.2, 6)
    found = backtest_overfitting(losses, n_blocks=8)
    assert 0 < found.probability < 1
    assert backtest_overfitting(losses[:, rng.permutation(6)], n_blocks=8) == found
    assert backtest_overfitting(1024 * losses, n_blocks=8) == found
    shared = backtest_overfitting(losses + rng.normal(size=(64, 1)), n_blocks=8)
    assert shared.probability == pytest.approx(found.probability, abs=1e-12)


@pytest.mark.parametrize(("rows", "per_block", "blocks"), [(456, 10, 16), (159, 10, 14), (40, 10, 4), (39, 10, None)])
def test_as_many_blocks_as_the_rows_are_enough_for(rows, per_block, blocks):
    assert n_blocks_of(rows, rows_per_block=per_block) == blocks


@pytest.mark.parametrize(("folds", "blocks"), [(5, 4), (4, 4), (3, None), (20, 16)])
def test_folds_are_blocks_too(folds, blocks):
    assert n_blocks_of(folds) == blocks


@pytest.mark.parametrize(
    ("losses", "n_blocks", "message"),
    [
        (np.zeros(8), 4, "losses must be rows by two trials or more, not of shape [8]"),
        (np.zeros((8, 1)), 4, "losses must be rows by two trials or more, not of shape [8, 1]"),
        (np.zeros((8, 2)), 5, "n_blocks must be an even number, 2 or more, not 5"),
        (np.zeros((8, 2)), 0, "n_blocks must be an even number, 2 or more, not 0"),
        (np.zeros((8, 2)), 10, "n_blocks must be 8 or fewer, as there are rows, not 10"),
        (np.full((8, 2), np.nan), 4, "losses must be finite"),
    ],
)
def test_what_cannot_be_halved_is_refused(losses, n_blocks, message):
    with pytest.raises(ConfigError) as caught:
        backtest_overfitting(losses, n_blocks=n_blocks)
    assert str(caught.value) == message


def found_at(probability):
    return Overfitting(probability=probability, n_trials=12, n_rows=456, n_blocks=16)


@pytest.mark.parametrize(
    ("probability", "band"),
    [(0.0, "low"), (0.0999, "low"), (0.1, "middling"), (0.39, "middling"), (0.4, "high"), (1, "high")],
)
def test_three_bands(probability, band):
    found = found_at(probability)
    assert found.band == band
    assert overfitting_lines(found, row="judged step")[1].startswith(f"{band}: ")


def test_the_words_name_what_was_counted_and_where_the_bands_lie():
    number, meaning = overfitting_lines(found_at(0.431), row="judged step")
    assert number == (
        "probability of backtest overfitting: 43.1 %. 456 judged steps in 16 blocks were halved in all 12870 ways; in "
        "so many of them the best of 12 complete trials on one half was below their median on the other"
    )
    assert meaning.endswith("(below 10 % is low, from 40 % on high, luck alone comes to some 50 %)")


def verdict_of(**facts):
    about = {"conclusion": "no evidence", "metric": "rmse", "forecast": "rolling", "horizon": 1, "n_average": 5}
    return Verdict(**(about | {"n_folds": 5, "n_trials": 20, "n_complete": 7, "skill_against": {}} | facts))


def test_the_test_of_all_trials_in_words():
    assert spa_line(verdict_of(spa_p=0.412, spa_trials=7)) == (
        "test for superior predictive ability (SPA, Hansen 2005): p = 0.41 that not even the best of 7 complete trials "
        "is better than the naive forecast to beat. It allows for how many were tried, and decides nothing in the "
        "verdict"
    )


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"conclusion": "not judged"}, "nothing was judged"),
        ({"forecast": "recursive"}, "it needs rolling forecasts"),
        ({}, "no complete trial has a forecast of every judged step"),
    ],
)
def test_why_there_is_no_test_of_all_trials(facts, why):
    assert spa_line(verdict_of(**facts)) == f"test for superior predictive ability (SPA, Hansen 2005): none, {why}"
