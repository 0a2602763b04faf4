"""A study tells one naive score, at its beginning and at its end, and the skill of a score is measured against it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_tune import (
    StudyOpened,
    evaluate_fold,
    judge_study,
    load_study,
    naive_score_of,
    run_tuning,
    stored_verdict,
    study_result,
    verdict_lines,
)
from kallos_tune.evaluation.naive_scores import naive_scores_of
from kallos_tune.evaluation.scoring import error
from kallos_tune.study_definition import NAIVE, stored_naive
from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from kallos_tune.verdict.naive_scores import hardest_naive

SCORES = st.lists(st.floats(0, 1e9), min_size=3, max_size=3)


@given(st.dictionaries(st.sampled_from([LAST_VALUE, TRAINING_MEAN, ZERO]), SCORES, min_size=1))
def test_the_hardest_has_the_lowest_mean_and_is_never_mixed_of_several(scores):
    found = hardest_naive(scores)
    assert found.fold_scores == tuple(scores[found.name])
    assert all(found.score <= np.mean(each) for each in scores.values())
    before = list(scores)[: list(scores).index(found.name)]
    assert all(np.mean(scores[name]) > found.score for name in before)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"metric": "mae"},
        {"forecast": "recursive"},
        {"target_transform": "difference"},
        {"likelihood": "quantile"},
    ],
)
def test_the_beginning_and_the_verdict_tell_the_same_to_the_last_digit(stored_study, changes):
    study, data = stored_study(**changes)
    verdict = judge_study(study, data)
    assert (data.naive.name, data.naive.score) == (verdict.search_naive, verdict.search_naive_score)
    result = study_result(study)
    assert (result.naive, result.naive_score) == (data.naive.name, data.naive.score)
    assert result.fold_naive_scores == list(data.naive.fold_scores)
    assert (result.best_score, result.skill) == (verdict.search_score, verdict.search_skill)
    assert result.skill == 1 - result.best_score / result.naive_score


def test_zero_is_a_rival_of_returns_from_the_first_line_on(stored_study):
    _, data = stored_study()
    of_zero = [
        error("rmse", target.values[target.val_start :], np.zeros(target.n_val), target.learnable[target.val_start :])
        for target in data.targets
    ]
    assert data.around_zero
    assert data.naive.score <= np.mean(of_zero)
    if data.naive.name == ZERO:
        assert data.naive.fold_scores == pytest.approx(of_zero)


def test_what_is_printed_first_is_what_is_printed_last(database, groups, settings):
    events = []
    study = run_tuning(
        "X", "2021-04-30", database, None, "gru", "s", "ret", groups, 1, settings=settings, on_event=events.append
    )
    (opened,) = [event for event in events if isinstance(event, StudyOpened)]
    verdict = stored_verdict(study.user_attrs)
    assert opened.naive_score == verdict.search_naive_score == naive_score_of(study.user_attrs)
    assert f"than naive ({opened.naive_score:.4g}: {opened.naive})" in verdict_lines(verdict)[0]
    told = [event.naive_score for event in events if hasattr(event, "epochs")]
    assert told == list(stored_naive(study.user_attrs).fold_scores)
    assert opened.naive_score == np.mean(told)


def test_a_fold_alone_is_compared_with_the_hardest_naive_forecast_of_it(folds, params, settings):
    result = evaluate_fold(folds[0], "gru", params, settings=settings)
    assert result.naive_score == naive_scores_of([folds[0].truth], settings).score


def test_a_study_that_does_not_keep_it_learns_it_when_it_is_resumed(finished_study, database, tune):
    kept = stored_naive(finished_study.user_attrs)
    # As the oldest studies are: the better naive forecast of each fold, without zero, under another name.
    finished_study._storage.set_study_user_attr(finished_study._study_id, NAIVE, None)
    finished_study.set_user_attr("kallos_naive_scores", [1.0, 2.0])
    old = study_result(load_study(database, "s"))
    assert (old.naive, old.fold_naive_scores) == (None, [])
    assert old.naive_score == kept.score, "the verdict knows it"
    tune(3, end_date="2021-03-31", pruner="none")
    now = study_result(load_study(database, "s"))
    assert (now.naive, now.fold_naive_scores, now.naive_score) == (kept.name, list(kept.fold_scores), kept.score)
