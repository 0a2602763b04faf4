"""What shells leave open of a completion.

bash breaks words at ``:`` and ``=``, zsh and fish take an option and its value for one word where ``=`` joins them, and
the first Tab in zsh gets no answer.
"""

import io
import os
import re
import shlex
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

_ASKED: Final = "_KALLOS_RUN_COMPLETE"
_INSTALL: Final = "--install-completion"
_ZSH_SCRIPT: Final = Path(".zfunc", "_kallos-run")
# zsh runs the file on the first Tab, to which defining a function is no answer.
_ANSWER: Final = '_kallos_run_completion "$@"\n'
# From here on zsh completes what comes after the first of them.
_AFTER_EQUALS: Final = "compset -P 1 '*='; "
_BREAKS: Final = frozenset(":=")
_JOINED: Final = re.compile(r"--[^=]+=")
_SPECIAL: Final = re.compile(r"([^\w@%+,./:=~-])")


@contextmanager
def completing() -> Generator[None]:
    """Stand between a shell and the program in the ``with`` block, where it completes a line or is installed to."""
    try:
        with _whole_words(), _told_as_looked_for():
            yield
    finally:
        if _INSTALL in sys.argv[1:]:
            _let_zsh_answer(Path.home() / _ZSH_SCRIPT)


@contextmanager
def _whole_words() -> Generator[None]:
    """Join the words of the line before the ``with`` block completes it, and tell bash the part that it asks for."""
    if os.environ.get(_ASKED) != "complete_bash" or "COMP_CWORD" not in os.environ:
        yield
        return
    # Its script separates them by line breaks.
    words = os.environ["COMP_WORDS"].split("\n")
    typed, in_quotes = "", False
    if len(words) > 1:
        joined = rejoined(words[: int(os.environ["COMP_CWORD"]) + 1])
        os.environ |= {"COMP_WORDS": "\n".join(joined), "COMP_CWORD": str(len(joined) - 1)}
        typed, in_quotes = joined[-1], joined[-1][:1] in {"'", '"'}
    answer = io.StringIO()
    try:
        with redirect_stdout(answer):
            yield
    finally:
        for line in answer.getvalue().splitlines():
            sys.stdout.write(f"{as_inserted(line, typed, in_quotes=in_quotes)}\n")


@contextmanager
def _told_as_looked_for() -> Generator[None]:
    """Give zsh and fish the answer in the shape in which they look for it."""
    shell = _SHAPED.get(os.environ.get(_ASKED, ""))
    if shell is None:
        yield
        return
    answer = io.StringIO()
    try:
        with redirect_stdout(answer):
            yield
    finally:
        joined = _JOINED.match(last_word(os.environ.get("_TYPER_COMPLETE_ARGS", "")))
        sys.stdout.write(shell(answer.getvalue(), joined[0] if joined else ""))


def for_zsh(answer: str, option: str) -> str:
    """Return the answer that zsh runs, where ``option`` with its ``=`` begins the word."""
    # Two quotes end and begin what stands in single ones, and are gone.
    return (_AFTER_EQUALS if option else "") + answer.replace("''", "'\\''")


def for_fish(answer: str, option: str) -> str:
    """Return the lines that fish compares with the word, where ``option`` with its ``=`` begins the word."""
    return "".join(f"{option}{line}\n" for line in answer.splitlines() if line)


_SHAPED: Final = {"complete_zsh": for_zsh, "complete_fish": for_fish}


def last_word(line: str) -> str:
    """Return the word at the end of a line, without quotes; a quote may be open. It is empty after a blank."""
    for closing in ("", "'", '"'):
        try:
            return shlex.split(f"{line}.{closing}")[-1].removesuffix(".")
        except ValueError:  # a quote is open
            continue
    return ""


def rejoined(words: Sequence[str]) -> list[str]:
    """Return the words as they were typed; an option and its value, which ``=`` may join, are two."""
    found: list[str] = []
    open_word = False
    for word in words:
        if word == "=" and found and found[-1].startswith("--"):
            open_word = False
            found.append("")
        elif word and _BREAKS.issuperset(word) and found:
            open_word = True
            found[-1] += word
        elif open_word or (len(found) > 1 and not found[-1] and found[-2].startswith("--")):
            open_word = False
            found[-1] += word
        else:
            found.append(word)
    return found


def as_inserted(value: str, typed: str, *, in_quotes: bool) -> str:
    """Return what bash puts in the place of the last of its words: the rest of a value, blanks and the like escaped."""
    place = max(map(typed.rfind, _BREAKS)) + 1
    rest = value.removeprefix(typed[:place])
    return rest if in_quotes else _SPECIAL.sub(r"\\\1", rest)


def _let_zsh_answer(script: Path) -> None:
    """Let zsh complete from the first Tab on."""
    if script.is_file() and _ANSWER not in script.read_text(encoding="utf-8"):
        with script.open("a", encoding="utf-8") as file:
            file.write(f"\n{_ANSWER}")
