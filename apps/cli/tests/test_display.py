"""A live display on a terminal, and a reader that leaves."""

import os
import pty
import re


def test_the_live_display_on_a_terminal(start_kallos_run, tune_arguments, database):
    leader, follower = pty.openpty()
    process = start_kallos_run(*tune_arguments, "--n-trials", "1", stderr=follower)
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # a pseudo-terminal ends with an error once nobody writes to it
        pass
    os.close(leader)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "━" in text
    assert "fold 2 of 2, epoch 1 of at most 1, validation loss" in text
    assert re.search(r"best rmse none yet, naive 0\.0\d+", text)
    assert "elapsed, about" in text
    assert "Best parameters" in out
    assert "\x1b" not in out


def test_a_reader_that_leaves_is_no_error(start_kallos_run, database):
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start_kallos_run("study", "list", "--json", stdout=write_end)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
