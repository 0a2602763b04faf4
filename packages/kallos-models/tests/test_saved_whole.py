"""A save is killed, or fails, at every one of its steps: the folder holds the old forecaster or the new one, whole."""

import fcntl
import hashlib
import os
import shutil
import signal
import sys
import threading
import time

import pytest

from kallos_models.errors import ModelFileError
from kallos_models.model_files import files, reading
from kallos_models.model_files import folder as folders
from kallos_models.model_files.card import read_card
from kallos_models.model_files.files import load_forecaster, save_forecaster
from kallos_models.model_files.ordinary_files import open_ordinary

DONE, REFUSED, SAVED_NEVERTHELESS = 0, 3, 4


@pytest.fixture(scope="module")
def members(market):
    return [market.member("tide", max_epochs=1, n_rnn_layers=1)]


@pytest.fixture
def quick(members, monkeypatch):
    """Save and load without building the networks a hundred times: the files are checked against the card."""
    cards = [files.card_of("member 0", members[0])]
    monkeypatch.setattr(files, "card_of", lambda *_: cards[0])

    def read(folder):
        card = read_card(folder / "card.json")
        with open_ordinary(folder / card.weights.file) as file:
            content = file.read()
        assert hashlib.sha256(content).hexdigest() == card.weights.sha256
        assert (folder / "model-card.md").read_text().startswith("# ")
        return files.SavedForecaster((), card.about, card.versions, card.weights.sha256)

    monkeypatch.setattr(files, "_read", read)


def save_in_a_child(members, folder, step, act):
    """Save in a forked process, which acts at the given step in the file system; return how it ended.

    A step is what Python tells its audit hooks about a path in the folder's parent: something is opened, made, renamed
    or removed. Hooks cannot be taken away again, so each has a process of its own.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def watch(event, arguments):
        nonlocal seen
        if event.partition(".")[0] not in ("open", "os", "shutil"):
            return
        if not any(isinstance(each, str | os.PathLike) and str(folder.parent) in os.fspath(each) for each in arguments):
            return
        seen += 1
        if seen == step:
            act()

    status = 1
    try:
        sys.addaudithook(watch)
        save_forecaster(members, folder, about={"save": "new"}, overwrite=True)
        status = DONE if seen < step else SAVED_NEVERTHELESS
    except ModelFileError:
        status = REFUSED
    finally:
        os._exit(status)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def fill_the_disk():
    raise OSError(28, "No space left on device")


def saves_cut_short(members, folder, act):
    """Yield after a save that was cut short at its first step, its second and so on, until one is not."""
    for step in range(1, 200):
        status = save_in_a_child(members, folder, step, act)
        if status == DONE:
            assert step > 10, "a save takes more steps than that"
            return
        yield step, status
    pytest.fail("a save has no end")


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_killed_at_any_step_of_overwriting_the_old_or_the_new_forecaster_is_whole(members, tmp_path, quick, caplog):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    found, without = [], 0
    for _step, status in saves_cut_short(members, folder, be_killed):
        assert status == -signal.SIGKILL
        without += not folder.exists()
        found.append(load_forecaster(folder).about["save"])
        assert names_in(folder) == ["card.json", "model-card.md", "weights.safetensors"]
        if found[-1] == "new":
            save_forecaster(members, folder, about={"save": "old"}, overwrite=True)
    assert {"old", "new"} == set(found)
    assert found == sorted(found, reverse=True)
    assert load_forecaster(folder).about == {"save": "new"}
    # It was killed between the two renames, and put back by whoever loaded next.
    assert without >= 1
    told = [each for each in caplog.messages if "is put back" in each]
    assert told == [f"a save to {folder} was cut short: the forecaster from before it is put back"] * without


def test_killed_at_any_step_another_save_puts_back_and_replaces(members, tmp_path, quick):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    for _step, status in saves_cut_short(members, folder, be_killed):
        assert status == -signal.SIGKILL
        with pytest.raises(ModelFileError, match="holds a forecaster already"):
            save_forecaster(members, folder, about={"save": "unwanted"})
        save_forecaster(members, folder, about={"save": "again"}, overwrite=True)
        assert load_forecaster(folder).about == {"save": "again"}
    assert not (tmp_path / ".best.before").exists()


def test_killed_at_any_step_of_a_first_save_another_save_succeeds(members, tmp_path, quick):
    folder = tmp_path / "runs" / "best"
    for _step, status in saves_cut_short(members, folder, be_killed):
        assert status == -signal.SIGKILL
        try:
            assert load_forecaster(folder).about == {"save": "new"}
        except ModelFileError as error:
            assert "there is no such folder" in str(error)  # noqa: PT017 - either is right
        save_forecaster(members, folder, about={"save": "again"}, overwrite=True)
        assert load_forecaster(folder).about == {"save": "again"}
        shutil.rmtree(folder)


def test_what_killed_saves_left_is_removed_by_a_later_one_when_it_is_old(members, tmp_path, quick):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    for step, _status in saves_cut_short(members, folder, be_killed):
        if step == 12:
            break
    left = set(names_in(tmp_path)) - {"best"}
    assert len(left) > 2
    (tmp_path / ".best.mine").mkdir()
    save_forecaster(members, folder, overwrite=True)
    assert left <= set(names_in(tmp_path)), "another save may be at work on them"

    long_ago = time.time() - 2 * folders._LEFT_BEHIND_AFTER
    for name in [*left, ".best.mine"]:
        os.utime(tmp_path / name, (long_ago, long_ago))
    save_forecaster(members, folder, overwrite=True)
    assert names_in(tmp_path) == [".best.mine", "best"]


def test_failing_at_any_step_it_says_so_and_leaves_one_whole_forecaster(members, tmp_path, quick):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    found = []
    for _step, status in saves_cut_short(members, folder, fill_the_disk):
        found.append((status, load_forecaster(folder).about["save"]))
        if status == REFUSED:
            assert names_in(tmp_path) == ["best"]
        save_forecaster(members, folder, about={"save": "old"}, overwrite=True)
        assert not (tmp_path / ".best.before").exists()
        for name in set(names_in(tmp_path)) - {"best"}:
            shutil.rmtree(tmp_path / name)
    # What fails once the new forecaster is in place is told in a log line.
    assert set(found) == {(REFUSED, "old"), (SAVED_NEVERTHELESS, "new")}


def test_a_first_save_that_fails_leaves_nothing(members, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_sync", lambda _: fill_the_disk())
    with pytest.raises(ModelFileError) as caught:
        save_forecaster(members, tmp_path / "best")
    assert str(caught.value) == f"cannot save the forecaster in {tmp_path / 'best'}: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_between_the_renames_puts_the_old_one_back(members, tmp_path, quick, monkeypatch):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    rename = type(folder).rename

    def interrupted(path, target):
        if target == folder and path.name != ".best.before":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(type(folder), "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_forecaster(members, folder, about={"save": "new"}, overwrite=True)
    assert names_in(tmp_path) == ["best"]
    assert load_forecaster(folder).about == {"save": "old"}


def test_a_forecaster_overwritten_while_it_is_read_is_read_anew(members, tmp_path, monkeypatch):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    read, n_cards = reading.read_card, 0

    def read_then_overwrite(path):
        nonlocal n_cards
        card = read(path)
        n_cards += 1
        if n_cards == 1:
            save_forecaster(members * 2, folder, about={"save": "new"}, overwrite=True)
        return card

    monkeypatch.setattr(reading, "read_card", read_then_overwrite)
    loaded = load_forecaster(folder)
    assert (loaded.about, len(loaded.members)) == ({"save": "new"}, 2)
    assert n_cards == 2


def test_whoever_loads_between_the_renames_waits_for_the_new_one(members, tmp_path, quick, monkeypatch):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    new = save_forecaster(members, tmp_path / "new", about={"save": "new"})
    waits, found = threading.Event(), []
    lock = fcntl.flock

    def lock_and_tell(descriptor, operation):
        waits.set()
        lock(descriptor, operation)

    with folders._alone_in(tmp_path):
        folder.rename(tmp_path / ".best.before")
        monkeypatch.setattr(fcntl, "flock", lock_and_tell)
        reader = threading.Thread(target=lambda: found.append(load_forecaster(folder).about))
        reader.start()
        assert waits.wait(30)
        new.rename(folder)
    reader.join(30)
    assert found == [{"save": "new"}]
    assert (tmp_path / ".best.before").is_dir()


def test_a_load_that_meets_the_gap_between_the_renames_looks_again(members, tmp_path, quick, monkeypatch):
    folder = save_forecaster(members, tmp_path / "best", about={"save": "old"})
    looked = []

    def too_early_at_first(path):
        looked.append(path)
        if len(looked) == 1:
            folder.rename(tmp_path / ".best.before")
        else:
            folders.put_back(path)

    monkeypatch.setattr(reading, "put_back", too_early_at_first)
    assert load_forecaster(folder).about == {"save": "old"}
    assert looked == [folder, folder]


def test_where_folders_cannot_be_locked_it_saves_nevertheless(members, tmp_path, quick, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    caplog.set_level("DEBUG", "kallos_models")
    folder = save_forecaster(members, tmp_path / "best", about={"save": "new"})
    assert load_forecaster(folder).about == {"save": "new"}
    assert any("cannot be locked" in message for message in caplog.messages)
