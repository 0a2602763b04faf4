"""The live view on a pseudo-terminal: what it shows there, what Ctrl-C leaves behind, and where there is none."""

import os
import pty
import re
import select
import signal
import time

import pytest

from kallos_cli import output
from kallos_cli.live_display import watching
from kallos_cli.progress import Watch

SHOW, HIDE = b"\x1b[?25h", b"\x1b[?25l"
LONG = ("--max-epochs", "60", "--patience", "60", "--n-trials", "1", "--pruner", "none", "--workers", "1")


class Terminal:
    """A pseudo-terminal that somebody looks at."""

    def __init__(self) -> None:
        self.leader, self.follower = pty.openpty()
        self.shown = b""

    def read(self, until: bytes | None = None, seconds: float = 60) -> bytes:
        """Return all that was shown, up to some words or to the end."""
        deadline = time.monotonic() + seconds
        while until is None or until not in self.shown:
            assert select.select([self.leader], [], [], max(0.0, deadline - time.monotonic()))[0], self.shown
            try:
                part = os.read(self.leader, 65536)
            except OSError:  # a pseudo-terminal ends with an error once nobody writes to it
                part = b""
            if not part:
                assert until is None, self.shown
                break
            self.shown += part
        return self.shown


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    os.close(terminal.leader)


@pytest.fixture
def start(start_kallos_run, terminal, monkeypatch):
    """Return a function that starts ``kallos-run`` with its words on the terminal."""

    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, cold=False, **variables):
        variables = {"LANG": "C.UTF-8"} | variables
        process = start_kallos_run(*arguments, cold=cold, variables=variables, stderr=terminal.follower)
        os.close(terminal.follower)
        return process

    return run


def plain(shown: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_the_live_display_on_a_terminal(start, terminal, tune_arguments, database):
    process = start(*tune_arguments, "--n-trials", "1")
    shown = terminal.read()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    text = plain(shown)
    assert re.search(r"0 of 1 finished [━─]+", text)
    assert re.search(r"trial 0  fold 2 of 2  epoch 1 of 1  loss [0-9.]+ +▁", text)
    assert re.search(r"best rmse none yet, naive 0\.0\d+", text)
    assert "elapsed" in text
    assert "Best parameters" in out
    assert "\x1b" not in out
    assert shown.rindex(SHOW) > shown.rindex(HIDE)


def test_ctrl_c_leaves_the_terminal_as_it_was(start, terminal, tune_arguments, database):
    process = start(*tune_arguments, *LONG, NO_COLOR="1")
    terminal.read(b"epoch")
    os.killpg(process.pid, signal.SIGINT)
    shown = terminal.read()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert shown.count(HIDE) >= 1
    after = shown[shown.rindex(SHOW) :]
    assert HIDE not in after
    # Nothing of the view is left: what is said last stands on lines of its own, from the first column on.
    lines = plain(after).replace("\r", "").strip().splitlines()
    assert lines[0].startswith("interrupted: trial 0 is recorded as interrupted")
    assert "resume with:" in lines
    assert shown.endswith(b"\n")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", shown)


def test_lines_where_the_terminal_cannot_be_drawn_on(start, terminal, tune_arguments, database):
    process = start(*tune_arguments, "--n-trials", "1", TERM="dumb")
    shown = terminal.read()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"\x1b[" not in shown
    assert "trial 0, fold 2 of 2: error" in plain(shown)


@pytest.mark.nightly
def test_ascii_alone_where_the_terminal_has_nothing_else(start, terminal, tune_arguments, database):
    process = start(*tune_arguments, "--n-trials", "1", cold=True, PYTHONIOENCODING="ascii")
    shown = terminal.read()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert shown.isascii()
    assert b"\\u" not in shown
    assert re.search(r"0 of 1 finished [#-]{20,}", plain(shown))


def test_lines_in_a_log_whoever_asks_for_colour(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    output.words.cache_clear()
    try:
        with watching(quiet=False, max_epochs=1, workers=1) as watch:
            assert type(watch) is Watch
    finally:
        output.words.cache_clear()
    assert capsys.readouterr().err == ""
