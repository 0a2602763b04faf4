"""Forecasters saved to a folder and loaded from it."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from darts.models.forecasting.tide_model import TiDEModel
from darts.utils.likelihood_models import GaussianLikelihood
from safetensors import safe_open

from kallos_models.darts_bridge import ConnectingTrainer
from kallos_models.errors import ModelFileError
from kallos_models.forecasts import forecast_recursive, forecast_rolling
from kallos_models.hyperparameters import Hyperparameters
from kallos_models.lightning_silence import quiet_lightning
from kallos_models.model_files import card as cards
from kallos_models.model_files.files import load_forecaster, save_forecaster
from kallos_models.model_files.members import Member
from kallos_models.model_files.reading import read_forecaster_card
from kallos_models.registry import _say, create_model
from kallos_models.settings import TrainingSettings
from kallos_models.training import fit_forecaster, trainer_kwargs

FILES = ["card.json", "model-card.md", "weights.safetensors"]


@pytest.fixture(scope="module")
def members(market):
    return [market.member("gru"), market.member("tide", seed=3, likelihood="quantile")]


@pytest.fixture
def folder(members, tmp_path):
    return save_forecaster(members, tmp_path / "runs" / "best", about={"asset": "BTC", "folds": [1, 2.5, None]})


def test_what_was_told_in_training_is_not_told_again(market, tmp_path, caplog):
    caplog.set_level("INFO", "kallos_models")
    _say.cache_clear()
    trained = market.fit("gru", n_rnn_layers=1, max_epochs=1)
    folder = save_forecaster([market.member("gru", trained)], tmp_path / "small")
    assert "dropout acts between recurrent layers only" in caplog.text
    _say.cache_clear()
    caplog.clear()
    load_forecaster(folder)
    assert "dropout" not in caplog.text


def test_the_card_is_read_without_torch_and_as_a_whole_load_reads_it(folder, tmp_path):
    card = read_forecaster_card(folder)
    assert [member.architecture for member in card.members] == ["gru", "tide"]
    assert (card.about, card.weights.sha256) == (load_forecaster(folder).about, load_forecaster(folder).digest)
    for bad, words in (("none", "there is no such folder"), (".", "it holds no card.json")):
        for read in (read_forecaster_card, load_forecaster):
            with pytest.raises(ModelFileError, match=words):
                read(tmp_path / bad)
    code = (
        f"import sys; from kallos_models import read_forecaster_card; read_forecaster_card({str(folder)!r});"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_the_folder_holds_weights_a_card_and_a_page(folder, members):
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["best"]
    card = json.loads((folder / "card.json").read_text())
    assert (card["kind"], card["format"]) == ("kallos forecaster", 3)
    assert card["about"] == {"asset": "BTC", "folds": [1, 2.5, None]}
    assert set(card["versions"]) == {"kallos-models", "darts", "torch", "pytorch-lightning", "safetensors"}
    gru, tide = card["members"]
    assert (gru["architecture"], gru["likelihood"], gru["covariates"]) == ("gru", "none", ["a", "b"])
    assert (tide["architecture"], tide["likelihood"]) == ("tide", "quantile")
    assert (gru["hyperparameters"]["n_epochs"], tide["hyperparameters"]["random_state"]) == (2, 3)
    with safe_open(folder / "weights.safetensors", "pt") as file:
        expected = {f"{index}.{name}" for index, each in enumerate(members) for name in each.model.model.state_dict()}
        assert set(file.keys()) == expected


def test_the_page_describes_the_members_or_says_what_it_is_told(folder, members):
    page = (folder / "model-card.md").read_text()
    assert "| 0 | gru | 8, 2 | 10 steps | step 1 | a, b |" in page
    assert "| 1 | tide | 8, 2 | 10 steps | step 1 (quantiles) | a, b |" in page
    assert "2 networks, saved with kallos-models" in page
    assert "- asset: BTC" in page
    save_forecaster(members, folder, description="# Für morgen\n", overwrite=True)
    assert (folder / "model-card.md").read_text(encoding="utf-8") == "# Für morgen\n"


def test_what_is_loaded_is_what_was_saved(folder, members, market):
    loaded = load_forecaster(folder)

    assert loaded.about == {"asset": "BTC", "folds": [1, 2.5, None]}
    assert loaded.versions["darts"]
    assert loaded.digest == json.loads((folder / "card.json").read_text())["weights"]["sha256"]
    for saved, found in zip(members, loaded.members, strict=True):
        assert (found.model_name, found.hparams, found.covariates) == (saved.model_name, saved.hparams, ("a", "b"))
        for name, tensor in saved.model.model.state_dict().items():
            assert torch.equal(found.model.model.state_dict()[name], tensor), name
        for forecast in (forecast_rolling, lambda model, *series: forecast_recursive(model, 3, *series)):
            np.testing.assert_array_equal(
                forecast(found.model, market.train, market.covariates),
                forecast(saved.model, market.train, market.covariates),
                strict=True,
            )


def test_a_loaded_model_holds_no_series_and_makes_no_forecast_of_zeros(folder):
    model = load_forecaster(folder).members[0].model
    assert model.training_series is None
    assert model.past_covariate_series is None
    with quiet_lightning(), pytest.raises(ValueError, match="Input `series` must be provided"):
        model.predict(1)


def test_saved_again_after_loading_it_is_the_same(folder, tmp_path):
    loaded = load_forecaster(folder)
    again = save_forecaster(loaded.members, tmp_path / "again", about=loaded.about)
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_loading_draws_no_random_numbers(folder, market, tmp_path):
    unseeded = market.member("tide")
    unseeded = replace(unseeded, hparams=replace(unseeded.hparams, random_state=None))
    save_forecaster([unseeded], tmp_path / "unseeded")
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    load_forecaster(folder)
    assert load_forecaster(tmp_path / "unseeded").members[0].hparams.random_state is None
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_a_target_of_two_components_is_kept(market, tmp_path):
    both = market.train.stack(market.train * 2)
    fit = fit_forecaster("tide", market.hparams, both, settings=TrainingSettings(max_epochs=1))
    saved = save_forecaster([Member("tide", fit.hparams, (), fit.model)], tmp_path / "both")
    (found,) = load_forecaster(saved).members
    np.testing.assert_array_equal(forecast_rolling(found.model, both), forecast_rolling(fit.model, both))


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_modes_that_the_umask_leaves(members, tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = save_forecaster(members[:1], tmp_path / "best")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~umask
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~umask}


def test_saving_again_needs_leave_and_then_replaces(folder, members):
    with pytest.raises(ModelFileError) as caught:
        save_forecaster(members[1:], folder)
    assert caught.value.parameter == "overwrite"
    assert str(caught.value) == (
        f"overwrite must be asked for: {folder} holds a forecaster already; "
        "choose another folder or have this one replaced"
    )
    assert len(load_forecaster(folder).members) == 2

    save_forecaster(members[1:], folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["best"]
    assert [member.model_name for member in load_forecaster(folder).members] == ["tide"]


def test_the_target_of_a_link_is_replaced_and_the_link_stays(folder, members, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(folder)
    save_forecaster(members[1:], link, overwrite=True)
    assert link.is_symlink()
    assert len(load_forecaster(link).members) == len(load_forecaster(folder).members) == 1


def make_other_files(folder):
    (folder / "letters").write_text("dear")
    (folder / "notes").mkdir()
    return rf"{folder} holds 'letters' and 1 more, which is no forecaster's: choose another folder"


def make_foreign_weights(folder):
    (folder / "weights.safetensors").write_bytes(b"mine")
    return f"{folder} holds no whole forecaster (card.json is none): choose another folder or remove it"


def make_foreign_card(folder):
    (folder / "card.json").write_text('{"kind": "playing card"}')
    return f"{folder} holds no whole forecaster (card.json is none): choose another folder or remove it"


def make_a_file(folder):
    folder.rmdir()
    folder.write_text("")
    return f"{folder} is no folder: choose another one to save the forecaster in"


@pytest.mark.parametrize("make", [make_other_files, make_foreign_weights, make_foreign_card, make_a_file])
def test_what_is_no_forecaster_is_never_replaced(members, tmp_path, make):
    folder = tmp_path / "there"
    folder.mkdir()
    message = make(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelFileError) as caught:
        save_forecaster(members, folder, overwrite=True)
    assert str(caught.value) == message
    assert sorted(tmp_path.rglob("*")) == before


def test_a_forecaster_with_a_file_more_is_not_replaced(folder, members):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match=r"holds 'notes.txt', which is no forecaster's: choose another folder"):
        save_forecaster(members, folder, overwrite=True)
    assert len(load_forecaster(folder).members) == 2


def test_an_empty_folder_is_taken(members, tmp_path):
    (tmp_path / "empty").mkdir()
    save_forecaster(members, tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert len(load_forecaster(tmp_path / "empty").members) == 2


def test_members_that_cannot_be_saved_are_named(members, market, tmp_path):
    gru, tide = members

    def message(*given: Member, **arguments) -> str:
        with pytest.raises(ModelFileError) as caught:
            save_forecaster(given, tmp_path / "new", **arguments)
        assert list(tmp_path.iterdir()) == []
        return str(caught.value)

    others = (
        "members must have the architecture, hyperparameters and covariates that they were fitted with, in float32, "
        "and member 1 has others: "
    )
    assert message() == "members must be from 1 to 1000, not 0"
    unfitted = Member("tide", tide.hparams, (), create_model("tide", tide.hparams))
    assert message(gru, unfitted) == "members must be fitted, and member 1 is not: fit it first"
    assert message(gru, replace(tide, covariates=("a",))) == (
        others + "its tensor 'past_cov_projection.dense.0.weight' is F32 [8, 2] and not F32 [8, 1]"
    )
    common = Hyperparameters.from_mapping(market.hparams)
    assert message(gru, replace(tide, model_name="lstm", hparams=common)).startswith(
        others + "it lacks the tensor 'rnn.weight_ih_l0' and"
    )
    assert message(gru, replace(tide, model_name="lstm")) == (
        "members must be what they were fitted as, and member 1 is not: unknown hyperparameter 'temporal_width_past' "
        "of lstm: tide has it, it has none of its own"
    )
    assert message(gru, replace(tide, model_name="mlp")) == (
        "members must be what they were fitted as, and member 1 is not: "
        "model_name must be one of gru, lstm, tcn, tide, transformer, not 'mlp'"
    )
    assert message(replace(gru, covariates=("a", "a"))) == (
        "members must name at most 10000 covariates, each once: member 0 does not"
    )
    doubles = market.member("tide", market.fit("tide"))
    doubles.model.model.double()
    assert message(gru, doubles) == (
        others + "its tensor 'past_cov_projection.dense.0.weight' is F64 [8, 2] and not F32 [8, 2]"
    )
    gaussian = TiDEModel(10, 1, likelihood=GaussianLikelihood())
    with quiet_lightning():
        gaussian.fit(market.train, trainer=ConnectingTrainer(**trainer_kwargs()))
    assert message(Member("tide", tide.hparams, (), gaussian)) == (
        "members must come from create_model, and the likelihood of member 0 does not"
    )
    assert message(gru, about={"x": {1}}).startswith("about cannot be written as JSON: Object of type set")
    assert message(gru, about={"x": float("nan")}).startswith("about cannot be written as JSON: Out of range float")


def test_weights_that_are_not_finite_are_not_saved(market, tmp_path):
    member = market.member("tide", market.fit("tide"))
    with torch.no_grad():
        next(member.model.model.parameters())[0, 0] = float("nan")
    with pytest.raises(ModelFileError, match=r"members must be finite, and '.*' of member 0 is not: train it anew"):
        save_forecaster([member], tmp_path / "new")


def test_a_card_too_large_to_be_read_is_not_written(members, tmp_path, monkeypatch):
    monkeypatch.setattr("kallos_models.model_files.files.MOST_BYTES", 3_000)
    with pytest.raises(ModelFileError, match=r"about makes a card of \d+ bytes, above 3000: keep less in it"):
        save_forecaster(members, tmp_path / "new", about={"long": "x" * 3_000})
    assert list(tmp_path.iterdir()) == []
    assert cards.MOST_BYTES == 4 * 2**20
