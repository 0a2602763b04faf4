"""A setting is declared once; its class, its docstring and whoever asks for its facts read the same declaration."""

import subprocess
import sys
from dataclasses import MISSING, dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from kallos_models.declared_settings import check_settings, document_settings, facts_of, setting, settings_of
from kallos_models.errors import ConfigError


@document_settings
@dataclass(frozen=True, slots=True)
class Sample:
    """Settings of every kind."""

    epochs: int = setting(3, "Epochs to train.", least=1)
    seed: int = setting(0, "Seed.", least=0, most=9)
    level: int = setting(0, "Any whole number.")
    share: float = setting(0.5, "Share.", above=0, below=1)
    rate: float = setting(0.1, "Rate.", above=0)
    dropout: float = setting(0.1, "Dropout.", least=0, below=1)
    delta: float = setting(0.0, "Any number.")
    cpus: float | None = setting(None, "CPUs.", least=0)
    window: Literal["expanding", "rolling"] = setting("expanding", "Window.")
    loud: bool = setting(default=False, meaning="Whether to print.")
    name: str | None = setting(None, "Name.")
    start: str | date | None = setting(None, "First step.")
    size: int | Literal["auto"] = setting("auto", "Size.", choices=(32, 64))
    labels: list[str] = setting(meaning="Labels.", default_factory=list)
    undeclared: int = 5

    def __post_init__(self):
        check_settings(self)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("epochs", np.int32(7), 7),
        ("seed", np.uint8(9), 9),
        ("level", -4, -4),
        ("share", np.float32(0.25), 0.25),
        ("rate", 2, 2.0),
        ("rate", Fraction(1, 4), 0.25),
        ("rate", np.int64(2), 2.0),
        ("dropout", 0, 0.0),
        ("delta", -1e308, -1e308),
        ("cpus", None, None),
        ("cpus", 0, 0.0),
        ("window", np.str_("rolling"), "rolling"),
        ("loud", True, True),
        ("name", "x", "x"),
        ("start", date(2020, 1, 1), date(2020, 1, 1)),
        ("start", datetime(2020, 1, 1), datetime(2020, 1, 1)),  # noqa: DTZ001 - as users write it
        ("size", 64, 64),
        ("size", "auto", "auto"),
        ("labels", ["a"], ["a"]),
        ("undeclared", "anything", "anything"),
    ],
)
def test_values_are_stored_as_plain_ones_of_their_type(name, value, stored):
    found = getattr(Sample(**{name: value}), name)
    assert found == stored
    assert type(found) is type(stored)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("epochs", 0, "must be a whole number of 1 or more, not 0"),
        ("epochs", 2.5, "must be a whole number of 1 or more, not 2.5"),
        ("epochs", 2.0, "must be a whole number of 1 or more, not 2.0"),
        ("epochs", np.float64(2.5), "must be a whole number of 1 or more, not 2.5"),
        ("epochs", np.int64(-2), "must be a whole number of 1 or more, not -2"),
        ("epochs", True, "must be a whole number of 1 or more, not True"),
        ("epochs", np.True_, "must be a whole number of 1 or more, not np.True_"),
        ("epochs", "3", "must be a whole number of 1 or more, not '3'"),
        ("epochs", None, "must be a whole number of 1 or more, not None"),
        ("epochs", float("nan"), "must be a whole number of 1 or more, not nan"),
        ("seed", 2**40, "must be a whole number from 0 to 9, not 1099511627776"),
        ("seed", -1, "must be a whole number from 0 to 9, not -1"),
        ("level", 0.5, "must be a whole number, not 0.5"),
        ("share", 1.5, "must lie above 0 and below 1, not 1.5"),
        ("share", 1, "must lie above 0 and below 1, not 1"),
        ("share", "x", "must be a number above 0 and below 1, not 'x'"),
        ("share", False, "must be a number above 0 and below 1, not False"),
        ("share", float("nan"), "must be a finite number above 0 and below 1, not nan"),
        ("rate", 0, "must be above 0, not 0"),
        ("rate", float("inf"), "must be a finite number above 0, not inf"),
        ("rate", 10**400, f"must be a finite number above 0, not 1{'0' * 78}…"),
        ("dropout", 1.0, "must be 0 or more and below 1, not 1.0"),
        ("delta", float("-inf"), "must be a finite number, not -inf"),
        ("delta", None, "must be a number, not None"),
        ("cpus", -1, "must be 0 or more, not -1"),
        ("cpus", [], "must be a number of 0 or more, not []"),
        ("window", "sliding", "must be one of expanding, rolling, not 'sliding'"),
        ("window", None, "must be one of expanding, rolling, not None"),
        ("window", np.array(["rolling"]), "must be one of expanding, rolling, not array(['rolling'], dtype='<U7')"),
        ("loud", 1, "must be True or False, not 1"),
        ("name", 3, "must be text, not 3"),
        ("start", 2020, "must be text or date, not 2020"),
        ("size", 33, "must be one of 32, 64, auto, not 33"),
        ("size", True, "must be one of 32, 64, auto, not True"),
        ("labels", "ab", "must be list, not 'ab'"),
    ],
)
def test_a_value_that_a_setting_cannot_hold_is_refused_in_words(name, value, problem):
    with pytest.raises(ConfigError) as caught:
        Sample(**{name: value})
    assert (caught.value.problem, caught.value.parameter) == (problem, name)
    assert str(caught.value) == f"{name} {problem}"


def test_the_error_is_that_of_the_library_whose_settings_they_are():
    class OtherError(Exception):
        pass

    @dataclass
    class Other:
        n: int = setting(1, "A number.", least=1)

        def __post_init__(self):
            check_settings(self, OtherError)

    with pytest.raises(OtherError) as caught:
        Other(0)
    assert caught.value.args == ("must be a whole number of 1 or more, not 0", "n")


def test_facts_are_what_was_declared():
    share = facts_of(Sample, "share")
    assert (share.name, share.default, share.meaning, share.types) == ("share", 0.5, "Share.", (float,))
    assert (share.least, share.most, share.above, share.below) == (None, None, 0, 1)
    window = facts_of(Sample, "window")
    assert (window.choices, window.types, window.optional) == (("expanding", "rolling"), (str,), False)
    assert facts_of(Sample, "cpus").optional
    assert facts_of(Sample, "labels").default == []
    assert facts_of(Sample, "labels").default is not facts_of(Sample, "labels").default
    assert [facts.name for facts in settings_of(Sample)] == [
        name for name in Sample.__dataclass_fields__ if name != "undeclared"
    ]
    with pytest.raises(LookupError, match="Sample declares no setting 'undeclared': there are epochs, seed"):
        facts_of(Sample, "undeclared")


def test_what_must_be_given_has_no_default_and_what_has_no_meaning_is_no_setting():
    @dataclass
    class Needed:
        n: int = setting(meaning="A number.")

    assert facts_of(Needed, "n").default is MISSING
    with pytest.raises(TypeError):
        Needed()
    with pytest.raises(TypeError, match="declared with its meaning"):
        setting(3)


def test_the_docstring_lists_the_declarations():
    assert Sample.__doc__.startswith(
        "Settings of every kind.\n\nParameters\n----------\nepochs : int, default 3\n    Epochs to train.\n"
    )
    assert "window : {'expanding', 'rolling'}, default 'expanding'\n    Window.\n" in Sample.__doc__
    assert "cpus : float or None, default None\n    CPUs.\n" in Sample.__doc__
    assert "labels : list\n    Labels.\n" in Sample.__doc__


def test_declaring_settings_loads_nothing_heavy():
    code = "import sys, kallos_models; kallos_models.setting; kallos_models.TrainingSettings(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "darts", "numpy", "pytorch_lightning"} & set(done.stdout.split())
