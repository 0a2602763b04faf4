"""Whatever is changed in a folder, it loads or is refused by our own error; never anything else."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from kallos_models.errors import ModelFileError
from kallos_models.model_files.files import load_forecaster, save_forecaster
from kallos_models.model_files.seal import sealed

HEADER = 1_100  # bytes of the weights that hold their header, about


@pytest.fixture(scope="module")
def saved(market, tmp_path_factory):
    return save_forecaster([market.member("gru", max_epochs=1)], tmp_path_factory.mktemp("saved") / "best")


def mutated(content, rng) -> bytes:
    """Return bytes with a few of them changed, left out or put in twice."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at, length = int(rng.integers(len(changed))), int(rng.integers(1, 9))
        piece = bytes(changed[at : at + length])
        changed[at : at + length] = (bytes([rng.integers(256)]), b"", piece * 2)[rng.integers(3)]
    return bytes(changed)


def change_card(folder, rng):
    path = folder / "card.json"
    path.write_bytes(mutated(path.read_bytes(), rng))


def change_header(folder, rng):
    """Change the header of the weights, and have size, checksum and seal fit."""
    path, card = folder / "weights.safetensors", folder / "card.json"
    content = path.read_bytes()
    content = mutated(content[:HEADER], rng) + content[HEADER:]
    path.write_bytes(content)
    values = json.loads(card.read_text())
    values["weights"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    card.write_text(json.dumps(sealed(values)))


def refusal(folder) -> str | None:
    """Return what loading is refused with, None where it is not."""
    try:
        load_forecaster(folder)
    except ModelFileError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("seed", "n_changed"), [(0, 50), pytest.param(1, 500, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("change", [change_card, change_header])
def test_it_loads_or_is_refused_in_one_line(change, seed, n_changed, saved, tmp_path):
    rng = np.random.default_rng(seed)
    refusals = []
    for index in range(n_changed):
        folder = tmp_path / str(index)
        shutil.copytree(saved, folder)
        change(folder, rng)
        refusals.append(refusal(folder))
        assert refusals[-1] is None or ("\n" not in refusals[-1] and len(refusals[-1]) < 600)
    # A few changes are harmless, such as one of a space.
    assert sum(each is None for each in refusals) < n_changed / 2
