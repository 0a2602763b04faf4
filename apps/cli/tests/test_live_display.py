"""What a running study shows: on a terminal, in lines, for several trials at a time, and to a reader that leaves."""

import io
import math
import os
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from kallos_cli.glyphs import ASCII, BLOCKS, bar, sparkline
from kallos_cli.live_display import LiveWatch
from kallos_cli.progress import Watch
from kallos_tune import EpochFinished, FoldFinished, StudyOpened, TrialFinished, TrialStarted


def opened(n_trials: int, n_finished: int = 0) -> StudyOpened:
    return StudyOpened(
        study_name="s",
        metric="rmse",
        n_trials=n_trials,
        n_finished=n_finished,
        n_rows=300,
        n_features=3,
        n_folds=2,
        first="2019-01-01T00:00:00",
        last="2019-12-31T00:00:00",
        best_score=None,
        naive_score=0.04,
    )


def finished(trial: int, score: float | None, n_finished: int, best: float | None = None) -> TrialFinished:
    state, reason = ("FAIL", "it broke") if score is None else ("COMPLETE", None)
    return TrialFinished(trial, state, score, None, reason, 12.0, best or score, n_finished, 4)


def pruned(trial: int, where: str, n_finished: int) -> TrialFinished:
    return TrialFinished(trial, "PRUNED", 0.5, where, None, 1.0, 0.03, n_finished, 4)


def test_filled_steps_of_each_fold_are_said(capsys):
    Watch()(replace(opened(4), n_filled=((0, 0), (3, 1), (4, 0))))
    said = (
        "filled steps, neither trained on nor scored: 3 of training and 1 of validation in fold 2, 4 of training and "
    )
    assert said + "0 of validation in fold 3" in capsys.readouterr().err
    Watch()(replace(opened(4), n_filled=((0, 0), (0, 0))))
    assert "filled" not in capsys.readouterr().err


def test_lines_of_trials_that_overlap(capsys):
    watch = Watch()
    for event in (
        opened(4),
        TrialStarted(5, {}),
        TrialStarted(6, {}),
        FoldFinished(6, 1, 2, 0.03, 0.04, 7, 3.0),
        EpochFinished(5, 1, 2, 1, 0.5),
        finished(6, 0.03, 1),
        TrialStarted(7, {}),
        finished(5, None, 1),
        # Told in another order than counted: another worker was at its end at the same time.
        finished(7, 0.02, 3, best=0.01),
        finished(8, 0.01, 2, best=0.01),
    ):
        watch(event)
    lines = capsys.readouterr().err.splitlines()
    assert lines[2:] == [
        "trial 5 begins, 0 of 4 finished",
        "trial 6 begins, 0 of 4 finished",
        "trial 6, fold 1 of 2: error 0.03, naive 0.04, 7 epochs, 3.0 s",
        "trial 6: score 0.03 (best so far), 12.0 s; 1 of 4 finished",
        "trial 7 begins, 1 of 4 finished",
        "trial 7: score 0.02 (best so far), 12.0 s; 3 of 4 finished",
        "trial 8: score 0.01, 12.0 s; 3 of 4 finished",
    ]
    assert (watch.n_finished, watch.n_run, watch.running) == (3, 3, set())


PARAMS = {
    "hidden_dim": 64,
    "n_rnn_layers": 2,
    "dropout": 0.123456,
    "batch_size": 128,
    "input_chunk_length": 50,
    "learning_rate": 0.001234567,
}
LOSSES = (1.2, 1.0, 0.9, 0.85, 0.8, 0.79, 0.8, 0.78, 0.77, 0.775)


class Live:
    """A live view whose clock is set, and whatever terminal shows it."""

    def __init__(self, workers: int = 2, max_epochs: int = 100) -> None:
        self.now = 0.0
        self.watch = LiveWatch(lines=False, workers=workers, max_epochs=max_epochs, clock=lambda: self.now)

    def tell(self, seconds: float, *events) -> None:
        self.now = seconds
        for event in events:
            self.watch(event)

    def lines(self, width: int = 120, height: int = 24, encoding: str = "utf-8") -> list[str]:
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        console = Console(file=file, width=width, height=height, force_terminal=True, color_system=None)
        console.print(self.watch)
        file.flush()
        shown = file.buffer.getvalue().decode(encoding).splitlines()
        return [line.rstrip() for line in shown]


@pytest.fixture(autouse=True)
def speaks_of_blocks(monkeypatch):
    for name in ("LC_ALL", "LC_CTYPE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def losses_of(trial: int, fold: int, losses=LOSSES):
    return [EpochFinished(trial, fold, 5, epoch, loss) for epoch, loss in enumerate(losses, start=1)]


@pytest.fixture
def busy() -> Live:
    """Return a view of a study in its middle."""
    view = Live()
    view.tell(0, replace(opened(50, n_finished=4), n_pruned=2))
    view.tell(20, TrialStarted(12, {}), TrialStarted(13, {}), *losses_of(12, 1), *losses_of(12, 2, LOSSES[:3]))
    done = finished(11, 0.02884, 12, best=0.02884)
    view.tell(100, replace(done, n_pruned=5, n_failed=1, best_trial=7, best_params=PARAMS), *losses_of(13, 1))
    return view


def test_snapshot_at_80_columns(busy):
    assert busy.lines(80) == [
        "12 of 50 finished ━━━━━━━─────────────────────── about 6 min 7 s left",
        "  trial 12  fold 2 of 5  epoch   3 of 100  loss 0.9       █▃▁",
        "  trial 13  fold 1 of 5  epoch  10 of 100  loss 0.775     █▅▃▂▁▁▁▁▁▁",
        "  best rmse 0.02884 (trial 7), naive 0.04",
        "    hidden_dim 64, n_rnn_layers 2, dropout 0.1235, batch_size 128,",
        "    input_chunk_length 50, learning_rate 0.001235",
        "  7 complete, 5 pruned, 1 failed, 6.2 trials a minute, 1 min 40 s elapsed",
    ]


def test_what_was_interrupted_does_not_look_like_a_fault(busy):
    busy.tell(100, replace(finished(14, 0.03, 13), n_pruned=5, n_failed=1, n_interrupted=2, n_abandoned=3))
    assert busy.lines(120)[-1].startswith("  8 complete, 5 pruned, 1 failed, 2 interrupted, 3 abandoned, ")
    assert busy.lines(40)[-1] == "  8 complete, 1 failed, 3 abandoned"


def test_snapshot_at_40_columns(busy):
    assert busy.lines(40) == [
        "12/50 ━━━━────────────── 6 min 7 s left",
        "  12  fold 2/5  epoch   3  0.9    █▃▁",
        "  13  fold 1/5  epoch  10  0.775  █▃▁▁▁",
        "  best 0.02884, naive 0.04",
        "    hidden_dim 64, n_rnn_layers 2,",
        "    dropout 0.1235, batch_size 128,",
        "    input_chunk_length 50,",
        "    learning_rate 0.001235",
        "  7 complete, 5 pruned, 1 failed",
    ]


@pytest.mark.parametrize(("n_finished", "rate"), [(3, "1.0"), (5, "1.7"), (9, "3.0"), (29, "9.7"), (30, "10")])
def test_the_pace_has_its_decimals_in_narrow_terminals_too(n_finished, rate):
    view = Live()
    view.tell(0, opened(500), TrialStarted(0, {}))
    view.tell(180, finished(0, 0.03, n_finished))
    assert view.lines(80)[-1].endswith(f", {rate} trials a minute, 3 min 0 s elapsed")
    assert view.lines(40)[-1].endswith(f", {rate}/min")


def test_ascii_where_the_terminal_has_no_blocks(busy, monkeypatch):
    lines = busy.lines(80, encoding="ascii")
    assert lines[0].startswith("12 of 50 finished #####")
    assert lines[2].endswith("#=-:......")
    monkeypatch.setenv("LC_ALL", "C")
    assert busy.lines(80) == lines
    assert busy.lines(80, encoding="latin-1") == lines


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 24])
def test_no_line_is_broken_and_none_too_many_in_any_terminal(busy, height, encoding):
    for width in (*range(1, 13), 20, 21, 24, 25, 26, 32, 39, 40, 41, 60, 79, 80, 129):
        lines = busy.lines(width, height, encoding)
        assert len(lines) <= max(1, height - 1)
        assert max(map(len, lines)) < max(2, width)


def test_a_terminal_lower_than_there_are_workers():
    view = Live(workers=12)
    view.tell(0, opened(50), *(TrialStarted(number, {}) for number in range(12)))
    assert view.lines(80, height=8) == [
        "0 of 50 finished ──────────────────────────────",
        *(f"  trial {number}  fold 1 of 2  begins" for number in range(5)),
        "  … and 7 more",
    ]
    assert len(view.lines(80, height=24)) == 15


def test_the_view_from_the_opening_to_the_end():
    view = Live(max_epochs=10)
    assert view.lines() == ["opening the study…"]
    view.tell(0, opened(9, n_finished=1))
    head, now, best, counts = view.lines()
    assert head.startswith("1 of 9 finished ━━━─")
    assert "left" not in head
    assert now.startswith("  loading the models")
    assert best == "  best rmse none yet, naive 0.04"
    assert counts == "  1 complete, 0 pruned, 0 s elapsed"
    view.tell(5, TrialStarted(3, {}), TrialStarted(4, {}), EpochFinished(4, 2, 2, 5, 0.25))
    assert view.lines()[1:3] == [
        "  trial 3  fold 1 of 2  begins",
        "  trial 4  fold 2 of 2  epoch  5 of 10  loss 0.25      ▁",
    ]
    view.tell(15, EpochFinished(3, 1, 2, 10, 0.5), finished(4, 0.03, 3))
    assert "left" not in view.lines()[0]
    assert view.lines()[-1] == "  3 complete, 0 pruned, 15 s elapsed"
    # Three trials and half of another in 10 s: the loading before is in no trial's time, and 4.5 of the 9 are left.
    view.tell(15, finished(7, 0.03, 4))
    assert view.lines()[0].endswith(" about 13 s left")
    assert view.lines()[2] == "  best rmse 0.03, naive 0.04"
    view.tell(20)
    assert view.lines()[0].endswith(" about 7.9 s left")
    assert view.lines()[-1] == "  4 complete, 0 pruned, 21 trials a minute, 20 s elapsed"
    view.tell(21, finished(3, 0.02, 9))
    assert view.lines()[1] == "  waiting for the next trial…"
    assert view.lines()[0] == f"9 of 9 finished {'━' * 30} about 0 s left"


def test_curves_begin_anew_with_each_fold():
    view = Live()
    view.tell(0, opened(5), *losses_of(0, 1))
    assert view.lines()[1].endswith("█▅▃▂▁▁▁▁▁▁")
    view.tell(1, *losses_of(0, 2, (2.0, 1.0, math.inf, 1.0)))
    assert view.lines()[1].endswith("█▁█▁")


def test_the_best_of_an_earlier_run_and_of_other_workers_is_shown():
    view = Live()
    view.tell(0, replace(opened(5, n_finished=1), best_score=0.03, best_trial=0, best_params={"hidden_dim": 8}))
    assert view.lines()[2:4] == ["  best rmse 0.03 (trial 0), naive 0.04", "    hidden_dim 8"]
    view.tell(1, replace(finished(2, 0.05, 2, best=0.02), best_trial=1, best_params={"hidden_dim": 9}))
    assert view.lines()[2:4] == ["  best rmse 0.02 (trial 1), naive 0.04", "    hidden_dim 9"]
    # Told late, by a worker that did not know of it.
    view.tell(2, replace(finished(3, 0.03, 2, best=0.03), best_trial=0, best_params={"hidden_dim": 8}))
    assert view.lines()[2] == "  best rmse 0.02 (trial 1), naive 0.04"


def test_a_trial_whose_worker_was_killed_leaves_the_display():
    view = Live()
    view.tell(0, opened(5), TrialStarted(0, {}), TrialStarted(1, {}), EpochFinished(1, 1, 2, 1, 0.5))
    view.tell(1, TrialStarted(2, {}))
    assert [line.split()[:2] for line in view.lines()[1:3]] == [["trial", "1"], ["trial", "2"]]


@example([1.7976931348623157e308, -9.9792015476736e291], 2, BLOCKS)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.integers(0, 30),
    st.sampled_from([BLOCKS, ASCII]),
)
def test_a_curve_fits_and_keeps_the_order_of_what_it_draws(values, width, glyphs):
    curve = sparkline(values, width, glyphs)
    assert len(curve) == min(width, len(values))
    assert set(curve) <= set(glyphs.levels)
    if len(values) <= width and values and all(map(math.isfinite, values)):
        order = sorted(range(len(values)), key=values.__getitem__)
        heights = [glyphs.levels.index(curve[place]) for place in order]
        assert heights == sorted(heights)


@given(st.floats(-1, 2), st.integers(0, 50))
def test_a_bar_has_its_width(share, width):
    assert len("".join(bar(share, width, BLOCKS))) == width


def test_a_reader_that_leaves_is_no_error(start_kallos_run, database):
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start_kallos_run("study", "list", "--json", stdout=write_end, cold=True)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
