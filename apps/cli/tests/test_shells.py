"""Tab in real shells: installed as the help says, typed at a terminal, with names that bash breaks or takes apart."""

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

from kallos_cli.shells import as_inserted, for_fish, for_zsh, last_word, rejoined
from kallos_tune import open_storage

PROMPT = b"READY>"
SET_UP = {
    "bash": (".bashrc", f"PS1='{PROMPT.decode()} '\nbind 'set enable-bracketed-paste off'\n"),
    "zsh": (".zshrc", f"PS1='{PROMPT.decode()} '\nunset zle_bracketed_paste\n"),
    "fish": (".config/fish/config.fish", f"function fish_prompt; echo -n '{PROMPT.decode()} '; end\n"),
}


class Terminal:
    """An interactive shell, read until something appears."""

    def __init__(self, shell: str, folder: Path, variables: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe(shell, [shell, "-i"], variables)
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
def terminal(tmp_path, database):
    """Return a function that opens a terminal with a shell for which completion was installed."""
    for name in ("gru_btc", "a:b", "my study", "it's"):
        optuna.create_study(study_name=name, storage=open_storage(f"sqlite:///{database}"))
    home = tmp_path / "home"
    home.mkdir()
    variables = {"HOME": str(home), "PATH": f"{SCRIPT.parent}:/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    opened = []

    def open_with(shell):
        if shutil.which(shell) is None:
            pytest.skip(f"there is no {shell} here")
        told = variables | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        for _ in range(2):
            subprocess.run(
                [SCRIPT, "--install-completion", shell],
                env=told,
                cwd=tmp_path,
                check=True,
                capture_output=True,
                timeout=60,
            )
        file, lines = SET_UP[shell]
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        with (home / file).open("a") as script:
            script.write(lines)
        opened.append(Terminal(shell, tmp_path, variables))
        opened[0].press("", PROMPT)
        return opened[0]

    yield open_with
    for each in opened:
        each.close()


SEEN = [
    ("study show --db-url=sqlite:///kallos.db gr", "kallos.db gru_btc "),
    ("tune --market-table=daily_m", "--market-table=daily_market_data "),
    ("study show a:", "study show a:b "),
    ("study show my\\ s", "study show my\\ study "),
]
MORE = [
    ("study show gr", "study show gru_btc "),
    ("study show --db-url sqlite:///kallos.db gr", "kallos.db gru_btc "),
    ("tune --asset-id ", "--asset-id BTC "),
    ("study show my", "study show my\\ study "),
    ("study show 'my s", "study show 'my study' "),
    ("study sho", "study show "),
]


@pytest.mark.parametrize("lines", [SEEN, pytest.param(MORE, marks=pytest.mark.nightly)], ids=["some", "more"])
def test_tab_in_bash_offers_what_the_database_holds(terminal, lines):
    bash = terminal("bash")
    # Each line is taken back with Ctrl-U; what is echoed is the line as Tab leaves it.
    for typed, completed in lines:
        shown = bash.press(f"kallos-run {typed}\t", completed.encode())
        assert completed.encode() in shown, typed
        bash.press("\x15", b"", 0.2)


def test_the_first_tab_in_zsh_is_answered(terminal):
    zsh = terminal("zsh")
    for typed, completed in (
        ("study show gr", b"u_btc"),
        ("study show --db-url sqlite:///kallos.db gr", b"u_btc"),
        ("study show --db-url=sqlite:///kallos.db gr", b"u_btc"),
        ("tune --asset-id=", b"BTC "),
        ("tune --market-table=daily_m", b"arket_data "),
        ("study show my", b"\\ study "),
        ("study show it", b"\\'s "),
    ):
        assert completed in zsh.press(f"kallos-run {typed}\t", completed), typed
        zsh.press("\x15", b"", 0.2)


def test_tab_in_fish_offers_what_the_database_holds(terminal):
    fish = terminal("fish")
    # fish shows no more than what changes, word by word.
    for typed, completed in (
        ("study show --db-url=sqlite:///kallos.db gr", b"gru_btc "),
        ("tune --ass", b"--asset-id "),
        ("tune --asset-id=", b"--asset-id=BTC "),
        ("study show my", b"my\\ study "),
    ):
        assert completed in fish.press(f"kallos-run {typed}\t", completed), typed
        fish.press("\x15", b"", 0.2)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", ""),
        ("k tune --a=b", "--a=b"),
        ("k tune --a=b ", ""),
        ("k --a=my\\ st", "--a=my st"),
        ("k --a='my st", "--a=my st"),
        ("k --a=\"it's a", "--a=it's a"),
        ("k --a=b\\", "--a=b"),
        ("k 'x' \"y\" z.", "z."),
    ],
)
def test_the_last_word_is_what_is_typed_of_it(line, word):
    assert last_word(line) == word


def test_an_option_and_its_value_may_be_one_word():
    assert for_fish("BTC\nETH\tEther\n\n", "--asset-id=") == "--asset-id=BTC\n--asset-id=ETH\tEther\n"
    assert for_fish("--asset-id\tAsset\n", "") == "--asset-id\tAsset\n"
    answer = "_arguments '*: :((\"BTC\":\"Bitcoin''s\"))'\n"
    assert for_zsh(answer, "") == "_arguments '*: :((\"BTC\":\"Bitcoin'\\''s\"))'\n"
    assert for_zsh(answer, "--asset-id=") == f"compset -P 1 '*='; {for_zsh(answer, '')}"


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
