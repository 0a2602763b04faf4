"""Settings that are declared once: default, bounds and one-line meaning stand with the field.

The class that holds the settings checks its values by them, its docstring lists them, and a command line can take its
options from them::

    @document_settings
    @dataclass(frozen=True, slots=True)
    class Training:
        max_epochs: int = setting(100, "Most epochs to train.", least=1)

        def __post_init__(self) -> None:
            check_settings(self)

What a field may hold follows from its annotation: int, float, bool, str, a Literal, any class, several of them joined
by ``|``, or None.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .accepted_values import AcceptedValues
from .errors import ConfigError

_DECLARED = "kallos setting"
_Class = TypeVar("_Class", bound=type)


@dataclass(frozen=True, slots=True)
class SettingFacts:
    """What is declared about a setting.

    Attributes
    ----------
    name : str
        The field's name.
    default : object
        What it is where nothing is given, new in every call of :func:`facts_of` if the declaration has a factory;
        ``dataclasses.MISSING`` where a value must be given.
    meaning : str
        One line for a docstring or a help text.
    types : tuple of type
        What a value may be, None left out: ``(int,)`` of ``int | None``. The type of its choices, where it has some.
    optional : bool
        Whether None is accepted too.
    choices : tuple
        All the values there are, empty where they are not listed.
    least, most : int, float or None
        Bounds that are themselves accepted.
    above, below : int, float or None
        Bounds that are not.
    """

    name: str
    default: Any
    meaning: str
    types: tuple[type, ...]
    optional: bool
    choices: tuple[Any, ...]
    least: float | None
    most: float | None
    above: float | None
    below: float | None

    @property
    def values(self) -> str:
        """Which values there are, in words: "a whole number from 1 to 16"."""
        return self._accepted.in_words()

    def read(self, value: object) -> Any:  # noqa: ANN401 - of one of the types
        """Return a value as the setting holds it, for instance a plain int for one of NumPy's.

        Raises
        ------
        ValueError
            Where it is of a wrong type or out of bounds: "must be a whole number from 1 to 16, not 2.5".
        """
        return self._accepted.read(value)

    @property
    def _accepted(self) -> AcceptedValues:
        bounds = (self.least, self.most, self.above, self.below)
        return AcceptedValues(self.types, self.optional, self.choices, *bounds)


@dataclass(frozen=True, slots=True)
class _Declaration:
    meaning: str
    bounds: Mapping[str, float | None]
    choices: tuple[Any, ...]


def setting(
    default: Any = MISSING,  # noqa: ANN401 - of the field's type
    meaning: str = "",
    *,
    default_factory: Callable[[], Any] | None = None,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[Any, ...] = (),
) -> Any:  # noqa: ANN401 - stands where the field's default does
    """Declare a field of a dataclass.

    Parameters
    ----------
    default : optional
        Without it and without ``default_factory`` a value must be given.
    meaning : str
        What it means, in one line.
    default_factory : callable, optional
        Makes a default that cannot be shared between instances.
    least, most : int or float, optional
        Bounds of a number, themselves accepted.
    above, below : int or float, optional
        Bounds of a number, themselves refused.
    choices : tuple, optional
        All the values there are, where the annotation is no Literal that lists them.

    Raises
    ------
    TypeError
        Where the meaning is left out.
    """
    if not meaning:
        raise TypeError("a setting is declared with its meaning: setting(default, 'What it means.')")
    bounds = {"least": least, "most": most, "above": above, "below": below}
    metadata = {_DECLARED: _Declaration(meaning, bounds, choices)}
    if default_factory is not None:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def check_settings(instance: Any, error: Callable[[str, str], Exception] = ConfigError) -> None:  # noqa: ANN401
    """Refuse what a declared field cannot hold; made for ``__post_init__``, frozen dataclasses included.

    Numbers of NumPy become plain ones, and an integer in a float's place a float.

    Parameters
    ----------
    instance : dataclass instance
        Fields that are not declared by :func:`setting` are left alone.
    error : callable, default ConfigError
        Makes the error from the problem ("must be a whole number of 1 or more, not 2.5") and the field's name.

    Raises
    ------
    ConfigError
        (or what ``error`` makes) for the first value of a wrong type or out of bounds.
    """
    for name, accepted in _accepted(type(instance)).items():
        given = getattr(instance, name)
        try:
            value = accepted.read(given)
        except ValueError as problem:
            raise error(str(problem), name) from None
        if value is not given:
            object.__setattr__(instance, name, value)


def facts_of(cls: type, name: str) -> SettingFacts:
    """Return what is declared about one setting of a class.

    Raises
    ------
    LookupError
        Where the class declares no setting of that name.
    """
    declared = _declared(cls)
    if name not in declared:
        raise LookupError(f"{cls.__name__} declares no setting {name!r}: there are {', '.join(declared)}")
    dataclass_field, declaration = declared[name]
    accepted = _accepted(cls)[name]
    factory = dataclass_field.default_factory
    default = dataclass_field.default if factory is MISSING else factory()
    return SettingFacts(
        name, default, declaration.meaning, accepted.types, accepted.optional, accepted.choices, **declaration.bounds
    )


def settings_of(cls: type) -> tuple[SettingFacts, ...]:
    """Return what is declared about every setting of a class, in the order of its fields."""
    return tuple(facts_of(cls, name) for name in _declared(cls))


def document_settings(cls: _Class) -> _Class:
    """Add the section of parameters to a settings class's docstring; stands above ``@dataclass``."""
    lines = [cleandoc(cls.__doc__ or ""), "", "Parameters", "----------"]
    for name, (declared, declaration) in _declared(cls).items():
        # What a factory makes may be long, and heavy to import: its meaning says what it is.
        default = "" if declared.default is MISSING else f", default {declared.default!r}"
        lines += [f"{name} : {_accepted(cls)[name].type_words()}{default}", f"    {declaration.meaning}"]
    cls.__doc__ = "\n".join(lines) + "\n"
    return cls


@cache
def _declared(cls: type) -> Mapping[str, tuple[Field[Any], _Declaration]]:
    return {each.name: (each, each.metadata[_DECLARED]) for each in fields(cls) if _DECLARED in each.metadata}


@cache
def _accepted(cls: type) -> Mapping[str, AcceptedValues]:
    annotations = get_type_hints(cls)
    return {name: _from_annotation(annotations[name], declaration) for name, (_, declaration) in _declared(cls).items()}


def _from_annotation(annotation: Any, declaration: _Declaration) -> AcceptedValues:  # noqa: ANN401
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    choices = list(declaration.choices)
    types: list[type] = []
    for member in members:
        if get_origin(member) is Literal:
            choices += get_args(member)
        elif member is not NoneType:
            types.append(get_origin(member) or member)
    optional = NoneType in members
    if choices:
        types = list(dict.fromkeys(type(choice) for choice in choices))
    return AcceptedValues(tuple(types), optional, tuple(choices), **declaration.bounds)
