"""Every error tells its problem and its parameter apart, and crosses processes whole."""

import pickle

import pytest

from kallos_models import errors
from kallos_models.errors import ConfigError, KallosError, ModelFileError, TrainingDivergedError, UnknownModelError

EXAMPLES = [
    KallosError("nothing works"),
    ConfigError("must be 1 or more, not 0", "max_epochs"),
    UnknownModelError("gruu", ("gru", "lstm")),
    TrainingDivergedError(3, 0.5, "validation loss is nan"),
    ModelFileError("is not fitted", "model"),
]


def test_there_is_an_example_of_each():
    there = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, KallosError)}
    assert {type(each) for each in EXAMPLES} == there


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_problem_and_parameter_make_the_message_and_survive_pickling(error):
    assert str(error) == (f"{error.parameter} {error.problem}" if error.parameter else error.problem)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_problems_read_well_after_either_spelling():
    assert str(ConfigError("must be 1 or more, not 0", "max_epochs")) == "max_epochs must be 1 or more, not 0"
    assert UnknownModelError("gruu", ("gru", "lstm")).problem == (
        "must be one of gru, lstm, not 'gruu'; did you mean 'gru'?"
    )
