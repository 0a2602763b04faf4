import json

import numpy as np
import pytest
from kallos_models.files import load_forecaster, save_forecaster

from kallos_models.errors import ModelFileError
from kallos_models.registry import create_model


@pytest.fixture(scope="module")
def model(market):
    return market.fit("gru").model


@pytest.fixture
def folder(model, tmp_path):
    return save_forecaster(model, tmp_path / "runs" / "best", about={"asset": "BTC", "folds": [1, 2]})


def edit_card(folder, **changes):
    path = folder / "forecaster.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, **changes}))


def test_the_folder_holds_the_model_and_a_readable_card(folder):
    card = json.loads((folder / "forecaster.json").read_text())

    assert sorted(path.name for path in folder.iterdir()) == [card["content"], "forecaster.json"]
    assert sorted(path.name for path in (folder / card["content"]).iterdir()) == ["model.pt", "model.pt.ckpt"]
    assert [path.name for path in folder.parent.iterdir()] == ["best"]
    assert card["format"] == 1
    assert card["about"] == {"asset": "BTC", "folds": [1, 2]}
    assert card["scalers"] == {}
    assert set(card["versions"]) == {"kallos-models", "darts", "torch", "pytorch-lightning"}


def test_no_series_is_saved(folder):
    loaded = load_forecaster(folder).model
    assert loaded.training_series is None
    assert loaded.past_covariate_series is None


def test_saving_again_needs_leave_and_then_replaces(folder, noise_market):
    other = noise_market.fit("tide").model
    with pytest.raises(
        ModelFileError, match="holds a forecaster already: choose another folder, or ask for the old one to be"
    ):
        save_forecaster(other, folder)

    save_forecaster(other, folder, overwrite=True)
    loaded = load_forecaster(folder).model
    assert [path.name for path in folder.parent.iterdir()] == ["best"]
    assert len(list(folder.iterdir())) == 2
    np.testing.assert_array_equal(noise_market.forecast(loaded).values(), noise_market.forecast(other).values())


def test_a_folder_of_something_else_is_never_replaced(model, tmp_path):
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(ModelFileError, match="exists and holds no forecaster: choose another folder"):
        save_forecaster(model, tmp_path, overwrite=True)
    assert (tmp_path / "letters").read_text() == "dear"


def test_a_failed_save_leaves_the_old_forecaster_and_nothing_else(folder, model, monkeypatch):
    before = (folder / "forecaster.json").read_bytes()

    def fill_disk(path, clean):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", fill_disk)
    with pytest.raises(ModelFileError, match=r"cannot save the forecaster in .*best: No space left on device"):
        save_forecaster(model, folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["best"]
    assert (folder / "forecaster.json").read_bytes() == before


def test_what_cannot_be_saved_is_named(model, tmp_path):
    with pytest.raises(ModelFileError, match="model is not fitted, so there is nothing to save: fit it first"):
        save_forecaster(create_model("tide", {}), tmp_path / "a")
    with pytest.raises(ModelFileError, match="about cannot be written as JSON: Object of type set"):
        save_forecaster(model, tmp_path / "a", about={"x": {1}})
    with pytest.raises(ModelFileError, match="scalers cannot be written as JSON: Out of range float"):
        save_forecaster(model, tmp_path / "a", scalers={"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"no forecaster in .*nowhere: cannot read forecaster.json: No such file"):
        load_forecaster(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.pt", "model.pt.ckpt"])
def test_a_damaged_or_missing_file_is_named(folder, name):
    (path,) = folder.glob(f"content-*/{name}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{name} is damaged: its content is not what was saved"):
        load_forecaster(folder)
    path.unlink()
    with pytest.raises(ModelFileError, match=f"{name} is missing: save the forecaster again"):
        load_forecaster(folder)


def test_a_damaged_card_is_named(folder):
    edit_card(folder, files=None)
    with pytest.raises(ModelFileError, match=r"forecaster.json is damaged: it lacks files"):
        load_forecaster(folder)
    (folder / "forecaster.json").write_text("[]")
    with pytest.raises(ModelFileError, match=r"forecaster.json is damaged: it names no format"):
        load_forecaster(folder)
    (folder / "forecaster.json").write_text('{"format": 1')
    with pytest.raises(ModelFileError, match=r"forecaster.json is damaged: Expecting"):
        load_forecaster(folder)


def test_a_newer_format_is_refused(folder):
    edit_card(folder, format=2)
    with pytest.raises(ModelFileError, match=r"has format 2 and kallos-models .* reads 1: use a newer kallos-models"):
        load_forecaster(folder)


def test_code_in_a_model_file_is_not_run(folder, tmp_path):
    import hashlib
    import os

    import torch

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    (path,) = folder.glob("content-*/model.pt")
    torch.save(Payload(), path)
    files = json.loads((folder / "forecaster.json").read_text())["files"]
    edit_card(folder, files={**files, "model.pt": hashlib.sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(ModelFileError, match=r"cannot read the model in .*, saved with kallos-models"):
        load_forecaster(folder)
    assert not (tmp_path / "owned").exists()
