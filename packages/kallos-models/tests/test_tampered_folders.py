"""Folders that somebody tampered with, and what each is answered.

The answers stand below as they are printed, FOLDER in the place of the folder. As a table: run this file.
"""

import hashlib
import json
import os
import resource
import shutil
import struct
from importlib.metadata import version

import pytest
import torch
from safetensors.torch import load, save

from kallos_models.errors import ModelFileError
from kallos_models.model_files.files import load_forecaster, save_forecaster
from kallos_models.model_files.seal import sealed

AGAIN = "copy the folder again from where it was saved, or save the forecaster anew"


class Folder:
    """A saved forecaster of one GRU, to tamper with by somebody who seals the card anew."""

    def __init__(self, path):
        self.path = path
        self.card, self.weights = path / "card.json", path / "weights.safetensors"

    def edit_card(self, change):
        card = json.loads(self.card.read_text())
        change(card)
        self.card.write_text(json.dumps(sealed(card)))

    def edit_text(self, was, becomes):
        text = self.card.read_text()
        assert text.count(was) == 1
        self.card.write_text(text.replace(was, becomes))

    def set_hparams(self, **values):
        self.edit_card(lambda card: card["members"][0]["hyperparameters"].update(values))

    def write_weights(self, content):
        """Write weights whose size and checksum are the card's."""
        self.weights.write_bytes(content)
        facts = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.edit_card(lambda card: card["weights"].update(facts))

    def edit_tensors(self, change):
        tensors = load(self.weights.read_bytes())
        change(tensors)
        self.write_weights(save(tensors))

    def edit_header(self, change):
        content = self.weights.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        written = json.dumps(change(header) or header).encode()
        self.write_weights(struct.pack("<Q", len(written)) + written + content[8 + length :])

    def write_header(self, text):
        content = self.weights.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        self.write_weights(struct.pack("<Q", len(text)) + text + content[8 + length :])


def without(name):
    return lambda values: values.pop(name) and None


def give_nan(tensors):
    tensors["0.fc.0.bias"][0] = float("nan")


def flip_a_bit(folder):
    content = bytearray(folder.weights.read_bytes())
    content[-1] ^= 1
    folder.weights.write_bytes(content)


def replace_by_a_link(folder):
    folder.weights.rename(folder.path.parent / "elsewhere")
    folder.weights.symlink_to(folder.path.parent / "elsewhere")


def replace_by_a_pipe(folder):
    folder.card.unlink()
    os.mkfifo(folder.card)


def hold_a_foreign_model(folder):
    folder.card.unlink()
    (folder.path / "config.json").write_text('{"model_type": "bert"}')


def lay_one_over_the_other(header):
    header["0.fc.0.weight"]["data_offsets"] = [0, 32]


def claim_a_huge_tensor(header):
    header["0.fc.0.weight"]["shape"] = [2**62, 2**62]


def fill_a_member(folder, **values):
    folder.edit_card(lambda card: card["members"][0].update(values))


def write_nothing_in_it(folder):
    shutil.rmtree(folder.path)
    folder.path.mkdir()


def be_a_file(folder):
    shutil.rmtree(folder.path)
    folder.path.write_text("")


CARD, WEIGHTS = "FOLDER/card.json is damaged:", "FOLDER/weights.safetensors is damaged:"
VERSION = version("kallos-models")
NOT_THOSE = f"{WEIGHTS} its tensors are not those that the card describes:"
TAMPERED = {
    "hidden_dim of a thousand million": (
        lambda folder: folder.set_hparams(hidden_dim=10**9),
        f"{CARD} hidden_dim must be a whole number from 1 to 16384, not 1000000000 (member 0); {AGAIN}",
    ),
    "a thousand million layers": (
        lambda folder: folder.set_hparams(n_rnn_layers=10**9),
        f"{CARD} n_rnn_layers must be a whole number from 1 to 64, not 1000000000 (member 0); {AGAIN}",
    ),
    "a look-back of 10^12": (
        lambda folder: folder.set_hparams(input_chunk_length=10**12),
        f"{CARD} input_chunk_length must be a whole number from 1 to 100000, not 1000000000000 (member 0); {AGAIN}",
    ),
    "everything at its upper bound": (
        lambda folder: folder.set_hparams(
            hidden_dim=16_384, n_rnn_layers=64, input_chunk_length=100_000, output_chunk_length=10_000
        ),
        f"{NOT_THOSE} it lacks the tensor '0.rnn.weight_ih_l2' and 247 more; {AGAIN}",
    ),
    "hidden_dim as text": (
        lambda folder: folder.set_hparams(hidden_dim="8"),
        f"{CARD} hidden_dim must be a whole number from 1 to 16384, not '8' (member 0); {AGAIN}",
    ),
    "hidden_dim as a list of lists": (
        lambda folder: folder.set_hparams(hidden_dim=[[[[{}]]]] * 50),
        (
            f"{CARD} hidden_dim must be a whole number from 1 to 16384, not [[[[{{}}]]], [[[{{}}]]], "
            f"[[[{{}}]]], [[[{{}}]]], [[[{{}}]]], [[[{{}}]]], [[[{{}}]]], [[[{{}}]]]… (member 0); {AGAIN}"
        ),
    ),
    "a learning rate of 1e999": (
        lambda folder: folder.edit_text('"learning_rate": 0.01', '"learning_rate": 1e999'),
        f"{CARD} 1e999 is no finite number; {AGAIN}",
    ),
    "a dropout of NaN": (
        lambda folder: folder.edit_text('"dropout": 0.1', '"dropout": NaN'),
        f"{CARD} NaN is no number of JSON; {AGAIN}",
    ),
    "a seed of 5000 digits": (
        lambda folder: folder.edit_text('"random_state": 0', '"random_state": ' + "9" * 5_000),
        f"{CARD} a whole number has 5000 digits; {AGAIN}",
    ),
    "a hyperparameter missing": (
        lambda folder: folder.edit_card(lambda card: card["members"][0]["hyperparameters"].pop("dropout")),
        f"{CARD} dropout is missing in the hyperparameters of member 0; {AGAIN}",
    ),
    "a hyperparameter too many": (
        lambda folder: folder.set_hparams(loss_fn="os.system"),
        f"{CARD} 'loss_fn' in the hyperparameters of member 0 is nothing that a card of format 3 has; {AGAIN}",
    ),
    "hyperparameters impossible for the architecture": (
        lambda folder: (
            fill_a_member(folder, architecture="tcn"),
            folder.set_hparams(output_chunk_length=10, kernel_size=None),
        ),
        (
            f"{CARD} input_chunk_length must be above 1 and above the 10 steps that a tcn forecasts at "
            f"once, not 10; {AGAIN}"
        ),
    ),
    "an unknown architecture": (
        lambda folder: fill_a_member(folder, architecture="__init__"),
        (
            f"{CARD} the architecture of member 0 must be one of gru, lstm, tcn, tide, transformer, not "
            f"'__init__'; {AGAIN}"
        ),
    ),
    "an unknown likelihood": (
        lambda folder: fill_a_member(folder, likelihood="normal"),
        f"{CARD} the likelihood of member 0 must be one of none, quantile, not 'normal'; {AGAIN}",
    ),
    "the weights of values called quantiles": (
        lambda folder: fill_a_member(folder, likelihood="quantile"),
        f"{NOT_THOSE} its tensor '0.fc.0.weight' is F32 [1, 8] and not F32 [5, 8]; {AGAIN}",
    ),
    "a covariate less": (
        lambda folder: fill_a_member(folder, covariates=["a"]),
        f"{NOT_THOSE} its tensor '0.rnn.weight_ih_l0' is F32 [24, 3] and not F32 [24, 2]; {AGAIN}",
    ),
    "a covariate twice": (
        lambda folder: fill_a_member(folder, covariates=["a", "a"]),
        f"{CARD} covariates of member 0 name one twice; {AGAIN}",
    ),
    "covariates as numbers": (
        lambda folder: fill_a_member(folder, covariates=[1, 2]),
        f"{CARD} a covariate of member 0 must be text, not 1; {AGAIN}",
    ),
    "100000 covariates": (
        lambda folder: fill_a_member(folder, covariates=[str(i) for i in range(10**5)]),
        f"{CARD} covariates of member 0 must be 10000 or fewer, not 100000; {AGAIN}",
    ),
    "no members": (
        lambda folder: folder.edit_card(lambda card: card.update(members=[])),
        f"{CARD} members must be from 1 to 1000, not 0; {AGAIN}",
    ),
    "a member too many": (
        lambda folder: folder.edit_card(lambda card: card["members"].append(card["members"][0])),
        f"{NOT_THOSE} it lacks the tensor '1.rnn.weight_ih_l0' and 9 more; {AGAIN}",
    ),
    "a newer format": (
        lambda folder: folder.edit_card(lambda card: card.update(format=4)),
        f"FOLDER/card.json has format 4 and kallos-models {VERSION} reads 1 to 3: use a newer kallos-models",
    ),
    "a format of True": (
        lambda folder: folder.edit_card(lambda card: card.update(format=True)),
        f"{CARD} format must be from 1 to 3, not True; {AGAIN}",
    ),
    "an older format, which has no seal": (
        lambda folder: folder.edit_card(lambda card: card.update(format=2)),
        f"{CARD} 'sha256' is nothing that a card of format 2 has; {AGAIN}",
    ),
    "a hyperparameter changed by hand": (
        lambda folder: folder.edit_text('"dropout": 0.1', '"dropout": 0.2'),
        f"{CARD} it was changed after it was saved (its SHA-256 is not the one that it names); {AGAIN}",
    ),
    "a card without its seal": (
        lambda folder: folder.edit_text('"sha256": "' + json.loads(folder.card.read_text())["sha256"], '"was": "'),
        f"{CARD} sha256 is missing; {AGAIN}",
    ),
    "a card of another kind": (
        lambda folder: folder.edit_card(without("kind")),
        "FOLDER/card.json is no card of a forecaster: choose a folder that a forecaster was saved in",
    ),
    "a card without about": (lambda folder: folder.edit_card(without("about")), f"{CARD} about is missing; {AGAIN}"),
    "a card cut short": (
        lambda folder: folder.card.write_bytes(folder.card.read_bytes()[:200]),
        (
            f"{CARD} it is no JSON (Expecting property name enclosed in double quotes: line 10 column "
            f"24 (char 200)); {AGAIN}"
        ),
    ),
    "a card that is no JSON object": (
        lambda folder: folder.card.write_text("[]"),
        f"{CARD} it is no JSON object; {AGAIN}",
    ),
    "a card in another encoding": (
        lambda folder: folder.card.write_bytes(b"\xff\xfe{\x00}\x00"),
        f"{CARD} it is no text in UTF-8; {AGAIN}",
    ),
    "a card nested 100000 deep": (
        lambda folder: folder.card.write_text("[" * 100_000),
        f"{CARD} it is nested too deeply; {AGAIN}",
    ),
    "a name twice in the card": (
        lambda folder: folder.card.write_text('{"kind": 1, "kind": 2}'),
        f"{CARD} it names 'kind' twice; {AGAIN}",
    ),
    "a card of 5 MiB": (
        lambda folder: folder.card.write_bytes(b" " * 5 * 2**20),
        f"{CARD} it has 5242880 bytes, and no card has more than 4194304; {AGAIN}",
    ),
    "no card": (
        lambda folder: folder.card.unlink(),
        "no forecaster in FOLDER: it holds no card.json; give a folder that a forecaster was saved in",
    ),
    "a pipe for a card": (replace_by_a_pipe, f"{CARD} it is no ordinary file; {AGAIN}"),
    "weights elsewhere": (
        lambda folder: folder.edit_card(lambda card: card["weights"].update(file="../../etc/passwd")),
        f"{CARD} the file of the weights must be 'weights.safetensors', not '../../etc/passwd'; {AGAIN}",
    ),
    "a link for weights": (
        replace_by_a_link,
        "FOLDER/weights.safetensors is a link: copy the file itself into the folder",
    ),
    "no weights": (
        lambda folder: folder.weights.unlink(),
        f"no forecaster in FOLDER: it holds no weights.safetensors; {AGAIN}",
    ),
    "weights cut short": (
        lambda folder: folder.weights.write_bytes(folder.weights.read_bytes()[:-1]),
        f"{WEIGHTS} it has 3795 bytes and 3796 were saved; {AGAIN}",
    ),
    "weights cut short, and the card says so": (
        lambda folder: folder.write_weights(folder.weights.read_bytes()[:-1]),
        f"{WEIGHTS} it has 3795 bytes and its tensors end at 3796; {AGAIN}",
    ),
    "bytes after the weights": (
        lambda folder: folder.write_weights(folder.weights.read_bytes() + b"more"),
        f"{WEIGHTS} it has 3800 bytes and its tensors end at 3796; {AGAIN}",
    ),
    "a bit flipped": (
        flip_a_bit,
        f"{WEIGHTS} its content is not what was saved (its SHA-256 is not the card's); {AGAIN}",
    ),
    "a checksum that is none": (
        lambda folder: folder.edit_card(lambda card: card["weights"].update(sha256="0x12")),
        f"{CARD} sha256 must be 64 hexadecimal digits, not '0x12'; {AGAIN}",
    ),
    "a header of 2^63 bytes": (
        lambda folder: folder.write_weights(struct.pack("<Q", 2**63) + b"{}"),
        f"{WEIGHTS} its header would have 9223372036854775808 bytes, in a file of 10; {AGAIN}",
    ),
    "weights of 4 bytes": (
        lambda folder: folder.write_weights(b"abcd"),
        f"{WEIGHTS} its header would have 1684234849 bytes, in a file of 4; {AGAIN}",
    ),
    "a header that is no JSON": (
        lambda folder: folder.write_header(b"\x80\x04pickle"),
        f"{WEIGHTS} its header cannot be read (it is no text in UTF-8); {AGAIN}",
    ),
    "a pickle for weights": (
        lambda folder: folder.write_weights(b"\x80\x04\x95\x1d\x00\x00\x00\x00" * 20),
        f"{WEIGHTS} its header would have 496305280 bytes, in a file of 160; {AGAIN}",
    ),
    "a tensor missing": (
        lambda folder: folder.edit_tensors(without("0.fc.0.bias")),
        f"{NOT_THOSE} it lacks the tensor '0.fc.0.bias'; {AGAIN}",
    ),
    "a tensor too many": (
        lambda folder: folder.edit_tensors(lambda tensors: tensors.update(extra=torch.zeros(2))),
        f"{NOT_THOSE} it has one tensor too many, 'extra'; {AGAIN}",
    ),
    "a tensor named twice": (
        lambda folder: folder.write_header(b'{"0.fc.0.bias": {}, "0.fc.0.bias": {}}'),
        f"{WEIGHTS} its header cannot be read (it names '0.fc.0.bias' twice); {AGAIN}",
    ),
    "a tensor of another shape": (
        lambda folder: folder.edit_tensors(lambda tensors: tensors.update({"0.fc.0.bias": torch.zeros(2)})),
        f"{NOT_THOSE} its tensor '0.fc.0.bias' is F32 [2] and not F32 [1]; {AGAIN}",
    ),
    "a tensor of doubles": (
        lambda folder: folder.edit_tensors(lambda tensors: tensors.update({"0.fc.0.bias": torch.zeros(1).double()})),
        f"{NOT_THOSE} its tensor '0.fc.0.bias' is F64 [1] and not F32 [1]; {AGAIN}",
    ),
    "a tensor of half precision": (
        lambda folder: folder.edit_tensors(lambda tensors: tensors.update({"0.fc.0.bias": torch.zeros(1).half()})),
        f"{WEIGHTS} its tensor '0.fc.0.bias' is of the type 'F16', which no architecture has; {AGAIN}",
    ),
    "a tensor of 2^124 elements": (
        lambda folder: folder.edit_header(claim_a_huge_tensor),
        (
            f"{NOT_THOSE} its tensor '0.fc.0.weight' is F32 [4611686018427387904, 4611686018427387904] "
            f"and not F32 [1, 8]; {AGAIN}"
        ),
    ),
    "a tensor that lies over another": (
        lambda folder: folder.edit_header(lay_one_over_the_other),
        f"{WEIGHTS} its tensor '0.fc.0.weight' lies in the bytes [0, 32] and not in [4, 36]; {AGAIN}",
    ),
    "a tensor without offsets": (
        lambda folder: folder.edit_header(lambda header: header["0.fc.0.bias"].pop("data_offsets") and None),
        f"{WEIGHTS} its header does not say what the tensor '0.fc.0.bias' is; {AGAIN}",
    ),
    "a weight that is not finite": (
        lambda folder: folder.edit_tensors(give_nan),
        "FOLDER/weights.safetensors has values in '0.fc.0.bias' that are not finite: train the forecaster anew",
    ),
    "a model of another program": (
        hold_a_foreign_model,
        "no forecaster in FOLDER: it holds no card.json; give a folder that a forecaster was saved in",
    ),
    "an empty folder": (
        write_nothing_in_it,
        "no forecaster in FOLDER: it holds no card.json; give a folder that a forecaster was saved in",
    ),
    "a file for a folder": (be_a_file, "FOLDER is no folder: give the folder that a forecaster was saved in"),
    "no folder": (
        lambda folder: shutil.rmtree(folder.path),
        "no forecaster in FOLDER: there is no such folder; give the one that a forecaster was saved in",
    ),
}


@pytest.fixture(scope="module")
def saved(market, tmp_path_factory):
    return save_forecaster([market.member("gru", max_epochs=1)], tmp_path_factory.mktemp("saved") / "best")


def answer_of(saved, path, tamper) -> str:
    """Return what loading a tampered copy says; the first line of a table row."""
    shutil.copytree(saved, path)
    tamper(Folder(path))
    with pytest.raises(ModelFileError) as caught:
        load_forecaster(path)
    return str(caught.value).replace(str(path), "FOLDER")


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_folder_is_refused_in_one_clear_line(what, saved, tmp_path):
    tamper, expected = TAMPERED[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = answer_of(saved, tmp_path / "best", tamper)

    assert found == expected
    assert "\n" not in found
    assert len(found) < 400
    # Kilobytes: nothing of the size that the card or the header asks for was made.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_the_copy_itself_loads(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "best")
    folder = Folder(tmp_path / "best")
    folder.edit_card(lambda _: None)
    folder.edit_header(lambda _: None)
    assert len(load_forecaster(folder.path).members) == 1


def test_no_other_loader_is_tried(saved, tmp_path, monkeypatch):
    """What safetensors itself refuses is refused, and its error is ours."""
    from safetensors import SafetensorError

    from kallos_models.model_files import weights

    def refuse(_):
        raise SafetensorError("header too odd")

    monkeypatch.setattr(weights, "load", refuse)
    found = answer_of(saved, tmp_path / "best", lambda _: None)
    assert found == f"{WEIGHTS} safetensors cannot read it (header too odd); {AGAIN}"


if __name__ == "__main__":
    for what, (_, answer) in TAMPERED.items():
        print(f"{what}\n    {answer}")  # noqa: T201 - this is what it is run for
