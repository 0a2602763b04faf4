"""The objective: the mean over the folds, told fold by fold."""

import math
import sys

import numpy as np
import optuna
import pytest

from kallos_tune import EpochFinished, FoldFinished, TrialStarted, evaluate_fold, objective
from kallos_tune.evaluation.naive_scores import naive_scores_of
from kallos_tune.evaluation.pruning import rung_of_fold


def new_trial(study=None):
    return (study or optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))).ask()


def test_the_mean_of_the_folds_each_as_if_it_were_alone(folds, settings):
    trial, events = new_trial(), []
    score = objective(trial, folds, "gru", settings=settings, on_event=events.append)

    alone = [evaluate_fold(fold, "gru", trial.params, settings=settings) for fold in reversed(folds)][::-1]
    assert trial.user_attrs["fold_scores"] == [result.score for result in alone]
    assert score == np.mean([result.score for result in alone])
    naive = naive_scores_of([fold.truth for fold in folds], settings)
    assert trial.user_attrs["fold_naive_scores"] == [*naive.fold_scores]
    assert trial.user_attrs["fold_epochs"] == [result.epochs for result in alone]
    assert len(trial.user_attrs["fold_seconds"]) == len(folds) == 2


def test_what_it_tells(folds, settings):
    trial, events = new_trial(), []
    score = objective(trial, folds, "gru", settings=settings, on_event=events.append)
    assert events[0] == TrialStarted(0, trial.params)
    per_fold = [[event for event in events if getattr(event, "fold", 0) == number] for number in (1, 2)]
    assert events[1:] == per_fold[0] + per_fold[1]
    for number, told in enumerate(per_fold, start=1):
        assert [type(event) for event in told] == [EpochFinished, EpochFinished, FoldFinished]
        assert [event.epoch for event in told[:2]] == [1, 2]
        assert told[-1].score == trial.user_attrs["fold_scores"][number - 1]
    assert score == np.mean([told[-1].score for told in per_fold])


def test_reports_the_running_mean(folds, settings):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    trial = new_trial(study)
    objective(trial, folds, "gru", settings=settings)
    first, second = trial.user_attrs["fold_scores"]
    reported = study.trials[0].intermediate_values
    n_rungs = 2
    assert {rung - n_rungs: value for rung, value in reported.items() if rung > n_rungs} == {
        1: first,
        2: pytest.approx((first + second) / 2),
    }


def test_reports_the_best_error_so_far_early_in_the_first_fold_alone(folds, settings):
    """With the weights of the best epoch the validation error is the score, up to float32."""
    settings = settings.changed(max_epochs=5, patience=5)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    trial, events = new_trial(study), []
    objective(trial, folds, "gru", settings=settings, on_event=events.append)
    losses = [event.val_loss for event in events if isinstance(event, EpochFinished) and event.fold == 1]
    score_of_best = trial.user_attrs["fold_scores"][0]
    expected = {rung: score_of_best * (min(losses[:epoch]) / min(losses)) ** 0.5 for rung, epoch in ((1, 2), (2, 4))}
    reported = study.trials[0].intermediate_values
    assert list(reported) == [1, 2, 3, 4]
    assert {rung: reported[rung] for rung in (1, 2)} == pytest.approx(expected, rel=1e-4)


def test_a_forecast_that_feeds_on_itself_is_not_judged_by_single_steps(folds, settings):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    objective(new_trial(study), folds, "gru", settings=settings.changed(forecast="recursive", max_epochs=4))
    assert list(study.trials[0].intermediate_values) == [rung_of_fold(1), rung_of_fold(2)]


def test_a_loss_that_is_no_number_leaves_the_best_before_it(folds, settings, monkeypatch):
    reports = {}

    def fold_of_losses(*losses):
        def run(*args, on_epoch, **kwargs):
            for epoch, loss in enumerate(losses, start=1):
                on_epoch(epoch, loss)
            return evaluate_fold(*args, **kwargs)

        return run

    for losses in ((4.0, math.nan), (math.nan, 4.0), (math.nan, math.nan)):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
        monkeypatch.setattr(sys.modules[objective.__module__], "evaluate_fold", fold_of_losses(*losses))
        objective(new_trial(study), folds[:1], "gru", settings=settings)
        reports[losses] = study.trials[0].intermediate_values.get(1)
    assert list(reports.values()) == [2 * folds[0].target_scaler.std, 2 * folds[0].target_scaler.std, None]


def test_a_pruner_may_give_up_in_the_middle_of_the_first_fold(folds, settings):
    settings = settings.changed(max_epochs=5, patience=5)
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=1e-9))
    trial, events = new_trial(study), []
    with pytest.raises(optuna.TrialPruned):
        objective(trial, folds, "gru", settings=settings, on_event=events.append)
    assert [event.epoch for event in events if isinstance(event, EpochFinished)] == [1, 2]
    assert "fold_scores" not in trial.user_attrs


def test_a_pruner_may_give_up_before_the_last_fold(folds, settings):
    pruner = optuna.pruners.ThresholdPruner(upper=1e-9)
    settings = settings.changed(max_epochs=1)
    study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=3))
    trial = new_trial(study)
    with pytest.raises(optuna.TrialPruned):
        objective(trial, folds, "gru", settings=settings)
    assert len(trial.user_attrs["fold_scores"]) == 1
