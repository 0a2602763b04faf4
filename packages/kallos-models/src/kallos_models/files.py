"""A fitted forecaster in a folder: the model, the scalers of its series, and what it is about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.serialization import safe_globals

from .architectures.gru import GRUModule
from .errors import ModelFileError
from .lightning_silence import quiet_lightning
from .loss import ForecastLoss
from .model_folder import Card, check_content, discard, new_content, publish, read_card, refuse_occupied
from .training import trainer_kwargs

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

_MODEL = "model.pt"
_PACKAGES = ("kallos-models", "darts", "torch", "pytorch-lightning")


@dataclass(frozen=True, slots=True)
class SavedForecaster:
    """A forecaster as it was saved.

    Attributes
    ----------
    model : TorchForecastingModel
        Ready to predict on the CPU. It holds no series: give ``predict`` the ``series`` whose end it forecasts from.
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

    Whoever kills it, and whenever, leaves a whole forecaster in ``folder``: the one that was there until the new one is
    complete, the new one from then on. Other files in the folder are left alone.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted.
    folder : str or Path
        Where to save; made, with its parents.
    scalers, about : Mapping[str, Json], optional
        Kept as JSON beside the model; finite numbers only.
    overwrite : bool, default False
        Whether to replace a forecaster that is there already, rather than to refuse.

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
        raise ModelFileError("is not fitted, so there is nothing to save: fit it first", "model")
    notes = {"scalers": _as_json("scalers", scalers or {}), "about": _as_json("about", about or {})}
    try:
        refuse_occupied(folder, overwrite=overwrite)
        _write(model, folder, notes)
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(f"cannot save the forecaster in {folder}: {error.strerror or error}") from error
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
    card = read_card(folder)
    while True:
        try:
            return SavedForecaster(_read(folder, card), card.scalers, card.about)
        except ModelFileError:
            # It may have been overwritten since its card was read.
            latest = read_card(folder)
            if latest == card:
                raise
            card = latest


def _write(model: TorchForecastingModel, folder: Path, notes: Mapping[str, Any]) -> None:
    content = new_content(folder)
    try:
        with quiet_lightning():
            model.save(str(content / _MODEL), clean=True)
        publish(content, versions={name: version(name) for name in _PACKAGES}, **notes)
    except BaseException:
        discard(content)
        raise


def _read(folder: Path, card: Card) -> TorchForecastingModel:
    content = check_content(folder, card)
    with quiet_lightning(), safe_globals([ForecastLoss, GRUModule]):
        try:
            return TorchForecastingModel.load(
                str(content / _MODEL), pl_trainer_kwargs=trainer_kwargs(), trusted=False, map_location="cpu"
            )
        except Exception as error:
            saved_with = ", ".join(f"{name} {number}" for name, number in card.versions.items())
            raise ModelFileError(f"cannot read the model in {folder}, saved with {saved_with}: {error}") from error


def _as_json(name: str, values: Mapping[str, Json]) -> Any:  # noqa: ANN401 - what json reads back
    try:
        return json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"cannot be written as JSON: {error}", name) from error
