"""A card that was changed by hand is refused, whatever was changed in it, before its forecasts are other ones."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from kallos_models import ModelFileError, available_models, hyperparameters_of, load_forecaster, save_forecaster
from kallos_models.model_files.seal import is_as_sealed, sealed

CHANGED = (
    "card.json is damaged: it was changed after it was saved (its SHA-256 is not the one that it names); "
    "copy the folder again from where it was saved, or save the forecaster anew"
)
ABOUT = {"asset": "BTC", "purge": 0, "scaler": {"mean": [0.5, -1e-300], "none": None}, "fine": True}


@pytest.fixture(scope="module")
def folders(market, tmp_path_factory):
    """A forecaster of each architecture, saved."""
    folder = tmp_path_factory.mktemp("saved")
    return {
        name: save_forecaster([market.member(name, max_epochs=1)], folder / name, about=ABOUT)
        for name in available_models()
    }


@pytest.fixture
def changed(folders, tmp_path):
    """Make a copy of a folder whose card is another."""

    def change(name, card):
        for file in folders[name].iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / "card.json").write_text(json.dumps(card, indent=2))
        return tmp_path

    return change


def card_in(folder):
    return json.loads((folder / "card.json").read_text())


def another(value):
    """Return a value of the same kind that lies within the same bounds."""
    match value:
        case None:
            return 2
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value / 2 if value else 0.5
        case _:
            return f"{value}x"


@pytest.mark.parametrize(
    ("name", "hparam"), [(name, facts.name) for name in available_models() for facts in hyperparameters_of(name)]
)
def test_no_hyperparameter_is_changed_by_hand(name, hparam, folders, changed):
    card = card_in(folders[name])
    hparams = card["members"][0]["hyperparameters"]
    hparams[hparam] = another(hparams[hparam])
    with pytest.raises(ModelFileError) as caught:
        load_forecaster(changed(name, card))
    assert str(caught.value).endswith(CHANGED)
    assert "\n" not in str(caught.value)


def places(value, above=()):
    """Yield where each value of a card stands that holds no others."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*above, key))
    else:
        yield above


def test_nothing_else_is_changed_by_hand(folders, changed):
    n_places = 0
    for *above, key in places(card_in(folders["gru"])):
        card = card_in(folders["gru"])
        inside = card
        for each in above:
            inside = inside[each]
        inside[key] = another(inside[key])
        with pytest.raises(ModelFileError):
            load_forecaster(changed("gru", card))
        n_places += 1
    assert n_places > 25


def test_columns_that_change_places_are_seen(folders, changed):
    card = card_in(folders["gru"])
    card["members"][0]["covariates"].reverse()
    with pytest.raises(ModelFileError) as caught:
        load_forecaster(changed("gru", card))
    assert str(caught.value).endswith(CHANGED)
    card = card_in(folders["gru"])
    card["about"] = dict(reversed(card["about"].items()))
    with pytest.raises(ModelFileError):
        load_forecaster(changed("gru", card))


def test_spaces_and_line_ends_may_change(folders, changed):
    folder = changed("gru", card_in(folders["gru"]))
    card = json.dumps(card_in(folder), indent=7, ensure_ascii=False).replace("\n", "\r\n")
    (folder / "card.json").write_bytes(card.encode())
    assert load_forecaster(folder).about == ABOUT


def test_what_the_seal_keeps_from_happening(folders, changed, market):
    """Another number of heads has weights of the same shapes: it loads, and forecasts something else."""
    card = card_in(folders["transformer"])
    card["members"][0]["hyperparameters"]["n_heads"] *= 2
    (member,) = load_forecaster(changed("transformer", sealed(card))).members
    (saved,) = load_forecaster(folders["transformer"]).members
    assert {name: tensor.shape for name, tensor in member.model.model.state_dict().items()} == {
        name: tensor.shape for name, tensor in saved.model.model.state_dict().items()
    }
    assert not np.array_equal(market.forecast(member.model).values(), market.forecast(saved.model).values())


def test_a_seal_is_of_all_but_itself():
    values = {"a": 1.0, "b": ["ü", None]}
    assert sealed(sealed(values)) == sealed(values)
    assert is_as_sealed(sealed(values))
    assert not is_as_sealed(sealed(values) | {"a": 1})
    assert not is_as_sealed(dict(reversed(sealed(values).items())))


def test_what_is_nested_too_deeply_is_refused():
    values = {"a": 1}
    for _ in range(100_000):
        values = {"a": values}
    with pytest.raises(ValueError, match="it is nested too deeply"):
        is_as_sealed({"sha256": "", "values": values})


def test_hyperparameters_of_a_card_are_all_there_are(folders):
    for name, folder in folders.items():
        (member,) = load_forecaster(folder).members
        assert asdict(member.hparams) == card_in(folder)["members"][0]["hyperparameters"]
        assert set(asdict(member.hparams)) == {facts.name for facts in hyperparameters_of(name)}
