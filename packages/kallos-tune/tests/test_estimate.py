"""What a study will take: configurations by their cost, the rule of pruning played, ranges, and nothing written."""

import sqlite3
from contextlib import closing

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_models import ConfigError as ModelConfigError
from kallos_tune import SEARCH_SPACE, ConfigError, estimate_study, load_study_data
from kallos_tune.estimate import epochs, simulation, timing
from kallos_tune.estimate.configurations import at, corners, cost_index, drawn
from kallos_tune.estimate.simulation import Costs, Game, play, range_of
from kallos_tune.evaluation.pruning import SuccessiveHalving


def test_the_corners_of_the_space_that_ships():
    of_name = corners(SEARCH_SPACE, "gru")
    assert of_name["smallest"] == {
        "hidden_dim": 32,
        "n_rnn_layers": 1,
        "dropout": 0.35,
        "batch_size": 128,
        "input_chunk_length": 30,
        "learning_rate": pytest.approx(10**-3.5),
    }
    largest = {"hidden_dim": 256, "n_rnn_layers": 4, "batch_size": 32, "input_chunk_length": 70}
    assert of_name["largest"] == of_name["smallest"] | largest
    assert of_name["middle"]["hidden_dim"] == round((32 * 256) ** 0.5)
    assert of_name["middle"]["batch_size"] == 64


def test_what_is_drawn_lies_in_the_space_and_between_the_corners():
    of_name = corners(SEARCH_SPACE, "gru")
    low, middle, high = (cost_index(of_name[name]) for name in ("smallest", "middle", "largest"))
    assert low < middle < high
    for params in drawn(SEARCH_SPACE, 200, np.random.default_rng(0)):
        assert low <= cost_index(params) <= high
        assert all(
            SEARCH_SPACE[name]._contains(each.to_internal_repr(params[name])) for name, each in SEARCH_SPACE.items()
        )


@given(
    st.sampled_from(
        [IntDistribution(3, 17, step=2), IntDistribution(1, 9, log=True), FloatDistribution(0.1, 7, log=True)]
    ),
    st.floats(0, 1),
)
def test_a_place_in_a_range_is_a_value_of_it(distribution, place):
    assert distribution._contains(at(distribution, place))
    assert at(distribution, 0) == pytest.approx(distribution.low)
    assert at(distribution, 1) == pytest.approx(distribution.high)


def test_what_has_no_order_and_no_default_is_the_first_choice():
    space = SEARCH_SPACE | {"kind": CategoricalDistribution(["b", "a"]), "heads": IntDistribution(1, 8)}
    assert [params["kind"] for params in corners(space, "gru").values()] == ["b"] * 3
    assert [params["heads"] for params in corners(space, "gru").values()] == [1, 5, 8]


def test_trainings_end_a_patience_after_their_best_epoch():
    assert epochs.epochs_trained(np.array([3.2, 9.0, 0.1, 80]), max_epochs=20, patience=5) == (
        [3, 9, 1, 20],
        # From the second fold on not before the mean best epoch of those before: 3, 6, 4.
        [8, 14, 6, 20],
    )
    assert epochs.epochs_trained(np.array([18.0, 1.0]), max_epochs=30, patience=2)[1] == [20, 18]


def test_the_less_an_epoch_moves_the_later_is_the_best():
    medians = np.exp(epochs.log_median(np.array([1e-5, 1e-3, 1e-2]), np.array(10.0)))
    assert medians[0] > medians[1] > medians[2] >= 1
    assert medians[1] == pytest.approx(1 + (epochs.R / 0.01) ** epochs.POWER)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_rule_that_is_played_is_the_pruner_s(errors):
    study, pruner = optuna.create_study(pruner=SuccessiveHalving()), SuccessiveHalving()
    rungs: dict[int, list[float]] = {}
    for error in errors:
        trial = study.ask()
        trial.report(error, step=3)
        assert simulation._pruned(rungs, 3, error) == pruner.prune(study, study.trials[trial.number])


def a_game(**changes):
    costs = Costs(epoch=np.full((4, 2), 2.0), fixed=np.full((4, 2), 1.0), log_best=np.zeros((4, 2)))
    values = {"n_trials": 10, "n_before": 0, "workers": 1, "max_epochs": 20, "patience": 3, "pruning": False}
    values |= {
        "early_rungs": True,
        "guided": True,
        "begins_with_first": True,
        "seconds_a_trial": 0.5,
        "seconds_a_fold": 0.25,
    }
    return Game(costs=costs, **values | changes)


@pytest.fixture
def nothing_spreads(monkeypatch):
    for name in ("OF_STUDY", "OF_TRIAL", "OF_FOLD"):
        monkeypatch.setattr(epochs, name, 0.0)


@pytest.mark.parametrize(("workers", "rounds"), [(1, 10), (3, 4), (10, 1), (12, 1)])
def test_without_pruning_and_spread_every_trial_takes_the_same(nothing_spreads, workers, rounds):
    # A best epoch of 1 and a patience of 3: four epochs in each of two folds.
    a_trial = 0.5 + 2 * (4 * 2.0 + 1.0 + 0.25)
    assert play(a_game(workers=workers), np.random.default_rng(0)) == pytest.approx(rounds * a_trial)


def test_of_a_study_that_is_resumed_only_the_missing_trials_take_time(nothing_spreads):
    a_trial = 0.5 + 2 * (4 * 2.0 + 1.0 + 0.25)
    assert play(a_game(n_before=7, n_trials=3), np.random.default_rng(0)) == pytest.approx(3 * a_trial)


def test_pruning_saves_time_and_more_of_it_the_more_trials_there_are():
    def mean(**changes):
        rng = np.random.default_rng(1)
        return np.mean([play(a_game(**changes), rng) for _ in range(60)])

    shares = [mean(n_trials=n, pruning=True) / mean(n_trials=n) for n in (4, 16, 64)]
    assert 1 > shares[0] > shares[1] > shares[2] > 0.05
    assert mean(n_trials=16, pruning=True, early_rungs=False) > mean(n_trials=16, pruning=True)
    # The trials before are those that the new ones are compared with.
    assert mean(n_trials=4, n_before=60, pruning=True) < mean(n_trials=4, pruning=True)


def test_a_range_holds_its_share():
    assert range_of(list(range(101)), 0.9) == pytest.approx((5, 50, 95))


@pytest.fixture
def load(database, groups, settings):
    def load(**changes):
        return load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings.changed(**changes))

    return load


def contents(database):
    """Return what a database holds, whichever of SQLite's files it lies in just now."""
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    "changes",
    [{}, {"likelihood": "quantile"}, {"forecast": "recursive"}, {"purge": 2}, {"workers": 2}],
    ids=str,
)
def test_an_estimate_of_a_small_study(load, database, changes):
    before = contents(database)
    estimate = estimate_study(load(**changes), "gru", 3)
    assert [each.name for each in estimate.timings] == ["smallest", "middle", "largest"]
    assert all(min(each.step, each.validation, each.forecast) > 0 for each in estimate.timings)
    assert 0 < estimate.pruned[0] < estimate.pruned[1] < estimate.pruned[2]
    assert 0 < estimate.unpruned[0] < estimate.unpruned[1] < estimate.unpruned[2]
    assert estimate.workers == changes.get("workers", 1)
    low, high = estimate.memory
    assert 50 * 2**20 * estimate.workers < low <= high < 16 * 2**30 * estimate.workers
    assert estimate.untimed == {}
    assert 0 < estimate.share <= 1
    assert estimate.to_dict()["timings"][0]["name"] == "smallest"
    assert contents(database) == before


def test_nothing_to_run_takes_no_time(load, monkeypatch):
    monkeypatch.setattr(timing, "time_configurations", None)
    estimate = estimate_study(load(), "gru", 0, n_finished=3)
    assert (estimate.pruned, estimate.unpruned, estimate.memory) == ((0, 0, 0), (0, 0, 0), None)


def test_more_workers_than_trials_are_not_timed(load):
    assert estimate_study(load(workers=3), "gru", 1).workers == 1


def test_a_configuration_that_cannot_be_trained_is_named(load, monkeypatch):
    real = timing.fit_forecaster

    def refuse(model_name, hparams, *series, **more):
        if hparams["hidden_dim"] == 8:
            raise ModelConfigError("is too wide", "hidden_dim")
        return real(model_name, hparams, *series, **more)

    monkeypatch.setattr(timing, "fit_forecaster", refuse)
    estimate = estimate_study(load(), "gru", 3)
    assert estimate.untimed == {"largest": "hidden_dim is too wide"}
    assert [each.name for each in estimate.timings] == ["smallest", "middle"]


def test_what_cannot_be_estimated_is_refused(load, monkeypatch):
    with pytest.raises(ConfigError, match="engine is ray: how fast the nodes of a cluster are cannot be timed"):
        estimate_study(load(engine="ray"), "gru", 3)
    with pytest.raises(ConfigError, match="n_trials must be 0 or more, not -1"):
        estimate_study(load(), "gru", -1)

    def refuse(*_series, **_more):
        raise ModelConfigError("is too wide", "hidden_dim")

    monkeypatch.setattr(timing, "fit_forecaster", refuse)
    with pytest.raises(ConfigError, match=r"can be trained.*: hidden_dim is too wide"):
        estimate_study(load(), "gru", 3)
