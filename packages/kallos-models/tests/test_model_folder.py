"""A save is killed, or fails, at every one of its steps: the folder holds the old forecaster or the new one, whole."""

import json
import os
import signal
import sys
import time

import pytest

from kallos_models import files, model_folder
from kallos_models.errors import ModelFileError
from kallos_models.files import load_forecaster, save_forecaster

DONE, REFUSED, SAVED_NEVERTHELESS = 0, 3, 4


@pytest.fixture(scope="module")
def model(market):
    return market.fit("tide", max_epochs=1, n_rnn_layers=1).model


def save_in_a_child(model, folder, step, act):
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
        save_forecaster(model, folder, about={"save": "new"}, overwrite=True)
        status = DONE if seen < step else SAVED_NEVERTHELESS
    except ModelFileError:
        status = REFUSED
    finally:
        os._exit(status)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def fill_the_disk():
    raise OSError(28, "No space left on device")


def saves_cut_short(model, folder, act):
    """Yield after a save that was cut short at its first step, its second and so on, until one is not."""
    for step in range(1, 200):
        status = save_in_a_child(model, folder, step, act)
        if status == DONE:
            assert step > 10, "a save takes more steps than that"
            return
        yield step, status
    pytest.fail("a save has no end")


@pytest.fixture
def checked_content(monkeypatch):
    """Have a forecaster's files checked against its card, without building the model two hundred times."""
    monkeypatch.setattr(files, "_read", model_folder.check_content)


def in_folder(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_killed_at_any_step_of_overwriting_the_old_or_the_new_forecaster_is_whole(model, tmp_path, checked_content):
    folder = save_forecaster(model, tmp_path / "best", about={"save": "old"})
    found = []
    for _step, status in saves_cut_short(model, folder, be_killed):
        assert status == -signal.SIGKILL
        found.append(load_forecaster(folder).about["save"])
        if found[-1] == "new":
            save_forecaster(model, folder, about={"save": "old"}, overwrite=True)
    assert {"old", "new"} == set(found)
    assert load_forecaster(folder).about == {"save": "new"}


def test_killed_at_any_step_of_a_first_save_another_save_succeeds(model, tmp_path, checked_content):
    folder = tmp_path / "runs" / "best"
    for _step, status in saves_cut_short(model, folder, be_killed):
        assert status == -signal.SIGKILL
        try:
            assert load_forecaster(folder).about == {"save": "new"}
        except ModelFileError as error:
            assert "no forecaster in" in str(error)  # noqa: PT017 - either is right
        save_forecaster(model, folder, about={"save": "again"}, overwrite=True)
        assert load_forecaster(folder).about == {"save": "again"}
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
    assert len(in_folder(folder)) == 2


def test_what_killed_saves_left_is_removed_by_a_later_one_when_it_is_old(model, tmp_path, checked_content):
    folder = save_forecaster(model, tmp_path / "best", about={"save": "old"})
    for step, _status in saves_cut_short(model, folder, be_killed):
        if step == 12:
            break
    (folder / "notes.txt").write_text("mine")
    left = set(in_folder(folder)) - {"notes.txt", "forecaster.json", model_folder.read_card(folder).content}
    assert len(left) > 2
    save_forecaster(model, folder, overwrite=True)
    assert left <= set(in_folder(folder)), "another save may be at work on them"

    long_ago = time.time() - 2 * model_folder._LEFT_BEHIND_AFTER
    for name in left:
        os.utime(folder / name, (long_ago, long_ago))
    save_forecaster(model, folder, overwrite=True)
    assert set(in_folder(folder)) == {"notes.txt", "forecaster.json", model_folder.read_card(folder).content}
    assert (folder / "notes.txt").read_text() == "mine"


def test_failing_at_any_step_it_says_so_and_leaves_one_whole_forecaster(model, tmp_path, checked_content):
    folder = save_forecaster(model, tmp_path / "best", about={"save": "old"})
    found, before = [], in_folder(folder)
    for _step, status in saves_cut_short(model, folder, fill_the_disk):
        found.append((status, load_forecaster(folder).about["save"]))
        if status == REFUSED:
            assert in_folder(folder) == before
        if found[-1][1] == "new":
            save_forecaster(model, folder, about={"save": "old"}, overwrite=True)
        before = in_folder(folder)
    # What fails once the new card is in place is told in a log line.
    assert set(found) == {(REFUSED, "old"), (SAVED_NEVERTHELESS, "new")}


def test_a_first_save_that_fails_leaves_no_folder(model, tmp_path, monkeypatch):
    def fill_disk(path, clean):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", fill_disk)
    with pytest.raises(ModelFileError, match=r"cannot save the forecaster in .*best: No space left on device"):
        save_forecaster(model, tmp_path / "best")
    assert list(tmp_path.iterdir()) == []


def test_a_forecaster_overwritten_while_it_is_read_is_read_anew(model, tmp_path, monkeypatch):
    folder = save_forecaster(model, tmp_path / "best", about={"save": "old"})
    read_card, n_cards = model_folder.read_card, 0

    def read_then_overwrite(path):
        nonlocal n_cards
        card = read_card(path)
        n_cards += 1
        if n_cards == 1:
            save_forecaster(model, folder, about={"save": "new"}, overwrite=True)
        return card

    monkeypatch.setattr(files, "read_card", read_then_overwrite)
    assert load_forecaster(folder).about == {"save": "new"}
    assert n_cards == 2


def test_two_saves_at_once_leave_the_later_one_whole(model, tmp_path, monkeypatch):
    folder = save_forecaster(model, tmp_path / "best", about={"save": "first"})
    publish = model_folder.publish

    def publish_after_another(content, **notes):
        monkeypatch.setattr(files, "publish", publish)
        save_forecaster(model, folder, about={"save": "second"}, overwrite=True)
        publish(content, **notes)

    monkeypatch.setattr(files, "publish", publish_after_another)
    save_forecaster(model, folder, about={"save": "third"}, overwrite=True)
    assert load_forecaster(folder).about == {"save": "third"}
    assert len(in_folder(folder)) == 2


def test_an_empty_folder_is_taken_and_a_file_is_refused(model, tmp_path):
    (tmp_path / "empty").mkdir()
    save_forecaster(model, tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFileError, match="file exists and holds no forecaster: choose another folder"):
        save_forecaster(model, tmp_path / "file", overwrite=True)


def test_a_card_cannot_name_a_content_elsewhere(model, tmp_path):
    folder = save_forecaster(model, tmp_path / "best")
    card = json.loads((folder / "forecaster.json").read_text())
    for content in ("../elsewhere", "", None, "content-0123456789ab/.."):
        (folder / "forecaster.json").write_text(json.dumps({**card, "content": content}))
        with pytest.raises(ModelFileError, match=r"forecaster.json is damaged: it lacks content"):
            load_forecaster(folder)
