"""What a running study shows: on a terminal, in lines, for several trials at a time, and to a reader that leaves."""

import io
import os
import pty
import re
from dataclasses import replace

import pytest
from rich.console import Console

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


@pytest.fixture
def live():
    """Return a live watch of two workers at time 0, a function that sets the time, and one that renders."""
    now = [0.0]
    watch = LiveWatch(lines=False, workers=2, max_epochs=10, clock=lambda: now[0])

    def at(seconds: float, *events) -> list[str]:
        now[0] = seconds
        for event in events:
            watch(event)
        console = Console(file=io.StringIO(), width=120)
        console.print(watch)
        return [line.strip() for line in console.file.getvalue().splitlines()]

    return at


def test_the_display_of_two_trials_at_a_time(live):
    assert live(0) == ["opening the study…"]
    bar, now, best = live(0, opened(5, n_finished=1))
    assert bar.startswith("1 of 5 finished")
    assert "left" not in bar
    assert now.startswith("loading the models")
    assert best == "best rmse none yet, naive 0.04"
    events = TrialStarted(3, {}), TrialStarted(4, {}), EpochFinished(4, 2, 2, 5, 0.25)
    assert live(5, *events)[1:3] == [
        "trial 3: fold 1, epoch 1",
        "trial 4: fold 2 of 2, epoch 5 of at most 10, validation loss 0.25",
    ]
    # One trial and half of another in 15 s: 10 s each, and 2.5 of the 5 are left.
    lines = live(15, EpochFinished(3, 1, 2, 10, 0.5), finished(4, 0.03, 2))
    assert re.match(r"2 of 5 finished .* elapsed, about 0:00:25 left", lines[0])
    assert lines[1:] == [
        "trial 3: fold 1 of 2, epoch 10 of at most 10, validation loss 0.5",
        "best rmse 0.03, naive 0.04",
    ]
    assert "about 0:00:20 left" in live(20)[0]
    assert live(21, finished(3, 0.02, 5))[:2] == [live(21)[0], "waiting for the next trial…"]
    assert "5 of 5 finished" in live(21)[0]
    assert "about 0:00:00 left" in live(30)[0]


def test_a_trial_whose_worker_was_killed_leaves_the_display(live):
    live(0, opened(5), TrialStarted(0, {}), TrialStarted(1, {}), EpochFinished(1, 1, 2, 1, 0.5))
    lines = live(1, TrialStarted(2, {}))
    assert [line.partition(":")[0] for line in lines[1:-1]] == ["trial 1", "trial 2"]


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
    assert "trial 0: fold 2 of 2, epoch 1 of at most 1, validation loss" in text
    assert re.search(r"best rmse none yet, naive 0\.0\d+", text)
    assert "elapsed" in text
    assert "Best parameters" in out
    assert "\x1b" not in out


def test_a_reader_that_leaves_is_no_error(start_kallos_run, database):
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start_kallos_run("study", "list", "--json", stdout=write_end, cold=True)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
