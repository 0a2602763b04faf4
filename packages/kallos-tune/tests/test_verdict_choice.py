"""The walk-forward choice: against a slow reading, and blind to the fold it is made for and all later ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kallos_tune import ConfigError
from kallos_tune.verdict.choice import choice_for
from kallos_tune.verdict.evidence import JudgedFold, TrialEvidence, check_evidence
from kallos_tune.verdict.sample import sample_of

N_FOLDS, N_STEPS = 4, 5
SCORES = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0])  # few, so that ties occur
SETTINGS = settings(max_examples=60, deadline=None)


def fold(number, actual, **naive):
    actual = np.asarray(actual, dtype=float)
    times = np.datetime64("2021-01-01") + 10 * number + np.arange(len(actual))
    return JudgedFold(number, times, actual, {name: np.asarray(each, dtype=float) for name, each in naive.items()})


def trial(number, scores, *, n_folds=N_FOLDS, n_steps=N_STEPS):
    forecasts = {k: np.full(n_steps, 10.0 * number + k) for k in range(2, len(scores) + 1)}
    return TrialEvidence(number, len(scores) == n_folds, tuple(scores), forecasts)


def some_folds(seed=0):
    rng = np.random.default_rng(seed)
    return [
        fold(number, rng.normal(size=N_STEPS), zero=np.zeros(N_STEPS), mean=rng.normal(size=N_STEPS))
        for number in range(1, N_FOLDS + 1)
    ]


@st.composite
def studies(draw):
    n_trials = draw(st.integers(1, 8))
    lengths = [draw(st.integers(0, N_FOLDS)) for _ in range(n_trials)]
    trials = [trial(number, [draw(SCORES) for _ in range(length)]) for number, length in enumerate(lengths)]
    return some_folds(draw(st.integers(0, 99))), draw(st.permutations(trials))


def chosen_by_hand(number, trials, n_average):
    """Walk through the trials one by one, taking the best that is left until there are enough."""
    left = [one for one in trials if len(one.scores) >= number]
    taken = []
    while left and len(taken) < n_average:
        best = left[0]
        for one in left[1:]:
            mean, lowest = sum(one.scores[: number - 1]), sum(best.scores[: number - 1])
            if mean < lowest or (mean == lowest and one.number < best.number):
                best = one
        left.remove(best)
        taken.append(best.number)
    return tuple(taken)


@SETTINGS
@given(studies(), st.integers(2, N_FOLDS), st.integers(1, 6))
def test_the_choice_equals_a_slow_reading(study, number, n_average):
    folds, trials = study
    choice = choice_for(number, folds, trials, metric="rmse", n_average=n_average)
    assert choice.trials == chosen_by_hand(number, trials, n_average)
    assert choice.n_finished == sum(len(one.scores) >= number for one in trials)
    errors = {
        name: np.mean([np.sqrt(np.mean((each.actual - each.naive[name]) ** 2)) for each in folds[: number - 1]])
        for name in ("zero", "mean")
    }
    assert choice.naive == min(errors, key=errors.get)


@SETTINGS
@given(studies(), st.integers(2, N_FOLDS), st.data())
def test_what_happens_in_the_fold_and_later_changes_no_choice(study, number, data):
    folds, trials = study
    before = choice_for(number, folds, trials, metric="rmse", n_average=3)
    other_folds = [
        replace(each, actual=each.actual * 7 - 3, naive=dict.fromkeys(each.naive, each.actual))
        if each.number >= number
        else each
        for each in folds
    ]
    other_trials = [
        replace(
            one,
            # From the fold on, other scores and of more or fewer folds: only whether it finished the fold counts.
            scores=one.scores[: number - 1]
            + (
                tuple(data.draw(SCORES) for _ in range(data.draw(st.integers(1, N_FOLDS - number + 1))))
                if len(one.scores) >= number
                else ()
            ),
            forecasts={k: -forecast if k >= number else forecast for k, forecast in one.forecasts.items()},
        )
        for one in trials
    ]
    assert choice_for(number, other_folds, other_trials, metric="rmse", n_average=3) == before


@SETTINGS
@given(studies(), st.randoms(use_true_random=False), st.integers(2, N_FOLDS))
def test_the_order_of_trials_means_nothing(study, random, number):
    folds, trials = study
    shuffled = list(trials)
    random.shuffle(shuffled)
    assert choice_for(number, folds, shuffled, metric="mae", n_average=3) == choice_for(
        number, folds, trials, metric="mae", n_average=3
    )


def test_equal_trials_come_in_the_order_of_their_numbers():
    trials = [trial(number, [1.0, 1.0, 1.0, 1.0]) for number in (3, 1, 2)]
    assert choice_for(3, some_folds(), trials, metric="rmse", n_average=2).trials == (1, 2)


def test_a_trial_that_is_pruned_later_is_chosen_until_then():
    folds = some_folds()
    trials = [trial(0, [1.0, 1.0]), trial(1, [2.0, 2.0, 2.0, 2.0])]
    choices = [choice_for(number, folds, trials, metric="rmse", n_average=5) for number in (2, 3, 4)]
    assert [choice.trials for choice in choices] == [(0, 1), (1,), (1,)]
    sample = sample_of(folds, trials, choices)
    assert sample.average.tolist() == [7.0] * 5 + [13.0] * 5 + [14.0] * 5  # (2 + 12) / 2, then that of trial 1
    assert sample.single.tolist() == [2.0] * 5 + [13.0] * 5 + [14.0] * 5
    assert list(sample.complete) == [1]


def test_a_forecast_that_is_not_finite_is_no_candidate_in_its_fold():
    trials = [trial(number, [number + 1.0] * 4) for number in range(3)]
    trials[0].forecasts[3][2] = np.nan
    trials[1].forecasts[3][0] = np.inf
    folds = some_folds()
    choice = choice_for(3, folds, trials, metric="rmse", n_average=5)
    assert (choice.trials, choice.not_finite) == ((2,), (0, 1))
    assert choice_for(4, folds, trials, metric="rmse", n_average=5).trials == (0, 1, 2)


def test_trials_without_recorded_forecasts_are_no_candidates():
    bare = replace(trial(0, [1.0] * 4), forecasts={})
    choice = choice_for(2, some_folds(), [bare, trial(1, [2.0] * 4)], metric="rmse", n_average=5)
    assert (choice.trials, choice.not_finite, choice.n_finished) == ((1,), (), 2)


def test_the_metric_ranks_naive_forecasts():
    # Of 0, 0, 0, 4 the median is 0 and the mean 1: one is best by absolute errors, the other by squared ones.
    folds = [fold(number, [0, 0, 0, 4], zero=[0] * 4, mean=[1] * 4) for number in (1, 2)]
    names = {metric: choice_for(2, folds, [], metric=metric, n_average=1).naive for metric in ("rmse", "mae")}
    assert names == {"rmse": "mean", "mae": "zero"}


def test_a_fold_without_steps_counts_for_nothing():
    folds = some_folds()
    empty = folds[0].actual[:0]
    folds[1] = JudgedFold(2, folds[1].times[:0], empty, {"zero": empty, "mean": empty})
    trials = [trial(0, [2.0, float("nan"), 1.0, 1.0]), trial(1, [1.0, 0.0, 9.0, 1.0])]
    for one in trials:
        one.forecasts[2] = empty
    check_evidence(folds, trials)
    choices = [choice_for(number, folds, trials, metric="rmse", n_average=1).trials for number in (3, 4)]
    assert choices == [(1,), (0,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folds, _: folds.pop(0), "folds must be numbered 1, 2, 3 and so on, oldest first, not [2, 3, 4]"),
        (
            lambda folds, _: folds.__setitem__(1, replace(folds[1], naive={"zero": folds[1].actual})),
            "folds must all have the same naive forecasts, one at least",
        ),
        (
            lambda folds, _: folds.__setitem__(1, replace(folds[1], actual=np.zeros(3))),
            "folds fold 2 has 5 times and 3 of 'target'",
        ),
        (
            lambda folds, _: folds[2].naive["zero"].__setitem__(1, np.nan),
            "folds fold 3 has a value of 'zero' that is not finite",
        ),
        (
            lambda _, trials: trials[0].forecasts.__setitem__(3, np.zeros(4)),
            "trials do not fit the folds: trial 0 has 4 forecasts of fold 3, which has 5 observed steps",
        ),
        (
            lambda _, trials: trials[0].forecasts.__setitem__(9, np.zeros(4)),
            "trials do not fit the folds: trial 0 has 4 forecasts of fold 9, which has 0 observed steps",
        ),
        (lambda _, trials: trials.append(trials[0]), "trials must have a number each, and two have the same"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    folds, trials = some_folds(), [trial(0, [1.0] * 4)]
    check_evidence(folds, trials)
    change(folds, trials)
    with pytest.raises(ConfigError) as caught:
        check_evidence(folds, trials)
    assert str(caught.value) == message
