"""Lines of results and words: within the terminal there, whole in a pipe."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from kallos_cli import output

SENTENCE = (
    "verdict: no evidence that this model beats a naive forecast (Clark-West p = 0.41): do not trade on it. Errors "
    "1.4 % smaller than the naive forecast's would have shown in 4 of 5 such studies; smaller differences this test "
    "cannot tell"
)
FACTS = {"asset": "BTC", "volume_features": ", ".join(f"volume_{number}" for number in range(20))}
TABLE = (["study", "model", "verdict"], [["gru_btc", "gru", SENTENCE], ["another", "lstm", None]])


@pytest.fixture
def printed(monkeypatch):
    """Return a function that prints on a terminal of some width, or into a pipe, and returns what was printed."""

    def on(width: int | None) -> list[str]:
        file = io.StringIO()
        console = Console(
            file=file,
            force_terminal=width is not None,
            width=width or 200,
            soft_wrap=True,
            color_system=None,
            highlight=False,
        )
        monkeypatch.setattr(output, "words", lambda: console)
        monkeypatch.setattr(output, "_data", lambda: console)
        output.say(SENTENCE)
        output.complain([SENTENCE, "  " + SENTENCE])
        output.show(SENTENCE)
        output.show_facts(FACTS)
        output.show_table(*TABLE, title=SENTENCE)
        return [line.rstrip() for line in file.getvalue().splitlines()]

    return on


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_wider_than_the_terminal(printed, width):
    lines = printed(width)
    assert max(map(cell_len, lines)) <= width
    # No word is broken, and none is lost.
    assert " ".join(" ".join(lines).split()).startswith(f"{SENTENCE} error: {SENTENCE} {SENTENCE} {SENTENCE} asset")


def test_further_lines_stand_below_the_first_one(printed):
    lines = printed(80)
    first = next(place for place, line in enumerate(lines) if line.startswith("volume_features  "))
    assert lines[first + 1].startswith(" " * len("volume_features  ") + "volume_")


def test_sentences_in_a_pipe_are_lines(printed):
    lines = printed(None)
    assert lines[:4] == [SENTENCE, f"error: {SENTENCE}", f"  {SENTENCE}", SENTENCE]


def test_what_is_to_be_typed_or_opened_is_not_broken(monkeypatch):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=40, soft_wrap=True, color_system=None, highlight=False)
    monkeypatch.setattr(output, "words", lambda: console)
    path = f"/home/me/{'deep/' * 20}report.html"
    output.say(f"written to {path}")
    output.say_commands("Next:", f"kallos-run study report gru_btc --output {path}")
    assert file.getvalue().splitlines() == [
        "written to",
        path,
        "Next:",
        f"  kallos-run study report gru_btc --output {path}",
    ]


@pytest.mark.parametrize("width", [40, 80, 160, None])
def test_columns_without_room_follow_below_and_no_number_is_broken(monkeypatch, width):
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=width is not None, width=width or 200, color_system=None, highlight=False
    )
    monkeypatch.setattr(output, "_data", lambda: console)
    header = ["study", *(f"column{number}" for number in range(12))]
    rows = [["one", *(0.1234 + number for number in range(12))], ["two", *("words of it" for _ in range(12))]]
    output.show_table(header, rows)
    lines = [line.split() for line in file.getvalue().splitlines() if line.strip()]
    n_tables = sum(line[0] == "study" for line in lines)
    assert [word for line in lines for word in line if word.startswith("column")] == header[1:]
    assert [word for line in lines if line[0] == "one" for word in line[1:]] == list(map(output.cell, rows[0][1:]))
    assert n_tables == sum(line[0] == "one" for line in lines)
    assert (n_tables == 1) == (width in (160, None))
    assert max(map(cell_len, file.getvalue().splitlines())) <= (width or 200)


@pytest.mark.parametrize("width", [20, None])
def test_nothing_of_a_long_word_is_lost(monkeypatch, width):
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=width is not None, width=width or 200, color_system=None, highlight=False
    )
    monkeypatch.setattr(output, "_data", lambda: console)
    words = ["".join(f"{sign}{number}" for number in range(60)) for sign in "abcd"]
    output.show_table(["first", "second", "third", "fourth"], [words])
    shown = file.getvalue()
    for sign in "abcd":
        assert shown.count(sign) >= 60
