"""An objective that is about no forecast at all, on the core: the budget is met, and mistakes are told at once."""

import optuna
import pytest

from kallos_tune import ConfigError, RunSettings, TrialFinished, run_objective
from kallos_tune.trial_times import seconds_of

BOWL = "own_objectives:bowl"
pytestmark = pytest.mark.usefixtures("own_fork_server")


@pytest.fixture
def objectives(tmp_path, monkeypatch):
    (tmp_path / "own_objectives.py").write_text(
        "import optuna\n"
        "word = 'not a function'\n"
        "def bowl(trial, middle=0.0):\n"
        "    return (trial.suggest_float('x', -1, 1) - middle) ** 2\n"
        "def every_other(trial):\n"
        "    if trial.number % 2:\n"
        "        raise optuna.TrialPruned\n"
        "    return bowl(trial)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return f"sqlite:///{tmp_path / 'own.db'}"


def values(study: optuna.Study):
    return [(trial.params, trial.value) for trial in study.trials]


def test_it_is_minimised_from_its_arguments(objectives):
    told = []
    study = run_objective(BOWL, "bowl", 3, objectives, arguments=(0.5,), on_event=told.append)
    assert all(trial.value == (trial.params["x"] - 0.5) ** 2 for trial in study.trials)
    assert [event.n_finished for event in told if isinstance(event, TrialFinished)] == [1, 2, 3]
    seconds = {event.trial: event.seconds for event in told if isinstance(event, TrialFinished)}
    assert seconds == {trial.number: seconds_of(trial) for trial in study.trials}


def test_in_one_go_or_in_two_the_study_is_the_same(objectives):
    whole = run_objective(BOWL, "whole", 4, objectives, seed=7)
    run_objective(BOWL, "parts", 2, objectives, seed=7)
    parts = run_objective(BOWL, "parts", 4, objectives, seed=7)
    assert values(parts) == values(whole)
    assert values(whole) != values(run_objective(BOWL, "other", 4, objectives, seed=8))
    assert len(run_objective(BOWL, "parts", 4, objectives, seed=7).trials) == 4


def test_several_workers_meet_the_budget_and_pruned_trials_count(objectives):
    study = run_objective("own_objectives:every_other", "s", 5, objectives, run=RunSettings(workers=2))
    states = [trial.state.name for trial in study.trials]
    assert sorted(states) == ["COMPLETE"] * 3 + ["PRUNED"] * 2


@pytest.mark.parametrize(
    ("objective", "problem"),
    [
        (
            "own_objectives:none",
            "must name a function that can be imported, as 'module:name', not 'own_objectives:none'",
        ),
        ("nowhere:bowl", "must name a function that can be imported, as 'module:name', not 'nowhere:bowl'"),
        ("own_objectives:word", "must name a function, and 'own_objectives:word' is a str"),
    ],
)
def test_what_workers_could_not_import_is_refused(objectives, objective, problem):
    with pytest.raises(ConfigError) as caught:
        run_objective(objective, "s", 1, objectives)
    assert caught.value.problem.startswith(problem)
    assert caught.value.parameter == "objective"


def test_other_impossible_requests_are_refused(objectives):
    with pytest.raises(ConfigError, match="n_trials must be 1 or more, not 0"):
        run_objective(BOWL, "s", 0, objectives)
    with pytest.raises(ConfigError, match="engine must be 'processes'"):
        run_objective(BOWL, "s", 1, objectives, run=RunSettings(engine="ray"))
