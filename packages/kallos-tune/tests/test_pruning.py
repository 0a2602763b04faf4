"""Pruning: by what is known at the same rung, never of the best, and a pruned score is no score."""

import math

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from kallos_tune import SearchSettings, trials_table
from kallos_tune.evaluation.pruning import SuccessiveHalving, pruner_of, rung_name, rung_of_epoch, rung_of_fold

VALUES = st.floats(0.1, 10)
FINISHED = st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING])


def trial_with(reports: list[float], state: TrialState = TrialState.COMPLETE) -> optuna.trial.FrozenTrial:
    value = reports[-1] if state == TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=dict(enumerate(reports, start=1)))


def study_of(*trials: optuna.trial.FrozenTrial) -> optuna.Study:
    study = optuna.create_study()
    study.add_trials(trials)
    return study


def gives_up(others: list[optuna.trial.FrozenTrial], reports: list[float], factor: int = 2) -> bool:
    study = study_of(*others, trial_with(reports, TrialState.RUNNING))
    return SuccessiveHalving(factor).prune(study, study.trials[-1])


@given(st.lists(st.tuples(VALUES, FINISHED), max_size=20), VALUES, st.integers(2, 5))
def test_a_trial_goes_on_exactly_where_it_is_among_the_best_of_its_rung(others, value, factor):
    """The slow reference: sort all, this trial before its equals, and see whether it stands in the first share."""
    order = sorted([(other, 1) for other, _ in others] + [(value, 0)])
    survives = order.index((value, 0)) < math.ceil(len(order) / factor)
    assert gives_up([trial_with([other], state) for other, state in others], [value], factor) != survives


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_the_best_and_the_first_always_go_on(scores):
    others = [trial_with([score]) for score in scores]
    assert not gives_up(others, [min(scores)])
    assert not gives_up([], [scores[0]])


@given(st.lists(VALUES, max_size=9), st.lists(VALUES, max_size=9), VALUES)
def test_failed_trials_and_other_rungs_do_not_count(here, elsewhere, value):
    others = [trial_with([score, score]) for score in here]
    noise = [trial_with([score, score], TrialState.FAIL) for score in elsewhere] + [trial_with([s]) for s in elsewhere]
    assert gives_up(others, [0.0, value]) == gives_up(others + noise, [0.0, value])


def test_a_trial_that_has_reported_nothing_goes_on():
    assert not gives_up([trial_with([1.0])] * 9, [])


def test_rungs_lie_early_in_the_first_fold_and_after_every_fold():
    epochs = {(fold, epoch): rung_of_epoch(fold, epoch) for fold in (1, 2) for epoch in range(1, 6)}
    rungs = {rung: where for where, rung in epochs.items() if rung is not None}
    assert rungs == {1: (1, 2), 2: (1, 4)}
    names = {rung: rung_name(rung) for rung in (*rungs, rung_of_fold(1), rung_of_fold(5))}
    assert names == {1: "epoch 2 of fold 1", 2: "epoch 4 of fold 1", 3: "fold 1", 7: "fold 5"}


@pytest.mark.parametrize(("name", "kind"), [("halving", SuccessiveHalving), ("none", optuna.pruners.NopPruner)])
def test_the_settings_name_the_pruner(name, kind):
    assert type(pruner_of(SearchSettings(pruner=name))) is kind


def test_a_pruned_trial_has_no_score_in_the_table():
    study = study_of(trial_with([2.0, 3.0]))
    trial = study.ask()
    trial.report(0.5, step=3)
    trial.set_user_attr("fold_epochs", [7])
    study.tell(trial, state=TrialState.PRUNED)
    table = trials_table(study).select("trial", "state", "score", "folds", "epochs").rows()
    assert table == [(0, "complete", 3.0, 0, None), (1, "pruned", None, 1, 7)]
    assert study.best_value == 3.0
