"""A study on SQLite: exact budget, resumed as if never stopped, refused for anything else, failures on record."""

import gc
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import cached_property

import optuna
import pytest
import sqlalchemy
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from kallos_models import ConfigError as ModelConfigError
from kallos_models import Hyperparameters, UnknownModelError
from kallos_tune import (
    ConfigError,
    EpochFinished,
    StudyData,
    StudyNotFoundError,
    StudyOpened,
    TooManyFailuresError,
    TrialFinished,
    load_study,
    run_tuning,
    study_names,
)
from kallos_tune.storage.locks import WriteLock
from kallos_tune.trial_attributes import FAILURE, FINISHED, RETRY_OF, WORKER, n_finished


def facts(study):
    """Return everything that a study's finished trials came to, in the order in which they were drawn."""
    return [
        (trial.state, trial.params, trial.user_attrs.get("fold_scores"), trial.intermediate_values, trial.value)
        for trial in study.get_trials(states=FINISHED)
    ]


def test_a_study_in_pieces_equals_a_study_in_one_go(tune, tmp_path, history, write_history):
    pieces = [tune(n, pruner="none") for n in (1, 2, 3)][-1]
    other = f"sqlite:///{tmp_path / 'other.db'}"
    write_history(other, history)
    whole = tune(3, url=other, pruner="none")
    assert [trial.state for trial in pieces.trials] == [TrialState.COMPLETE] * 3
    assert facts(pieces) == facts(whole)
    assert len({str(trial.params) for trial in whole.trials}) == 3
    assert whole.direction == optuna.study.StudyDirection.MINIMIZE


def test_between_trials_only_what_came_since_is_searched_for_garbage(tune):
    passed_over = []

    def note(event):
        if isinstance(event, EpochFinished):
            passed_over.append(gc.get_freeze_count())

    tune(2, on_event=note)
    # The libraries alone are half a million objects, and looking at them takes as long as a pruned trial.
    assert min(passed_over) > 100_000
    assert gc.get_freeze_count() == 0


def test_a_guided_search_begins_with_the_defaults_and_a_random_one_does_not(tune, settings):
    space = {
        **settings.search.space,
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "hidden_dim": IntDistribution(4, 8),
    }
    params = tune(2, max_epochs=1, space=space).trials[0].params
    defaults = Hyperparameters()
    assert (params["learning_rate"], params["batch_size"], params["n_rnn_layers"]) == (1e-3, 64, 1)
    assert params["hidden_dim"] != defaults.hidden_dim, "is not in the space"
    repeated = tune(2, max_epochs=1, space=space, study_name="again").trials
    assert [trial.params["learning_rate"] == 1e-3 for trial in repeated] == [True, False]
    at_random = tune(1, max_epochs=1, space=space, study_name="random", sampler="random")
    assert at_random.trials[0].params["learning_rate"] != 1e-3


def test_every_trial_is_scored_on_every_fold(tune):
    study = tune(5, max_epochs=1, pruner="none")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 5
    assert {len(trial.user_attrs["fold_scores"]) for trial in study.trials} == {2}


def test_a_pruned_study_repeats_in_one_go_or_interrupted(tune):
    epochs = {"max_epochs": 5, "patience": 5}
    whole = tune(7, study_name="whole", **epochs)
    survivor = [trial for trial in whole.trials if "fold_scores" in trial.user_attrs][-1].number
    with pytest.raises(KeyboardInterrupt):
        tune(7, on_event=interrupt_at(trial=survivor, fold=2), **epochs)
    parts = tune(7, **epochs)
    assert facts(parts) == facts(whole)
    rungs = {trial.last_step for trial in whole.trials if trial.state == TrialState.PRUNED}
    assert rungs
    assert rungs <= {1, 2, 3}
    assert parts.best_trial.state == TrialState.COMPLETE


def test_the_trial_of_a_killed_worker_runs_again_without_waiting(tune, database):
    killed = []

    def kill_the_first(event):
        if isinstance(event, EpochFinished) and not killed:
            trial = load_study(database, "s").trials[event.trial]
            killed.append((trial.number, trial.params))
            os.kill(int(trial.user_attrs[WORKER].split(":")[1]), signal.SIGKILL)

    epochs = {"max_epochs": 25, "patience": 25}
    study = tune(2, workers=2, grace_seconds=600, pruner="none", on_event=kill_the_first, **epochs)
    ((number, params),) = killed
    assert study.trials[number].user_attrs[FAILURE] == "abandoned: its worker is dead"
    (again,) = (trial for trial in study.trials if trial.user_attrs.get(RETRY_OF) == [number])
    assert (again.state, again.params) == (TrialState.COMPLETE, params)
    assert n_finished(study) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused_before_anything_else(tune, database):
    with pytest.raises(ModelConfigError, match="device cannot be 'cuda': torch sees no such GPU"):
        tune(1, device="cuda")
    assert study_names(database) == []


def test_a_full_study_is_returned_at_once(tune, database):
    tune(2)
    events = []
    study = tune(2, on_event=events.append)
    assert len(study.trials) == 2
    assert [type(event) for event in events] == [StudyOpened]
    assert (events[0].n_finished, events[0].n_trials, events[0].best_score) == (2, 2, study.best_value)
    assert (events[0].best_trial, events[0].best_params) == (study.best_trial.number, study.best_params)
    assert len(tune(1).trials) == 2


def interrupt_at(trial, fold):
    def listen(event):
        if isinstance(event, EpochFinished) and (event.trial, event.fold) == (trial, fold):
            raise KeyboardInterrupt

    return listen


def test_an_interrupted_trial_is_on_record_and_run_again(tune, database, tmp_path, history, write_history):
    with pytest.raises(KeyboardInterrupt):
        tune(3, on_event=interrupt_at(trial=1, fold=2), pruner="none")
    study = load_study(database, "s")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.WAITING]
    assert study.trials[1].user_attrs["failure"] == "Ctrl-C"

    resumed = tune(3, pruner="none")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    write_history(other, history)
    finished = [trial for trial in resumed.trials if trial.state == TrialState.COMPLETE]
    uninterrupted = tune(3, url=other, pruner="none").trials
    assert [trial.params for trial in finished] == [trial.params for trial in uninterrupted]
    assert [trial.value for trial in finished] == [trial.value for trial in uninterrupted]


def test_nothing_slow_happens_while_others_wait_to_create_a_study(tune, monkeypatch):
    holding, while_held = [], []
    hold = WriteLock.hold

    @contextmanager
    def watched(self):
        with hold(self) as connection:
            holding.append(True)
            yield connection
            holding.clear()

    def note(name):
        slow = getattr(StudyData, name).func

        def call(self):
            while_held.extend([name] if holding else [])
            return slow(self)

        noted = cached_property(call)
        noted.__set_name__(StudyData, name)
        monkeypatch.setattr(StudyData, name, noted)

    monkeypatch.setattr(WriteLock, "hold", watched)
    note("folds")
    note("naive")
    tune(1)
    assert while_held == []


@pytest.mark.parametrize("watching", ["tune(1)", pytest.param("tune(3, workers=2)", marks=pytest.mark.nightly)])
def test_who_trains_nothing_imports_neither_darts_nor_torch(tune, database, watching):
    tune(1)
    code = f"""
import sys
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from kallos_data import FeatureTables
from kallos_tune import TuningSettings, run_tuning
space = {{
    "hidden_dim": IntDistribution(4, 8, log=True),
    "n_rnn_layers": IntDistribution(1, 1),
    "dropout": FloatDistribution(0.0, 0.2),
    "batch_size": CategoricalDistribution([32, 64]),
    "input_chunk_length": IntDistribution(4, 8),
    "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
}}
groups = {{"unbounded_features": ["signal"], "volume_features": ["volume"]}}
tables = FeatureTables(market="history", indicators=None)
def tune(n_trials, workers=1):
    settings = TuningSettings.of(space=space, max_epochs=2, patience=2, target_folds=2, tables=tables, workers=workers)
    run_tuning("X", "2021-04-30", {database!r}, None, "gru", "s", "ret", groups, n_trials, settings=settings)
if __name__ == "__main__":
    {watching}
    print(*sorted({{"darts", "torch"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


def test_trials_that_diverge_are_on_record_and_three_at_first_end_it(tune, database, settings):
    hopeless = {**settings.search.space, "learning_rate": CategoricalDistribution([1e30])}
    events = []
    with pytest.raises(TooManyFailuresError, match="3 trials failed in a row, the last one with: TrainingDiverged"):
        tune(5, space=hopeless, on_event=events.append)
    trials = load_study(database, "s").trials
    assert [trial.state for trial in trials] == [TrialState.FAIL] * 3
    assert all("training diverged" in trial.user_attrs["failure"] for trial in trials)
    finished = [event for event in events if isinstance(event, TrialFinished)]
    assert [event.reason for event in finished] == [trial.user_attrs["failure"] for trial in trials]
    assert [(event.n_finished, event.n_failed) for event in finished] == [(0, 1), (0, 2), (0, 3)]


def test_whoever_watches_hears_of_the_best_trial_so_far(tune):
    events = []
    study = tune(4, on_event=events.append)
    finished = [event for event in events if isinstance(event, TrialFinished)]
    best = None
    for event, trial in zip(finished, study.trials, strict=True):
        if trial.state == TrialState.COMPLETE and (best is None or trial.value < best.value):
            best = trial
        assert (event.best_trial, event.best_score, event.best_params) == (best.number, best.value, best.params)
        assert event.n_pruned == sum(each.state == TrialState.PRUNED for each in study.trials[: trial.number + 1])


def failing_trials(*numbers, error=RuntimeError):
    """Return a listener whose exception, inside a trial, stands for anything that can go wrong there."""

    def listen(event):
        if isinstance(event, EpochFinished) and event.trial in numbers:
            raise error(f"trial {event.trial}")

    return listen


def test_a_failure_does_not_count_and_the_study_goes_on(tune):
    study = tune(2, on_event=failing_trials(0, 2))
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[2].user_attrs["failure"] == "RuntimeError: trial 2"
    assert n_finished(study) == 2


def test_five_failures_in_a_row_end_it(tune, database):
    with pytest.raises(TooManyFailuresError) as error:
        tune(9, on_event=failing_trials(0, 1, 3, 4, 5, 6, 7))
    assert error.value.reasons == [f"RuntimeError: trial {number}" for number in (3, 4, 5, 6, 7)]
    assert len(load_study(database, "s").trials) == 8


def test_out_of_memory_is_said_as_such(tune):
    study = tune(1, on_event=failing_trials(0, error=MemoryError))
    assert study.trials[0].user_attrs["failure"] == "out of memory (MemoryError: trial 0)"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_trials": 0}, ConfigError, "n_trials must be a whole number of 1 or more, not 0"),
        ({"n_trials": 1, "study_name": " "}, ConfigError, "study_name must not be empty"),
        ({"n_trials": 1, "model_name": "grue"}, UnknownModelError, "did you mean 'gru'"),
    ],
)
def test_impossible_requests_touch_nothing(tune, database, arguments, error, message):
    n_trials = arguments.pop("n_trials")
    with pytest.raises(error, match=message):
        tune(n_trials, bare=True, **arguments)
    engine = sqlalchemy.create_engine(database)
    assert sqlalchemy.inspect(engine).get_table_names() == ["history"]
    engine.dispose()


def test_studies_are_found_by_name_and_nothing_is_created(tune, database):
    assert study_names(database) == []
    engine = sqlalchemy.create_engine(database)
    assert sqlalchemy.inspect(engine).get_table_names() == ["history"]
    engine.dispose()
    tune(1, study_name="b", bare=True)
    tune(1, study_name="a")
    assert study_names(database) == ["a", "b"]
    with pytest.raises(StudyNotFoundError, match="no study 'bb': did you mean 'b'"):
        load_study(database, "bb")


def test_sqlite_has_no_schemas(database, groups):
    with pytest.raises(ConfigError, match="optuna_schema 'x' needs PostgreSQL: SQLite has no schemas"):
        run_tuning("X", "2021-04-30", {"url": database}, "x", "gru", "s", "ret", groups, 1)


def test_sqlite_readers_do_not_block_writers(tune, database):
    tune(1)
    engine = sqlalchemy.create_engine(database)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
