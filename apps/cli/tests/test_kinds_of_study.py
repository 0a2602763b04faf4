"""Hourly prices, rolling windows and another error than the default, from the command line to the stored study."""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from kallos_data import in_utc, simulate_market
from kallos_tune import load_study

STEPS = 330
SMALL = ("--asset-id", "BTC", "--n-trials", "1", "--max-epochs", "1", "--folds", "2", "--seed", "10", "--json")


@pytest.fixture(autouse=True)
def small_models(tmp_path):
    """Let the search space hold small models alone."""
    (tmp_path / "kallos.toml").write_text(
        "[search.space]\nhidden_dim = {low = 8, high = 32, log = true}\nn_rnn_layers = 1\n"
    )


@pytest.fixture
def tune(main_within):
    """Return a function that runs ``tune`` to its end and returns the JSON object it prints."""

    def run(*arguments: object) -> dict:
        code, out, err = main_within("tune", *SMALL, *arguments)
        assert code == 0, err
        return json.loads(out)

    return run


def moments(bounds: dict[str, str]) -> dict[str, datetime]:
    return {edge: datetime.fromisoformat(moment) for edge, moment in bounds.items()}


def test_a_market_by_the_hour_is_learnt_as_one_by_the_day(main_within, tune, tmp_path):
    """The same numbers at other times: the folds lie elsewhere, every score is the same to the last digit."""
    results = []
    steps = {"days": timedelta(days=1), "hours": timedelta(hours=1), "quarters": timedelta(minutes=15)}
    for name, frequency in steps.items():
        market = simulate_market(STEPS, seed=1, start="2022-03-01", frequency=frequency)
        market.write_csv(tmp_path / f"{name}.csv")
        url = ("--db-url", f"sqlite:///{name}.db")
        code, out, err = main_within("ingest", f"{name}.csv", "--asset-id", "BTC", "--json", *url)
        assert code == 0, err
        end = datetime(2022, 3, 1, tzinfo=UTC) + 299 * frequency
        assert json.loads(out)["last"] == in_utc(end + 30 * frequency)
        results.append(tune("--study-name", name, "--end-date", end.isoformat(), *url))
        folds = [moments(fold) for fold in results[-1]["definition"]["folds"]]
        assert folds[-1]["val_last"] == end
        assert all(after["val_first"] - before["val_last"] == frequency for before, after in pairwise(folds))
        assert all(fold["val_first"] - fold["train_last"] == frequency for fold in folds)
    for key in ("fold_scores", "fold_naive_scores", "best_params"):
        days, hours, quarters = (result[key] for result in results)
        assert days == hours == quarters


def test_a_rolling_window_forgets_as_much_as_it_learns(main_within, tune, database):
    where = ("--end-date", "2019-12-31", "--study-name", "small")
    rolling = tune(*where, "--window", "rolling")
    folds = [moments(fold) for fold in rolling["definition"]["folds"]]
    lengths = {fold["train_last"] - fold["train_first"] for fold in folds}
    assert len(lengths) == 1
    assert len({fold["train_first"] for fold in folds}) == len(folds) == 2

    code, _, err = main_within("tune", *SMALL, *where)
    assert code == 2
    assert "--window was rolling, now expanding" in err
    expanding = tune(*where[:3], "expanding")
    wider = [moments(fold) for fold in expanding["definition"]["folds"]]
    assert len({fold["train_first"] for fold in wider}) == 1
    assert [fold["val_first"] for fold in wider] == [fold["val_first"] for fold in folds]
    # The one whose window is the same is learnt the same; the other has seen more.
    same = [ours["train_first"] == theirs["train_first"] for ours, theirs in zip(folds, wider, strict=True)]
    scores = zip(rolling["fold_scores"], expanding["fold_scores"], strict=True)
    assert [ours == theirs for ours, theirs in scores] == same


def test_absolute_errors_of_the_same_forecasts_are_no_larger(tune, database):
    found = {}
    for metric in ("mae", "rmse"):
        found[metric] = tune("--end-date", "2019-12-31", "--study-name", metric, "--metric", metric)
    assert found["mae"]["best_params"] == found["rmse"]["best_params"]
    pairs = [
        (absolute, squared)
        for scores in ("fold_scores", "fold_naive_scores")
        for absolute, squared in zip(found["mae"][scores], found["rmse"][scores], strict=True)
    ]
    # Of returns that are all but normal, the ratio is near the root of 2/π.
    for absolute, squared in pairs:
        assert absolute / squared == pytest.approx(math.sqrt(2 / math.pi), abs=0.1)


def test_trials_are_pruned_by_their_absolute_error(tune, database):
    result = tune(
        *("--end-date", "2019-12-31", "--study-name", "small", "--metric", "mae"),
        *("--n-trials", "6", "--max-epochs", "2", "--sampler", "random", "--workers", "1"),
    )
    assert result["metric"] == "mae"
    trials = load_study(f"sqlite:///{database}", "small").trials
    pruned = [trial for trial in trials if trial.state.name == "PRUNED"]
    assert 0 < len(pruned) == result["n_trials"]["pruned"] < len(trials)
    seen: dict[int, list[float]] = {}
    for trial in trials:
        goes_on = []
        for rung, value in trial.intermediate_values.items():
            better = sum(other < value for other in seen.setdefault(rung, []))
            seen[rung].append(value)
            goes_on.append(better < math.ceil(len(seen[rung]) / 2))
        assert all(goes_on[:-1]), f"trial {trial.number} should have ended before"
        assert trial.state.name == ("COMPLETE" if goes_on[-1] else "PRUNED")
    best = trials[result["best_trial"]]
    first, second = best.user_attrs["fold_scores"]
    *_, after_first, after_second = best.intermediate_values.values()
    assert (after_first, after_second) == (first, (first + second) / 2)
    assert best.value == after_second == min(trial.value for trial in trials if trial.state.name == "COMPLETE")


def test_of_a_price_the_log_change_is_learnt_and_the_price_is_scored(main_within, database):
    price = ("--end-date", "2019-12-31", "--study-name", "price", "--target-col", "close")
    code, out, err = main_within("tune", *SMALL, *price)
    assert code == 0, err
    told = "close moves like a random walk: its log change is learnt, forecasts are put back into close"
    assert err.splitlines().count(told) == 1
    result = json.loads(out)
    assert result["definition"]["target_transform"] == "log_difference"
    # A price of thousands, forecast one day ahead: errors of the size of a day's change, not of the price.
    assert 0 < result["best_score"] < 1.3 * result["naive_score"]

    code, _, err = main_within("tune", *SMALL, *price, "--target-transform", "none")
    assert code == 2
    assert "--target-transform was log_difference, now none" in err
    code, out, _ = main_within("study", "show", "price")
    assert code == 0
    assert re.search(r"learnt +its log change\n", out)


def test_no_logarithm_of_what_can_be_negative(main_within, database):
    returns = ("--end-date", "2019-12-31", "--study-name", "returns", "--target-transform", "log_difference")
    code, _, err = main_within("tune", *SMALL, *returns)
    assert code == 2
    assert re.search(
        r"error: --target-transform is log_difference, which needs values above 0, and log_return is -", err
    )
