"""Errors say what is wrong, about which parameter, and arrive from another process as they were raised."""

import pickle

import pytest

from kallos_tune import errors

EVERY = [
    errors.ConfigError("must be 1 or more, not 0", "max_epochs"),
    errors.StorageError("the tables cannot be used"),
    errors.ForeignTablesError("sqlite:///x.db", "whose table alembic_version holds 'a'", has_schemas=False),
    errors.DatabaseUnavailableError(600.0, "Connection refused"),
    errors.LockTimeoutError(600.0, "creating a study"),
    errors.WorkerError("worker 0 was killed"),
    errors.ClusterError("no Ray cluster on this machine", "ray_address"),
    errors.MissingRayError(),
    errors.MissingMatplotlibError(),
    errors.MissingLibraryError("reports need", "jinja2", "pictures"),
    errors.StudyNotFoundError("btc2", ["btc", "eth"]),
    errors.StudyInUseError("btc", [3, 4]),
    errors.StudyExistsError("btc"),
    errors.StudyMismatchError("btc", {"seed": (0, 1)}, can_go_on=True),
    errors.TooManyFailuresError(["one", "two"]),
    errors.SpaceError("dropout", "must be 0 or more and below 1, not 2"),
]


def test_every_class_is_looked_at():
    classes = {
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.KallosError)
    }
    assert {type(error) for error in EVERY} == classes - {errors.KallosError}


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_facts(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert error.args == (error.problem, error.parameter)


def test_the_parameter_stands_before_the_problem():
    assert str(EVERY[0]) == "max_epochs must be 1 or more, not 0"
    assert (EVERY[0].problem, EVERY[0].parameter) == ("must be 1 or more, not 0", "max_epochs")
    assert str(EVERY[1]) == EVERY[1].problem


def test_facts_are_attributes_and_words():
    assert str(errors.StudyNotFoundError("btc2", ["btc"])) == "no study 'btc2': did you mean 'btc'? there are 'btc'"
    assert str(errors.StudyNotFoundError("x", [])) == "no study 'x': there are none"
    assert str(errors.DatabaseUnavailableError(600.0, "Connection refused")) == (
        "the database could not be reached for 600 s (Connection refused): finished trials are kept; "
        "run the same again once it is back"
    )
    assert str(errors.LockTimeoutError(600.0, "creating a study")) == (
        "another process has been creating a study for 600 s: finished trials are kept; see whether it is stuck and "
        "end it, then run the same again"
    )
    forced = errors.StudyMismatchError("s", {"seed": (0, 1)}, can_go_on=True)
    assert str(forced) == (
        "study 's' was made with other settings (seed: stored 0, now 1): choose another study name, "
        "or go back to the stored values, or resume it by force"
    )
