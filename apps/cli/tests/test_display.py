"""A live display on a terminal, and a reader that leaves."""

import os
import pty
import re
import subprocess

from conftest import SCRIPT, environment


def test_the_live_display_on_a_terminal(tmp_path, tune_arguments, database):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [SCRIPT, *tune_arguments, "--n-trials", "1"],
        cwd=tmp_path,
        env=environment() | {"TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # a pseudo-terminal ends with an error once nobody writes to it
        pass
    out, _ = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "━" in text
    assert "fold 2 of 2, epoch 1 of at most 1, validation loss" in text
    assert re.search(r"best rmse none yet, naive 0\.0\d+", text)
    assert "elapsed, about" in text
    assert b"Best parameters" in out
    assert b"\x1b" not in out


def test_a_reader_that_leaves_is_no_error(tmp_path, database):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [SCRIPT, "study", "list", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")
