"""A forecaster in a folder: its networks, and what it is about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, TypeAlias

from ..errors import ConfigError, ModelFileError
from .building import implied_tensors, weights_of
from .card import CARD, MOST_BYTES, MOST_MEMBERS, WEIGHTS, Card
from .folder import PAGE, discard, put_back, put_in_place, refuse_occupied, write_beside
from .members import Member, built_member, card_of, numbered, of_member
from .ordinary_files import damaged
from .page import default_page
from .reading import card_in, read_whole
from .weights import read_weights, weights_file

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

_PACKAGES: Final = ("kallos-models", "darts", "torch", "pytorch-lightning", "safetensors")


@dataclass(frozen=True, slots=True)
class SavedForecaster:
    """A forecaster as it was saved.

    Attributes
    ----------
    members : tuple of Member
        Ready to forecast, in the order in which they were saved.
    about : Mapping[str, Json]
        What was handed to :func:`save_forecaster`.
    versions : Mapping[str, str]
        The packages that it was saved with, by name.
    digest : str
        The SHA-256 of its weights in hexadecimal digits.
    """

    members: tuple[Member, ...]
    about: Mapping[str, Any]
    versions: Mapping[str, str]
    digest: str


def save_forecaster(
    members: Sequence[Member],
    folder: str | Path,
    *,
    about: Mapping[str, Json] | None = None,
    description: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a forecaster of one or more networks, without their training series.

    The folder then holds ``weights.safetensors`` (the tensors of member 0 as ``0.NAME``, and so on), ``card.json`` and
    ``model-card.md``. Whoever kills the save, and whenever, leaves a whole forecaster: the old one or the new one.

    Parameters
    ----------
    members : Sequence of Member
        Fitted in float32, as by :func:`kallos_models.fit_forecaster`.
    folder : str or Path
        Where to save; made, with its parents.
    about : Mapping[str, Json], optional
        Kept in the card, for instance scalers, target, frequency and training span; finite numbers only.
    description : str, optional
        The text of ``model-card.md``; a table of the members where left out.
    overwrite : bool, default False
        Whether to replace a forecaster that is there already, rather than to refuse.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelFileError
        Where a member is not fitted, not finite or not what its hyperparameters say, something else or (without
        ``overwrite``) a forecaster is in ``folder``, ``about`` is no JSON, or the folder cannot be written.
    """
    folder = Path(folder).resolve()
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise ModelFileError(f"must be from 1 to {MOST_MEMBERS}, not {len(members)}", "members")
    notes = _as_json(about or {})
    cards = tuple(card_of(f"member {index}", member) for index, member in enumerate(members))
    try:
        put_back(folder)
        refuse_occupied(folder, overwrite=overwrite)
        content, weights = weights_file(numbered([weights_of(member.model) for member in members]))
        card = Card(cards, weights, {name: version(name) for name in _PACKAGES}, notes)
        page = default_page(card) if description is None else description
        files = {WEIGHTS: content, CARD: _encoded(card), PAGE: page.encode()}
        written = write_beside(folder, files)
        try:
            put_in_place(written, folder, overwrite=overwrite)
        except BaseException:
            discard(written)
            raise
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(f"cannot save the forecaster in {folder}: {error.strerror or error}") from error
    return folder


def require_new_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a folder that :func:`save_forecaster` would refuse, before a long training ends in it.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool, default False
        As of :func:`save_forecaster`.

    Raises
    ------
    ModelFileError
        Where something else, or (without ``overwrite``) a forecaster is there, or nothing can be written there. The
        folder above is made where it is missing.
    """
    folder = Path(folder).resolve()
    try:
        put_back(folder)
        refuse_occupied(folder, overwrite=overwrite)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder.parent):
            pass
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(
            f"cannot save a forecaster in {folder}: {error.strerror or error}; choose another folder"
        ) from error


def load_forecaster(folder: str | Path) -> SavedForecaster:
    """Load a forecaster that :func:`save_forecaster` saved.

    No code is read from the folder, and nothing is built from it before the card's values lie within their bounds, the
    card is known to say what it said when it was saved, and the weights to be the tensors that it implies, finite and
    with the card's checksum. Cards of the formats 1 and 2 have no checksum of their own.

    Parameters
    ----------
    folder : str or Path
        The folder saved to.

    Raises
    ------
    ModelFileError
        Where no forecaster is there, a file of it is missing, damaged or changed since it was saved, or it was saved in
        a newer format.
    """
    return read_whole(folder, _read)


def _read(folder: Path) -> SavedForecaster:
    card = card_in(folder)
    implied = (numbered([implied_tensors(member)], first=index) for index, member in enumerate(card.members))
    try:
        tensors = read_weights(folder, card.weights, implied)
    except ConfigError as error:
        raise damaged(folder / CARD, str(error)) from error
    members = tuple(built_member(member, of_member(index, tensors)) for index, member in enumerate(card.members))
    return SavedForecaster(members, card.about, card.versions, card.weights.sha256)


def _encoded(card: Card) -> bytes:
    content = card.to_json()
    if len(content) > MOST_BYTES:
        raise ModelFileError(f"makes a card of {len(content)} bytes, above {MOST_BYTES}: keep less in it", "about")
    return content


def _as_json(about: Mapping[str, Json]) -> Any:  # noqa: ANN401 - what json reads back
    try:
        return json.loads(json.dumps(about, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"cannot be written as JSON: {error}", "about") from error
