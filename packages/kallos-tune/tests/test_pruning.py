"""Pruning: by what is known over the same folds, never of the best, and a pruned score is no score."""

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from kallos_tune import TuningSettings, trials_table
from kallos_tune.pruning import pruner_of

MEDIAN = pruner_of(TuningSettings())


def trial_with(reports: list[float], state: TrialState = TrialState.COMPLETE) -> optuna.trial.FrozenTrial:
    value = reports[-1] if state == TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=dict(enumerate(reports, start=1)))


def study_of(*trials: optuna.trial.FrozenTrial) -> optuna.Study:
    study = optuna.create_study()
    study.add_trials(trials)
    return study


@given(st.lists(st.floats(0.1, 10), min_size=5, max_size=30))
def test_by_default_the_worse_half_is_given_up_and_the_best_never_is(scores):
    study = study_of(*(trial_with([score]) for score in scores))
    given_up = {score for score in scores if MEDIAN.prune(study, trial_with([score], TrialState.RUNNING))}
    assert min(scores) not in given_up
    assert len([score for score in scores if score in given_up]) <= len(scores) / 2


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING])
def test_what_is_not_complete_does_not_count(state):
    others = [trial_with([1.0], state)] * 9
    assert not MEDIAN.prune(study_of(*others, *[trial_with([1.0])] * 4), trial_with([9.0], TrialState.RUNNING))
    assert MEDIAN.prune(study_of(*others, *[trial_with([1.0])] * 5), trial_with([9.0], TrialState.RUNNING))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("median", optuna.pruners.MedianPruner),
        ("wilcoxon", optuna.pruners.WilcoxonPruner),
        ("none", optuna.pruners.NopPruner),
    ],
)
def test_the_settings_name_the_pruner(name, kind):
    assert type(pruner_of(TuningSettings(pruner=name))) is kind


def test_a_pruned_trial_has_no_score_in_the_table():
    study = study_of(trial_with([2.0, 3.0]))
    trial = study.ask()
    trial.report(0.5, step=1)
    trial.set_user_attr("fold_epochs", [7])
    study.tell(trial, state=TrialState.PRUNED)
    table = trials_table(study).select("trial", "state", "score", "folds").rows()
    assert table == [(0, "COMPLETE", 3.0, None), (1, "PRUNED", None, 1)]
    assert study.best_value == 3.0
