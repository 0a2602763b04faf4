"""The card of a saved forecaster: what its weights are, in JSON, believed only after every value has been checked."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast, get_args

from ..accepted_values import shown
from ..errors import ConfigError, ModelFileError
from ..hyperparameters import Hyperparameters
from ..registry import available_models, hyperparameters_class
from ..settings import Likelihood
from .ordinary_files import damaged, open_ordinary, read_json, size_of
from .seal import SEAL, is_as_sealed, sealed

CARD: Final = "card.json"
WEIGHTS: Final = "weights.safetensors"
FORMAT: Final = 3
"""Lower ones are read. In 1, all architectures had the same hyperparameters; since 3, a card is sealed."""
_SEALED_SINCE: Final = 3
_SINCE_FORMAT_2: Final = ("weight_decay",)
"""Of the hyperparameters that all architectures have."""
MOST_BYTES: Final = 4 * 2**20
"""Of the card."""
MOST_MEMBERS: Final = 1_000
MOST_COLUMNS: Final = 10_000
"""Past covariates, or components of the target."""
_KIND: Final = "kallos forecaster"
_KEYS: Final = ("kind", "format", "members", "weights", "versions", "about")


@dataclass(frozen=True, slots=True)
class MemberCard:
    """What one network is: all that is needed to build it without its weights.

    Attributes
    ----------
    architecture : str
        One of :func:`kallos_models.available_models`.
    hyperparameters : Hyperparameters
    covariates : tuple of str
        Past covariates, in order.
    likelihood : {"none", "quantile"}
    components : int
        Of the target.
    """

    architecture: str
    hyperparameters: Hyperparameters
    covariates: tuple[str, ...]
    likelihood: Likelihood
    components: int


@dataclass(frozen=True, slots=True)
class WeightsCard:
    """What the file of the weights is.

    Attributes
    ----------
    file : str
        Its name.
    sha256 : str
        Of its content, in hexadecimal digits.
    bytes : int
        Its size.
    """

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Card:
    """What the card says.

    Attributes
    ----------
    members : tuple of MemberCard
    weights : WeightsCard
    versions : Mapping[str, str]
        Packages that it was saved with.
    about : Mapping[str, Any]
        As handed to :func:`kallos_models.save_forecaster`.
    """

    members: tuple[MemberCard, ...]
    weights: WeightsCard
    versions: Mapping[str, str]
    about: Mapping[str, Any]

    def to_json(self) -> bytes:
        """Return the content of ``card.json``."""
        values = sealed({"kind": _KIND, "format": FORMAT, **asdict(self)})
        return (json.dumps(values, indent=2, allow_nan=False) + "\n").encode()


def is_card(path: Path) -> bool:
    """Return whether a file is the card of a forecaster, of whatever format.

    Raises
    ------
    OSError
        Where it is there and cannot be read.
    """
    try:
        return _content(path)["kind"] == _KIND
    except (ModelFileError, FileNotFoundError, KeyError):
        return False


def read_card(path: Path) -> Card:
    """Return what a card says.

    Raises
    ------
    ModelFileError
        Where it is damaged, no card of a forecaster, or of a newer format.
    OSError
        Where it cannot be read.
    """
    values = _content(path)
    if values.get("kind") != _KIND:
        raise ModelFileError(f"{path} is no card of a forecaster: choose a folder that a forecaster was saved in")
    written = values.get("format")
    if type(written) is int and written > FORMAT:
        raise ModelFileError(
            f"{path} has format {written} and kallos-models {version('kallos-models')} reads 1 to {FORMAT}: "
            "use a newer kallos-models"
        )
    try:
        return _card(values)
    except ValueError as error:
        raise damaged(path, str(error)) from error


def _content(path: Path) -> dict[str, Any]:
    with open_ordinary(path) as file:
        if (size := size_of(file)) > MOST_BYTES:
            raise damaged(path, f"it has {size} bytes, and no card has more than {MOST_BYTES}")
        content = file.read(MOST_BYTES)
    try:
        values = read_json(content)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if not isinstance(values, dict):
        raise damaged(path, "it is no JSON object")
    return cast("dict[str, Any]", values)


def _card(values: Mapping[str, Any]) -> Card:
    form = values.get("format")
    if type(form) is not int or not 1 <= form <= FORMAT:
        raise ValueError(f"format must be from 1 to {FORMAT}, not {shown(form)}")
    _check_names("", values, _KEYS if form < _SEALED_SINCE else (*_KEYS, SEAL), form)
    members = _of("members", values["members"], list)
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise ValueError(f"members must be from 1 to {MOST_MEMBERS}, not {len(members)}")
    versions = _of("versions", values["versions"], dict)
    for name, number in versions.items():
        _of(f"the version of {shown(name)}", number, str)
    card = Card(
        tuple(_member(f"member {index}", member, form) for index, member in enumerate(members)),
        _weights(values["weights"], form),
        versions,
        _of("about", values["about"], dict),
    )
    if form >= _SEALED_SINCE and not is_as_sealed(values):
        raise ValueError("it was changed after it was saved (its SHA-256 is not the one that it names)")
    return card


def _weights(given: object, form: int) -> WeightsCard:
    values = _of("weights", given, dict)
    _check_names(" in weights", values, [each.name for each in fields(WeightsCard)], form)
    if values["file"] != WEIGHTS:
        raise ValueError(f"the file of the weights must be {WEIGHTS!r}, not {shown(values['file'])}")
    if not re.fullmatch("[0-9a-f]{64}", _of("sha256", values["sha256"], str)):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, not {shown(values['sha256'])}")
    if type(values["bytes"]) is not int or values["bytes"] < 1:
        raise ValueError(f"bytes must be a whole number of 1 or more, not {shown(values['bytes'])}")
    return WeightsCard(**values)


def _member(which: str, given: object, form: int) -> MemberCard:
    values = _of(which, given, dict)
    _check_names(f" in {which}", values, [each.name for each in fields(MemberCard)], form)
    architecture, likelihood = values["architecture"], values["likelihood"]
    if architecture not in available_models():
        known = ", ".join(available_models())
        raise ValueError(f"the architecture of {which} must be one of {known}, not {shown(architecture)}")
    if likelihood not in get_args(Likelihood):
        known = ", ".join(get_args(Likelihood))
        raise ValueError(f"the likelihood of {which} must be one of {known}, not {shown(likelihood)}")
    components = values["components"]
    if type(components) is not int or not 1 <= components <= MOST_COLUMNS:
        raise ValueError(
            f"components of {which} must be a whole number from 1 to {MOST_COLUMNS}, not {shown(components)}"
        )
    hparams = _hyperparameters(which, architecture, values["hyperparameters"], form)
    return MemberCard(architecture, hparams, _covariates(which, values["covariates"]), likelihood, components)


def _hyperparameters(which: str, architecture: str, given: object, form: int) -> Hyperparameters:
    values = _of(f"hyperparameters of {which}", given, dict)
    cls = hyperparameters_class(architecture)
    known = [each.name for each in fields(cls if form > 1 else Hyperparameters)]
    if form == 1:
        # What came later has its default, which changes nothing.
        known = [name for name in known if name not in _SINCE_FORMAT_2]
    _check_names(f" in the hyperparameters of {which}", values, known, form)
    try:
        return cls(**values)
    except ConfigError as error:
        raise ValueError(f"{error} ({which})") from error


def _covariates(which: str, values: object) -> tuple[str, ...]:
    names = _of(f"covariates of {which}", values, list)
    for name in names:
        _of(f"a covariate of {which}", name, str)
    if len(set(names)) < len(names):
        raise ValueError(f"covariates of {which} name one twice")
    if len(names) > MOST_COLUMNS:
        raise ValueError(f"covariates of {which} must be {MOST_COLUMNS} or fewer, not {len(names)}")
    return tuple(names)


def _of(what: str, value: object, kind: type) -> Any:  # noqa: ANN401 - of that kind
    if not isinstance(value, kind):
        words = {dict: "an object", list: "a list", str: "text"}[kind]
        raise ValueError(f"{what} must be {words}, not {shown(value)}")  # noqa: TRY004 - one kind for all that is read
    return value


def _check_names(where: str, values: Mapping[str, Any], expected: Sequence[str], form: object) -> None:
    if missing := [name for name in expected if name not in values]:
        raise ValueError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing{where}")
    if unknown := [name for name in values if name not in expected]:
        raise ValueError(f"{shown(unknown[0])}{where} is nothing that a card of format {shown(form)} has")
