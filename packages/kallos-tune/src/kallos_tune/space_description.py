"""A search space in plain values, as a TOML file or a dict has them, read against what the architecture declares.

========================================== ============================================
description                                searched
========================================== ============================================
``0.1``                                    this value alone
``{"low": 16, "high": 64}``                everything between, both ends included
``{"low": 16, "high": 64, "log": True}``   the same, small values as often as large ones
``{"low": 10, "high": 50, "step": 10}``    10, 20, 30, 40 and 50
``{"choices": [32, 64]}``                  these values
========================================== ============================================
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, cast

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_models import SettingFacts, hyperparameters_of

from .errors import ConfigError, SpaceError
from .search_space import SEARCH_SPACE, Space

Number = int | float

_OF_THE_STUDY: Final = {
    "output_chunk_length": "is 1 in every study: one step is forecast at a time",
    "output_chunk_shift": "follows from the purge",
    "n_epochs": "follows from max_epochs",
    "random_state": "follows from the seed",
}
_RANGE: Final = ("low", "high", "step", "log")
_KEYS: Final = (*_RANGE, "choices")
_FORMS: Final = "write a value, {low = 16, high = 64} with log = true or step = 8 where wanted, or {choices = [32, 64]}"


def searchable(model_name: str) -> tuple[SettingFacts, ...]:
    """Return the hyperparameters of an architecture that a study can search, with default, bounds and meaning.

    Parameters
    ----------
    model_name : str
        One of :func:`kallos_models.available_models`.

    Raises
    ------
    kallos_models.UnknownModelError
        Where no architecture has that name.
    """
    return tuple(facts for facts in hyperparameters_of(model_name) if facts.name not in _OF_THE_STUDY)


def read_space(description: Mapping[str, object], model_name: str) -> Space:
    """Read a search space from plain values.

    Parameters
    ----------
    description : mapping
        Hyperparameters by name, each as the table above has it. Those of :data:`kallos_tune.SEARCH_SPACE` that it does
        not name keep their ranges; further ones are those that :func:`searchable` tells.
    model_name : str
        One of :func:`kallos_models.available_models`.

    Returns
    -------
    Space
        For ``TuningSettings.of(space=…)``. A single value is a parameter too, so that it is among the best ones.

    Raises
    ------
    SpaceError
        Where a name is no hyperparameter of the architecture, or values are out of its bounds, of a wrong type or
        contradict one another.
    kallos_models.UnknownModelError
        Where no architecture has that name.

    Examples
    --------
    >>> space = read_space({"n_heads": {"choices": [2, 4]}, "dropout": 0.1}, "transformer")
    >>> space["dropout"]
    FloatDistribution(high=0.1, log=False, low=0.1, step=None)
    """
    declared = {facts.name: facts for facts in searchable(model_name)}
    space = dict(SEARCH_SPACE)
    for name, given in description.items():
        if name not in declared:
            raise SpaceError(name, _why_unknown(name, model_name, list(declared)))
        space[name] = _distribution(declared[name], given)
    return space


def check_space(space: Space, model_name: str) -> None:
    """Refuse a space that holds what the architecture does not have, or values out of its bounds.

    Parameters
    ----------
    space : Space
        Distributions by name.
    model_name : str
        One of :func:`kallos_models.available_models`.

    Raises
    ------
    SpaceError
        For the first such parameter.
    kallos_models.UnknownModelError
        Where no architecture has that name.
    """
    read_space(describe_space(space), model_name)


def describe_space(space: Space) -> dict[str, Any]:
    """Return a space in plain values, of which :func:`read_space` makes the same again.

    Parameters
    ----------
    space : Space
        Distributions by name.

    Raises
    ------
    ConfigError
        Where a distribution is of a kind that trials do not suggest.
    """
    return {name: _described(name, each) for name, each in space.items()}


def values_in_words(distribution: BaseDistribution) -> str:
    """Return the values of a parameter as they are told: "16 to 64, log scale"."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            *first, last = map(str, choices)
            return f"{', '.join(first)} or {last}" if first else last
        case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high) if low == high:
            return str(low)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return f"{low} to {high}" + (", log scale" if log else f" in steps of {step}" if step != 1 else "")
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return f"{low:g} to {high:g}" + (", log scale" if log else f" in steps of {step:g}" if step else "")
        case _:
            return str(distribution)


def _why_unknown(name: str, model_name: str, known: list[str]) -> str:
    if name in _OF_THE_STUDY:
        return f"cannot be searched: it {_OF_THE_STUDY[name]}"
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"is no hyperparameter of {model_name}: {hint}there are {', '.join(known)}"


def _distribution(facts: SettingFacts, given: object) -> BaseDistribution:
    if not isinstance(given, Mapping):
        if isinstance(given, list | tuple | str):
            raise SpaceError(facts.name, f"is {given!r}: {_FORMS}")
        value = _read(facts, "", given)
        return _between(facts, value, value)
    described = {str(key): value for key, value in cast("Mapping[object, object]", given).items()}
    if unknown := [key for key in described if key not in _KEYS]:
        close = get_close_matches(unknown[0], _KEYS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise SpaceError(facts.name, f"has {unknown[0]!r}: {hint}{_FORMS}")
    if "choices" in described:
        return _choices(facts, described)
    return _range(facts, described)


def _choices(facts: SettingFacts, described: Mapping[str, object]) -> BaseDistribution:
    if len(described) > 1:
        raise SpaceError(facts.name, "has choices and a range: leave one out")
    choices = described["choices"]
    if not isinstance(choices, list | tuple) or not choices:
        raise SpaceError(facts.name, f"must have a list of values as its choices, not {choices!r}")
    # Of what may be left open, that is a choice too, though TOML cannot write it.
    values = [
        None if choice is None and facts.optional else _read(facts, "has a choice that ", choice)
        for choice in cast("list[object]", choices)
    ]
    if len(set(values)) < len(values):
        raise SpaceError(facts.name, f"names a choice twice: {', '.join(map(str, values))}")
    return CategoricalDistribution(values)


def _range(facts: SettingFacts, described: Mapping[str, object]) -> BaseDistribution:
    if missing := [key for key in ("low", "high") if key not in described]:
        raise SpaceError(facts.name, f"lacks {' and '.join(missing)}: {_FORMS}")
    low, high = (_read(facts, f"{key} ", described[key]) for key in ("low", "high"))
    if high < low:
        raise SpaceError(facts.name, f"must not have a high below its low: {high} is below {low}")
    log, step = described.get("log", False), described.get("step")
    if not isinstance(log, bool):
        raise SpaceError(facts.name, f"must have true or false as log, not {log!r}")
    if log and step is not None:
        raise SpaceError(facts.name, "has log and step: leave one out")
    if log and low <= 0:
        raise SpaceError(facts.name, f"needs a low above 0 for log = true, not {low}")
    return _between(facts, low, high, log=log, step=None if step is None else _step(facts, step, low, high))


def _step(facts: SettingFacts, step: object, low: Number, high: Number) -> Number:
    whole = facts.types == (int,)
    # True is an int, too.
    fits = isinstance(step, int if whole else int | float) and not isinstance(step, bool)
    if not fits or not cast("Number", step) > 0:
        raise SpaceError(facts.name, f"must have a {'whole ' if whole else ''}number above 0 as step, not {step!r}")
    number = cast("Number", step)
    # In decimal digits, as they were written: 0.3 is three times 0.1.
    if (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(number)):
        raise SpaceError(facts.name, f"must have a high that is whole steps of {number} above {low}, not {high}")
    return number


def _between(
    facts: SettingFacts, low: Number, high: Number, *, log: bool = False, step: Number | None = None
) -> BaseDistribution:
    if facts.types == (int,):
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(high), log=log, step=None if step is None else float(step))


def _read(facts: SettingFacts, what: str, value: object) -> Number:
    try:
        found = facts.read(value)
    except ValueError as problem:
        raise SpaceError(facts.name, f"{what}{problem}") from None
    if found is None:
        raise SpaceError(facts.name, f"{what}must be {facts.values}, not None")
    return found


def _described(name: str, distribution: BaseDistribution) -> Any:  # noqa: ANN401 - plain values
    match distribution:
        case CategoricalDistribution(choices=choices):
            return {"choices": list(choices)}
        case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high) if low == high:
            return low
        case IntDistribution(low=low, high=high, step=step, log=log):
            return {"low": low, "high": high} | ({"log": True} if log else {"step": step} if step != 1 else {})
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return {"low": low, "high": high} | ({"log": True} if log else {"step": step} if step else {})
        case _:
            raise ConfigError(f"parameter {name!r} has a distribution that cannot be suggested: {distribution}")
