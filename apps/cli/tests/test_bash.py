"""Tab in a real bash: installed as the help says, typed at a terminal, with names that bash breaks or takes apart."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import optuna
import pytest
from warm_commands import SCRIPT

from kallos_cli.bash_words import as_inserted, rejoined
from kallos_tune import open_storage

BASH = shutil.which("bash")
PROMPT = b"READY>"


class Terminal:
    """An interactive bash, read until something appears."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execve(str(BASH), ["bash", "-i"], variables)
        self.shown = b""

    def press(self, keys: str, until: bytes, seconds: float = 30) -> bytes:
        """Press keys, and return what was shown from then on until something appears, or nothing for so long."""
        begin, deadline = len(self.shown), time.monotonic() + seconds
        os.write(self.terminal, keys.encode())
        while until not in self.shown[begin:] and time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.shown += os.read(self.terminal, 65536)
        return self.shown[begin:]

    def close(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


@pytest.fixture
def bash(tmp_path, database):
    if BASH is None:
        pytest.skip("there is no bash here")
    for name in ("gru_btc", "a:b", "my study"):
        optuna.create_study(study_name=name, storage=open_storage(f"sqlite:///{database}"))
    home = tmp_path / "home"
    home.mkdir()
    variables = {"HOME": str(home), "PATH": f"{SCRIPT.parent}:/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    install = [SCRIPT, "--install-completion", "bash"]
    shell = variables | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    subprocess.run(install, env=shell, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    with (home / ".bashrc").open("a") as file:
        file.write(f"PS1='{PROMPT.decode()} '\nbind 'set enable-bracketed-paste off'\n")
    terminal = Terminal(tmp_path, variables)
    terminal.press("", PROMPT)
    yield terminal
    terminal.close()


def test_tab_offers_what_the_database_holds(bash):
    # Each line is taken back with Ctrl-U; what is echoed is the line as Tab leaves it.
    for typed, completed in (
        ("study show gr", "study show gru_btc "),
        ("study show --db-url sqlite:///kallos.db gr", "kallos.db gru_btc "),
        ("study show --db-url=sqlite:///kallos.db gr", "kallos.db gru_btc "),
        ("tune --market-table=daily_m", "--market-table=daily_market_data "),
        ("tune --asset-id ", "--asset-id BTC "),
        ("study show a:", "study show a:b "),
        ("study show my", "study show my\\ study "),
        ("study show my\\ s", "study show my\\ study "),
        ("study show 'my s", "study show 'my study' "),
        ("study sho", "study show "),
    ):
        shown = bash.press(f"kallos-run {typed}\t", completed.encode())
        assert completed.encode() in shown, typed
        bash.press("\x15", b"", 0.2)


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["k", "study", ""], ["k", "study", ""]),
        (["k", "--db-url", "sqlite", ":", "///x.db", "a"], ["k", "--db-url", "sqlite:///x.db", "a"]),
        (["k", "--db-url", "=", "sqlite", ":", "///x.db", "a"], ["k", "--db-url", "sqlite:///x.db", "a"]),
        (["k", "--x", "postgresql", ":", "//me", ":", "pw@h", ":", "1/x"], ["k", "--x", "postgresql://me:pw@h:1/x"]),
        (["k", "--features", "="], ["k", "--features", ""]),
        (["k", "--features", "=", "x"], ["k", "--features", "x"]),
        ([""], [""]),
        ([":"], [":"]),
        (["k", "a", ":"], ["k", "a:"]),
        (["k", "x", "=", "y"], ["k", "x=y"]),
    ],
)
def test_words_are_joined_as_they_were_typed(words, whole):
    assert rejoined(words) == whole


@pytest.mark.parametrize(
    ("value", "typed", "inserted"),
    [
        ("gru_btc", "gr", "gru_btc"),
        ("ETH/USDT:USDT", "ETH", "ETH/USDT:USDT"),
        ("ETH/USDT:USDT", "ETH/USDT:U", "USDT"),
        ("it's (1) & $x", "", "it\\'s\\ \\(1\\)\\ \\&\\ \\$x"),
        ("größe", "g", "größe"),
    ],
)
def test_bash_is_told_the_part_that_it_asks_for(value, typed, inserted):
    assert as_inserted(value, typed, in_quotes=False) == inserted
