"""A search space in plain values: what is read, what is refused, and what a study on it finds and keeps."""

import tomllib

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_models import available_models
from kallos_tune import (
    SEARCH_SPACE,
    ConfigError,
    ForecasterSettings,
    Recipe,
    SpaceError,
    StudyMismatchError,
    TuningSettings,
    check_request,
    check_space,
    describe_space,
    evaluate_forecaster,
    forecast_next,
    load_trained,
    read_space,
    rerun_trial,
    searchable,
    study_result,
    train_forecaster,
    values_in_words,
)
from kallos_tune.search_space import suggest

# Tiny, and with everything that a transformer can be searched over of its own.
OF_A_TRANSFORMER = """
hidden_dim = {low = 4, high = 8}
n_rnn_layers = 1
dropout = 0.1
batch_size = {choices = [32, 64]}
input_chunk_length = {low = 4, high = 8, step = 2}
learning_rate = {low = 1e-3, high = 1e-2, log = true}
n_heads = {choices = [2, 3]}
feedforward_ratio = 2
weight_decay = {low = 1e-6, high = 1e-3, log = true}
"""


@pytest.mark.parametrize("name", available_models())
def test_nothing_described_is_the_promised_space(name):
    assert read_space({}, name) == dict(SEARCH_SPACE)
    assert list(read_space({}, name)) == list(SEARCH_SPACE)


def test_every_form_is_read():
    space = read_space(tomllib.loads(OF_A_TRANSFORMER), "transformer")
    assert space == {
        "hidden_dim": IntDistribution(4, 8),
        "n_rnn_layers": IntDistribution(1, 1),
        "dropout": FloatDistribution(0.1, 0.1),
        "batch_size": CategoricalDistribution([32, 64]),
        "input_chunk_length": IntDistribution(4, 8, step=2),
        "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
        "n_heads": CategoricalDistribution([2, 3]),
        "feedforward_ratio": IntDistribution(2, 2),
        "weight_decay": FloatDistribution(1e-6, 1e-3, log=True),
    }
    assert {name: values_in_words(each) for name, each in space.items()} == {
        "hidden_dim": "4 to 8",
        "n_rnn_layers": "1",
        "dropout": "0.1",
        "batch_size": "32 or 64",
        "input_chunk_length": "4 to 8 in steps of 2",
        "learning_rate": "0.001 to 0.01, log scale",
        "n_heads": "2 or 3",
        "feedforward_ratio": "2",
        "weight_decay": "1e-06 to 0.001, log scale",
    }


def test_a_whole_number_does_for_a_float_and_decimal_steps_fit():
    assert read_space({"dropout": 0}, "gru")["dropout"] == FloatDistribution(0.0, 0.0)
    described = {"dropout": {"low": 0, "high": 0.3, "step": 0.1}}
    assert read_space(described, "gru")["dropout"] == FloatDistribution(0.0, 0.3, step=0.1)
    assert values_in_words(FloatDistribution(0.0, 0.3, step=0.1)) == "0 to 0.3 in steps of 0.1"


def test_what_a_setting_may_leave_open_is_a_choice_in_python():
    space = read_space({"kernel_size": {"choices": [None, 3]}}, "tcn")
    assert space["kernel_size"] == CategoricalDistribution([None, 3])


def test_searchable_is_what_is_declared_without_what_the_study_decides():
    names = [facts.name for facts in searchable("transformer")]
    assert names == [*SEARCH_SPACE, "weight_decay", "n_heads", "feedforward_ratio"]
    assert [facts.name for facts in searchable("gru")] == [*SEARCH_SPACE, "weight_decay"]


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (
            {"n_heads": 4},
            "n_heads is no hyperparameter of gru: there are hidden_dim, n_rnn_layers, dropout, ",
        ),
        ({"droput": 0.1}, "droput is no hyperparameter of gru: did you mean 'dropout'? there are "),
        ({"random_state": 1}, "random_state cannot be searched: it follows from the seed"),
        ({"output_chunk_shift": 1}, "output_chunk_shift cannot be searched: it follows from the purge"),
        ({"dropout": 1.5}, "dropout must be 0 or more and below 1, not 1.5"),
        ({"dropout": "0.1"}, "dropout is '0.1': write a value, {low = 16, high = 64}"),
        ({"batch_size": [32, 64]}, "batch_size is [32, 64]: write a value, {low = 16, high = 64}"),
        ({"hidden_dim": True}, "hidden_dim must be a whole number from 1 to 16384, not True"),
        ({"hidden_dim": None}, "hidden_dim must be a whole number from 1 to 16384, not None"),
        ({"hidden_dim": {"low": 16.5, "high": 64}}, "hidden_dim low must be a whole number from 1 to 16384, not 16.5"),
        ({"dropout": {"low": 0.1, "high": 2}}, "dropout high must be 0 or more and below 1, not 2"),
        ({"dropout": {"low": 0.5, "high": 0.1}}, "dropout must not have a high below its low: 0.1 is below 0.5"),
        ({"dropout": {"low": 0.5}}, "dropout lacks high: write a value"),
        ({"dropout": {}}, "dropout lacks low and high: write a value"),
        ({"dropout": {"low": 0, "hihg": 0.5}}, "dropout has 'hihg': did you mean 'high'? write a value"),
        ({"dropout": {"low": 0, "high": 0.5, "log": True}}, "dropout needs a low above 0 for log = true, not 0.0"),
        ({"dropout": {"low": 0, "high": 0.5, "log": 1}}, "dropout must have true or false as log, not 1"),
        (
            {"hidden_dim": {"low": 8, "high": 64, "step": 8, "log": True}},
            "hidden_dim has log and step: leave one out",
        ),
        (
            {"hidden_dim": {"low": 8, "high": 60, "step": 8}},
            "hidden_dim must have a high that is whole steps of 8 above 8, not 60",
        ),
        (
            {"hidden_dim": {"low": 8, "high": 60, "step": 0.5}},
            "hidden_dim must have a whole number above 0 as step, not 0.5",
        ),
        ({"dropout": {"low": 0, "high": 0.5, "step": -1}}, "dropout must have a number above 0 as step, not -1"),
        ({"batch_size": {"choices": []}}, "batch_size must have a list of values as its choices, not []"),
        ({"batch_size": {"choices": 32}}, "batch_size must have a list of values as its choices, not 32"),
        ({"batch_size": {"choices": [32, 32]}}, "batch_size names a choice twice: 32, 32"),
        (
            {"batch_size": {"choices": [32, 0]}},
            "batch_size has a choice that must be a whole number from 1 to 1000000, not 0",
        ),
        ({"batch_size": {"choices": [32], "low": 1}}, "batch_size has choices and a range: leave one out"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(described, said):
    with pytest.raises(SpaceError) as caught:
        read_space(described, "gru")
    assert str(caught.value).startswith(f"space has a parameter that cannot be used: {said}")
    assert isinstance(caught.value, ConfigError)
    assert (caught.value.parameter, caught.value.name) == ("space", next(iter(described)))
    assert f"{caught.value.name} {caught.value.reason}".startswith(said)


def test_a_study_is_not_begun_on_what_the_architecture_does_not_have(database):
    space = {**SEARCH_SPACE, "n_heads": IntDistribution(1, 4)}
    check_space(space, "transformer")
    with pytest.raises(SpaceError, match="n_heads is no hyperparameter of gru"):
        check_request("gru", "s", 1, database, settings=TuningSettings.of(space=space))
    with pytest.raises(SpaceError, match="hidden_dim high must be a whole number from 1 to 16384, not 20000"):
        check_space({**SEARCH_SPACE, "hidden_dim": IntDistribution(1, 20_000)}, "gru")


@st.composite
def spaces(draw):
    ints = {"hidden_dim": 512, "n_rnn_layers": 8, "batch_size": 512, "input_chunk_length": 200, "n_heads": 16}
    space = {}
    for name in draw(st.sets(st.sampled_from(list(ints)))):
        low, high = sorted(draw(st.tuples(*[st.integers(1, ints[name])] * 2)))
        step = draw(st.sampled_from([each for each in (1, 2, 3) if (high - low) % each == 0]))
        log = step == 1 and draw(st.booleans())
        space[name] = (
            draw(
                st.sampled_from(
                    [IntDistribution(low, high, log=log, step=step), CategoricalDistribution([low, high + 1])]
                )
            )
            if high < ints[name]
            else IntDistribution(low, high)
        )
    for name in draw(st.sets(st.sampled_from(["dropout", "learning_rate", "weight_decay"]))):
        low, high = sorted(draw(st.tuples(*[st.floats(1e-9, 0.9)] * 2)))
        space[name] = FloatDistribution(low, high, log=draw(st.booleans()))
    return space


@given(spaces())
def test_a_described_space_is_read_as_the_same_space(space):
    again = read_space(describe_space(space), "transformer")
    for name, values in space.items():
        fixed = not isinstance(values, CategoricalDistribution) and values.low == values.high
        assert (again[name].low, again[name].high) == (values.low, values.high) if fixed else again[name] == values
    assert {name: each for name, each in again.items() if name not in space} == {
        name: each for name, each in SEARCH_SPACE.items() if name not in space
    }


def test_a_fixed_value_is_a_parameter_of_every_trial():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=2))
    space = read_space({"dropout": 0.1, "batch_size": 32}, "gru")
    study.optimize(lambda trial: suggest(trial, space)["learning_rate"], n_trials=5)
    assert all((trial.params["dropout"], trial.params["batch_size"]) == (0.1, 32) for trial in study.trials)
    assert study.best_params["dropout"] == 0.1


def test_a_study_of_a_transformer_s_own_hyperparameters_becomes_a_forecaster(tune, database, tmp_path):
    space = read_space(tomllib.loads(OF_A_TRANSFORMER), "transformer")
    study = tune(2, model_name="transformer", space=space, max_epochs=1, pruner="none", end_date="2021-03-31")
    result = study_result(study)
    assert set(result.best_params) == set(space)
    assert (result.best_params["feedforward_ratio"], result.best_params["dropout"]) == (2, 0.1)
    assert study.trials[0].params["learning_rate"] == 1e-3, "the first trial has the defaults that the space contains"

    recipe = Recipe.of_study(study)
    trained = train_forecaster(recipe, tmp_path / "model", database, settings=ForecasterSettings(members=2))
    loaded = load_trained(tmp_path / "model")
    for member, candidate in zip(loaded.members, recipe.candidates, strict=True):
        found = {name: getattr(member.hparams, name) for name in candidate.params}
        assert found == candidate.params
    assert [forecast_next(each, database, max_age=1e6).steps[0].forecast for each in (trained, loaded)] == [
        forecast_next(trained, database, max_age=1e6).steps[0].forecast
    ] * 2
    assert evaluate_forecaster(loaded, database).lines()
    assert rerun_trial(study, database).equal

    with pytest.raises(StudyMismatchError) as caught:
        tune(
            3,
            model_name="transformer",
            space={**space, "dropout": FloatDistribution(0.0, 0.5), "n_heads": IntDistribution(2, 2)},
            max_epochs=1,
            pruner="none",
            end_date="2021-03-31",
        )
    assert "search_space: stored 'dropout 0.1; n_heads 2 or 3', now 'dropout 0 to 0.5; n_heads 2'" in str(caught.value)
    assert not caught.value.can_go_on


def test_a_parameter_more_is_a_difference_too(tune, settings):
    tune(1, max_epochs=1)
    with pytest.raises(StudyMismatchError) as caught:
        tune(2, max_epochs=1, space={**settings.search.space, "weight_decay": FloatDistribution(0.0, 0.1)})
    assert "stored 'weight_decay not searched', now 'weight_decay 0 to 0.1'" in str(caught.value)
