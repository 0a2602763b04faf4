"""A fitted forecaster in a folder: the model, the scalers of its series, and what it is about."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias, cast
from uuid import uuid4

from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.serialization import safe_globals

from .architectures.gru import GRUModule
from .errors import ModelFileError
from .lightning_silence import quiet_lightning
from .loss import ForecastLoss
from .training import trainer_kwargs

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

FORMAT = 1
_CARD = "forecaster.json"
_MODEL = "model.pt"
_PACKAGES = ("kallos-models", "darts", "torch", "pytorch-lightning")


@dataclass(frozen=True, slots=True)
class SavedForecaster:
    """A forecaster as it was saved.

    Attributes
    ----------
    model : TorchForecastingModel
        Ready to predict on the CPU. It holds no series: give ``predict`` the ``series`` to go on from.
    scalers, about : Mapping[str, Json]
        What was handed to :func:`save_forecaster`.
    """

    model: TorchForecastingModel
    scalers: Mapping[str, Any]
    about: Mapping[str, Any]


def save_forecaster(
    model: TorchForecastingModel,
    folder: str | Path,
    *,
    scalers: Mapping[str, Json] | None = None,
    about: Mapping[str, Json] | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a fitted forecaster, without its training series.

    Everything is written to a new folder beside ``folder`` which is then renamed, so that ``folder`` is never seen half
    written.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted.
    folder : str or Path
        Where to save; made, with its parents.
    scalers, about : Mapping[str, Json], optional
        Kept as JSON beside the model; finite numbers only.
    overwrite : bool, default False
        Whether a forecaster that is there already may be replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelFileError
        Where the model is not fitted, something else or (without ``overwrite``) a forecaster is in ``folder``,
        ``scalers`` or ``about`` are no JSON, or the folder cannot be written.
    """
    folder = Path(folder).absolute()
    if model.model is None:
        raise ModelFileError("the model is not fitted, so there is nothing to save: fit it first")
    _refuse_occupied(folder, overwrite=overwrite)
    beside = _hidden_name(folder)
    texts = {"scalers": _as_json("scalers", scalers or {}), "about": _as_json("about", about or {})}
    try:
        beside.mkdir(parents=True)
        _write(model, beside, texts)
        _put_in_place(beside, folder)
    except OSError as error:
        raise ModelFileError(f"cannot save the forecaster in {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def load_forecaster(folder: str | Path) -> SavedForecaster:
    """Load a forecaster that :func:`save_forecaster` saved.

    The model's files are read with Darts' restricted unpickler, and only if their checksums are those noted when they
    were saved.

    Parameters
    ----------
    folder : str or Path
        The folder saved to.

    Raises
    ------
    ModelFileError
        Where no forecaster is there, a file of it is missing or damaged, or it was saved in a newer format.
    """
    folder = Path(folder)
    card = _read_card(folder)
    for name, digest in card["files"].items():
        path = folder / name
        if not path.is_file():
            raise ModelFileError(f"{path} is missing: save the forecaster again")
        if _digest(path) != digest:
            raise ModelFileError(f"{path} is damaged: its content is not what was saved; save the forecaster again")
    with quiet_lightning(), safe_globals([ForecastLoss, GRUModule]):
        try:
            model = TorchForecastingModel.load(
                str(folder / _MODEL),
                pl_trainer_kwargs=trainer_kwargs(),
                trusted=False,
                map_location="cpu",
            )
        except Exception as error:
            saved_with = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
            raise ModelFileError(f"cannot read the model in {folder}, saved with {saved_with}: {error}") from error
    return SavedForecaster(model, card["scalers"], card["about"])


def _refuse_occupied(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not (folder / _CARD).is_file():
        raise ModelFileError(f"{folder} exists and holds no forecaster: choose another folder")
    if not overwrite:
        raise ModelFileError(f"{folder} holds a forecaster already: choose another folder or pass overwrite=True")


def _as_json(name: str, values: Mapping[str, Json]) -> Any:  # noqa: ANN401 - what json reads back
    try:
        return json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{name} cannot be written as JSON: {error}") from error


def _write(model: TorchForecastingModel, folder: Path, texts: Mapping[str, Any]) -> None:
    with quiet_lightning():
        model.save(str(folder / _MODEL), clean=True)
    card = {
        "format": FORMAT,
        "versions": {name: version(name) for name in _PACKAGES},
        "files": {path.name: _digest(path) for path in sorted(folder.iterdir())},
        **texts,
    }
    (folder / _CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def _put_in_place(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    old = _hidden_name(folder)
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old)


def _hidden_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{uuid4().hex}")


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / _CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFileError(f"no forecaster in {folder}: cannot read {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}; save the forecaster again") from error
    if not isinstance(card, dict) or "format" not in card:
        raise ModelFileError(f"{path} is damaged: it names no format; save the forecaster again")
    card = cast("dict[str, Any]", card)
    if card["format"] != FORMAT:
        raise ModelFileError(
            f"{path} has format {card['format']} and kallos-models {version('kallos-models')} reads {FORMAT}: "
            "use a newer kallos-models"
        )
    missing = [name for name in ("versions", "files", "scalers", "about") if not isinstance(card.get(name), dict)]
    if missing:
        raise ModelFileError(f"{path} is damaged: it lacks {', '.join(missing)}; save the forecaster again")
    return card


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
