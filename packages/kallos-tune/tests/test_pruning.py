"""Pruning: like is compared with like, the best is never given up, and a pruned score is no score."""

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from kallos_tune import TuningSettings, trials_table
from kallos_tune.pruning import BestSharePruner, pruner_of


def trial_with(reports: list[float], state: TrialState = TrialState.COMPLETE) -> optuna.trial.FrozenTrial:
    value = reports[-1] if state == TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=dict(enumerate(reports, start=1)))


def study_of(*trials: optuna.trial.FrozenTrial) -> optuna.Study:
    study = optuna.create_study()
    study.add_trials(trials)
    return study


def running(*reports: float) -> optuna.trial.FrozenTrial:
    return trial_with(list(reports), TrialState.RUNNING)


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=30), st.sampled_from([0.25, 1 / 3, 0.5]))
def test_as_many_go_on_as_the_share_says_and_the_best_always_does(scores, share):
    study = study_of(*(trial_with([score]) for score in scores))
    pruner = BestSharePruner(share, n_startup_trials=3)
    go_on = [score for score in scores if not pruner.prune(study, running(score))]
    bar = np.quantile(scores, share)
    assert sorted(go_on) == sorted(score for score in scores if score <= bar)
    assert min(scores) in go_on


def test_means_are_compared_over_the_same_folds():
    """The first fold is calm: whoever is compared by the best mean so far looks good for ever."""
    study = study_of(*(trial_with([1.0 + 0.01 * rank, 5.0 + 0.01 * rank]) for rank in range(6)))
    assert BestSharePruner().prune(study, running(1.0, 9.0))
    assert not BestSharePruner().prune(study, running(1.0, 5.0))
    assert not optuna.pruners.MedianPruner().prune(study, running(1.0, 9.0))


def test_pruned_trials_count_and_failed_and_running_ones_do_not():
    finished = [trial_with([1.0 + rank], TrialState.PRUNED) for rank in range(5)]
    assert BestSharePruner().prune(study_of(*finished), running(4.0))
    others = [trial_with([0.1], state) for state in (TrialState.FAIL, TrialState.RUNNING)] * 3
    assert not BestSharePruner().prune(study_of(*finished[:4], *others), running(4.0))
    assert not BestSharePruner().prune(study_of(*finished, *others), running(1.5))


def test_nothing_is_pruned_before_it_has_reported_or_has_rivals():
    assert not BestSharePruner().prune(study_of(*[trial_with([1.0])] * 9), trial_with([], TrialState.RUNNING))
    assert not BestSharePruner().prune(study_of(*[trial_with([1.0])] * 4), running(9.0))
    assert BestSharePruner().prune(study_of(*[trial_with([1.0])] * 5), running(9.0))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("best-share", BestSharePruner),
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
