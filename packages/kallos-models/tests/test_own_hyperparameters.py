"""What an architecture declares beside the hyperparameters that all have: read, refused, passed on, saved."""

import json
import subprocess
import sys
from dataclasses import MISSING, asdict, fields

import numpy as np
import pytest

from kallos_models import (
    ConfigError,
    Hyperparameters,
    Member,
    TrainingSettings,
    UnknownModelError,
    available_models,
    create_model,
    fit_forecaster,
    hyperparameters_of,
    load_forecaster,
    read_hyperparameters,
    save_forecaster,
    without_effect,
)
from kallos_models.registry import _say, hyperparameters_class

COMMON = tuple(each.name for each in fields(Hyperparameters))
# For each architecture with hyperparameters of its own another value than the default, and Darts' words for it.
OWN = {
    "transformer": {"n_heads": (2, "nhead", 2), "feedforward_ratio": (2, "dim_feedforward", 16)},
    "tcn": {"kernel_size": (4, "kernel_size", 4)},
    "tide": {"temporal_width_past": (1, "temporal_width_past", 1), "decoder_output_dim": (3, "decoder_output_dim", 3)},
}
each_own = pytest.mark.parametrize(("name", "own"), [(name, own) for name, values in OWN.items() for own in values])


@pytest.mark.parametrize("name", available_models())
def test_an_architecture_tells_the_common_hyperparameters_and_its_own(name):
    facts = hyperparameters_of(name)
    assert tuple(each.name for each in facts) == (*COMMON, *OWN.get(name, ()))
    assert all(each.meaning.endswith(".") and each.default is not MISSING for each in facts)
    assert read_hyperparameters(name, {}) == hyperparameters_class(name)(**{each.name: each.default for each in facts})
    for each in facts:
        assert each.read(each.default) == each.default


def test_they_are_told_without_torch():
    command = (
        "import sys, kallos_models as k; [k.hyperparameters_of(name) for name in k.available_models()]; "
        "sys.exit('torch' in sys.modules or 'darts' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_the_values_there_are_in_words():
    words = {facts.name: facts.values for name in OWN for facts in hyperparameters_of(name)}
    assert words["n_heads"] == "a whole number from 1 to 16"
    assert words["dropout"] == "a number of 0 or more and below 1"
    assert words["learning_rate"] == "a number above 0"
    assert words["kernel_size"] == "a whole number from 2 to 100000"


@each_own
def test_one_of_its_own_reaches_darts_and_changes_the_forecast(name, own, market):
    value, theirs, expected = OWN[name][own]
    default = create_model(name, market.hparams).model_params[theirs]
    assert create_model(name, {**market.hparams, own: value}).model_params[theirs] == expected != default

    forecasts = [market.forecast(market.known_fit(name, **more).model).values() for more in ({}, {own: value})]
    assert not np.array_equal(*forecasts)


@pytest.mark.parametrize("name", available_models())
def test_the_defaults_written_out_change_nothing(name, market):
    written = asdict(read_hyperparameters(name, market.hparams))
    plain, full = (
        market.known_fit(name),
        fit_forecaster(
            name,
            written | {"random_state": 0},
            market.train,
            market.covariates,
            val_target=market.val,
            val_past_covariates=market.covariates,
            settings=TrainingSettings(max_epochs=2, patience=10),
        ),
    )
    np.testing.assert_array_equal(market.forecast(plain.model).values(), market.forecast(full.model).values())


def test_common_hyperparameters_are_those_of_every_architecture():
    common = Hyperparameters(hidden_dim=16, random_state=3)
    found = read_hyperparameters("transformer", common)
    assert type(found).__name__ == "TransformerHyperparameters"
    assert asdict(found) == asdict(common) | {"n_heads": 4, "feedforward_ratio": 4}
    assert read_hyperparameters("gru", common) is common
    assert read_hyperparameters("transformer", found) is found


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "gru",
            {"n_heads": 4},
            "unknown hyperparameter 'n_heads' of gru: transformer has it, it has none of its own",
        ),
        (
            "transformer",
            {"kernel_size": 3},
            "unknown hyperparameter 'kernel_size' of transformer: tcn has it, its own are feedforward_ratio, n_heads",
        ),
        (
            "transformer",
            {"n_head": 4},
            "unknown hyperparameter 'n_head': did you mean 'n_heads'? known are hidden_dim,",
        ),
        ("transformer", {"n_heads": 17}, "n_heads must be a whole number from 1 to 16, not 17"),
        ("transformer", {"n_heads": 2.0}, "n_heads must be a whole number from 1 to 16, not 2.0"),
        ("tcn", {"kernel_size": 1}, "kernel_size must be a whole number from 2 to 100000, not 1"),
        ("tide", {"temporal_width_past": -1}, "temporal_width_past must be a whole number from 0 to 1024, not -1"),
    ],
)
def test_what_an_architecture_does_not_have_or_hold_is_refused(name, values, message):
    for refusing in (read_hyperparameters, create_model):
        with pytest.raises(ConfigError) as caught:
            refusing(name, values)
        assert str(caught.value).startswith(message)


def test_hyperparameters_of_another_architecture_are_refused_as_a_whole():
    of_transformer = read_hyperparameters("transformer", {"n_heads": 2})
    with pytest.raises(ConfigError, match="unknown hyperparameter 'n_heads' of gru"):
        create_model("gru", of_transformer)
    with pytest.raises(UnknownModelError, match="did you mean 'gru'"):
        hyperparameters_of("gruu")


@pytest.mark.parametrize(
    ("hparams", "width", "note"),
    [
        ({"hidden_dim": 33, "n_heads": 4}, 36, "is widened to 36, a multiple of its 4 attention heads"),
        ({"hidden_dim": 31, "n_heads": 3}, 36, "is widened to 36, an even multiple of its 3 attention heads"),
        ({"hidden_dim": 7, "n_heads": 1}, 8, "is widened to 8, an even multiple of its 1 attention head"),
        ({"hidden_dim": 36, "n_heads": 3}, 36, ""),
    ],
)
def test_heads_share_an_even_width(hparams, width, note, market, caplog):
    caplog.set_level("INFO", "kallos_models")
    _say.cache_clear()
    assert create_model("transformer", hparams).model_params["d_model"] == width
    assert note in caplog.text
    assert bool(caplog.messages) == bool(note)


def test_any_number_of_heads_trains(market):
    for n_heads in (1, 3, 16):
        fit = market.fit("transformer", n_heads=n_heads, max_epochs=1, n_rnn_layers=1)
        assert np.isfinite(fit.best_val_loss)


def test_a_kernel_of_its_own_is_cut_to_the_look_back(caplog):
    caplog.set_level("INFO", "kallos_models")
    model = create_model("tcn", {"input_chunk_length": 10, "kernel_size": 30})
    assert model.model_params["kernel_size"] == 9
    assert caplog.messages == ["tcn: kernels are cut to 9, since they must be shorter than input_chunk_length=10"]


def test_weight_decay_is_adam_s_and_shrinks_weights(market):
    assert create_model("gru", {"weight_decay": 0.01}).model_params["optimizer_kwargs"] == {
        "lr": 1e-3,
        "weight_decay": 0.01,
    }
    plain, decayed = market.fit("gru", max_epochs=20), market.fit("gru", max_epochs=20, weight_decay=0.5)
    norms = [sum(float(p.detach().square().sum()) for p in fit.model.model.parameters()) for fit in (plain, decayed)]
    assert norms[1] < 0.5 * norms[0]


@each_own
def test_what_is_saved_forecasts_the_same_to_the_bit(name, own, market, tmp_path):
    fit = market.fit(name, max_epochs=1, **{own: OWN[name][own][0]})
    save_forecaster([Member(name, fit.hparams, ("a", "b"), fit.model)], tmp_path / "saved")
    (loaded,) = load_forecaster(tmp_path / "saved").members
    assert loaded.hparams == fit.hparams
    np.testing.assert_array_equal(market.forecast(loaded.model).values(), market.forecast(fit.model).values())
    assert f"{name} ({own} {OWN[name][own][0]})" in (tmp_path / "saved" / "model-card.md").read_text()


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("name", available_models())
def test_cards_of_earlier_formats_still_load(name, form, market, tmp_path):
    fit = market.known_fit(name, max_epochs=1)
    folder = save_forecaster([Member(name, fit.hparams, ("a", "b"), fit.model)], tmp_path / "saved")
    card = json.loads((folder / "card.json").read_text())
    assert card["format"] == 3
    assert set(card["members"][0]["hyperparameters"]) == {each.name for each in hyperparameters_of(name)}
    if form == 1:
        for later in ("weight_decay", *OWN.get(name, ())):
            del card["members"][0]["hyperparameters"][later]
    del card["sha256"]
    (folder / "card.json").write_text(json.dumps(card | {"format": form}))

    (loaded,) = load_forecaster(folder).members
    assert loaded.hparams == fit.hparams
    np.testing.assert_array_equal(market.forecast(loaded.model).values(), market.forecast(fit.model).values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_heads": 99}, "n_heads must be a whole number from 1 to 16, not 99"),
        ({"kernel_size": 3}, "'kernel_size' in the hyperparameters of member 0 is nothing that a card of format 3 has"),
        ({"n_heads": None}, "n_heads must be a whole number from 1 to 16, not None"),
    ],
)
def test_a_card_is_checked_by_what_the_architecture_declares(change, message, market, tmp_path):
    fit = market.known_fit("transformer", max_epochs=1)
    folder = save_forecaster([Member("transformer", fit.hparams, ("a", "b"), fit.model)], tmp_path / "saved")
    card = json.loads((folder / "card.json").read_text())
    card["members"][0]["hyperparameters"] |= change
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(OSError, match=r"card\.json") as caught:
        load_forecaster(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", available_models())
@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_is_without_effect_where_there_is_no_layer_to_lie_between(name, layers):
    """What is declared is what the networks do: no module of a GRU or LSTM of one layer drops anything."""
    values = {"n_rnn_layers": layers, "dropout": 0.3, "hidden_dim": 4, "input_chunk_length": 8}
    idle = without_effect(name, values)
    recurrent = name in {"gru", "lstm"}
    assert idle == ({"dropout": "without effect with n_rnn_layers = 1"} if recurrent and layers == 1 else {})
    assert without_effect(name, values | {"dropout": 0.0}) == {}
    meaning = next(facts.meaning for facts in hyperparameters_of(name) if facts.name == "dropout")
    assert ("; without effect where n_rnn_layers is 1." in meaning) == recurrent
