"""Ctrl-C, SIGTERM and SIGKILL at any moment: what is finished is kept, nothing stays behind, and the way on is said."""

import json
import os
import re
import shlex
import signal
import time

import pytest

from kallos_tune import load_study

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")  # noqa: PTH112

# Long enough to be stopped in the middle, on any machine.
# Without pruning, so that a trial runs until it is stopped, whatever the other one comes to.
TWO_WORKERS = ("--workers", "2", "--max-epochs", "60", "--patience", "60", "--n-trials", "2", "--pruner", "none")


def read_until(process, words):
    """Return the lines of stderr up to one with these words."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"ended with {process.wait()} without saying {words!r}:\n{''.join(lines)}")


def end_of(process, seconds=10):
    """Return exit code, stdout and what was left to read of stderr, of a process that ends in that time."""
    process.wait(seconds)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def trials_of(database):
    return load_study(f"sqlite:///{database}", "small").trials


def test_ctrl_c_in_a_trial_keeps_the_study_and_says_how_to_go_on(
    start_kallos_run, main_within, tune_arguments, database
):
    arguments = (*tune_arguments, "--n-trials", "1")
    process = start_kallos_run(*arguments)
    read_until(process, "trial 0 begins, 0 of 1 finished")
    process.send_signal(signal.SIGINT)
    code, out, err = end_of(process)
    assert (code, out) == (130, "")
    assert "interrupted: trial 0 is recorded as interrupted, 0 of 1 finished trials are kept" in err
    lines = err.splitlines()
    again = shlex.split(lines[lines.index("resume with:") + 1])
    assert again == ["kallos-run", *arguments]
    trial, *queued = trials_of(database)
    assert trial.state.name == "FAIL"
    assert {again.state.name for again in queued} <= {"WAITING"}
    assert trial.user_attrs["failure"] == "Ctrl-C"

    code, _, err = main_within(*again[1:])
    assert code == 0, err
    assert [trial.state.name for trial in trials_of(database)] == ["FAIL", "COMPLETE"]
    shown = main_within("study", "show", "small")[1]
    assert "trial 0 interrupted, run again as trial 1: Ctrl-C" in shown
    assert "repeats" in shown
    trials = json.loads(main_within("study", "show", "small", "--json")[1])["trials"]
    assert {each["trial"]: (each["state"], each["repeats"]) for each in trials} == {
        0: ("interrupted", None),
        1: ("complete", 0),
    }
    assert re.search(r"1 +0 +0 +1 +0 ", main_within("study", "list")[1]), (
        "complete, pruned, failed, interrupted, running"
    )


def test_ctrl_c_while_the_models_load(start_kallos_run, tune_arguments, database, left_over):
    process = start_kallos_run(*tune_arguments, "--workers", "2", cold=True)
    read_until(process, "loading the models")
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = end_of(process)
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert left_over() == []
    assert [trial.state.name for trial in trials_of(database)] == ["WAITING"]


@pytest.mark.parametrize(
    ("number", "code", "reason", "word"),
    [(signal.SIGTERM, 143, "SIGTERM", "terminated"), (signal.SIGINT, 130, "Ctrl-C", "interrupted")],
)
def test_a_signal_ends_the_workers_too(
    start_kallos_run, tune_arguments, database, left_over, number, code, reason, word
):
    process = start_kallos_run(*tune_arguments, *TWO_WORKERS)
    read_until(process, "begins")
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    ended, _, err = end_of(process)
    assert ended == code
    assert left_over() == []
    failed = [trial for trial in trials_of(database) if trial.state.name != "WAITING"]
    assert {(trial.state.name, trial.user_attrs["failure"]) for trial in failed} == {("FAIL", reason)}
    assert f"{word}: trial" in err
    assert "recorded as interrupted, 0 of 2 finished trials are kept" in err


def test_a_second_ctrl_c_does_not_wait_for_a_worker_that_hangs(start_kallos_run, tune_arguments, database, left_over):
    process = start_kallos_run(*tune_arguments, *TWO_WORKERS)
    read_until(process, "begins")
    hung = worker_of(trials_of(database)[0])
    os.kill(hung, signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = end_of(process, 5)
    assert code == 130
    assert "interrupted" in err
    assert left_over() == []
    assert trials_of(database)[0].state.name == "RUNNING"


@pytest.mark.nightly
def test_whoever_is_killed_the_budget_stays_exact(start_kallos_run, tune_arguments, database, left_over, main_within):
    first = start_kallos_run(*tune_arguments, *TWO_WORKERS)
    read_until(first, "begins")
    first.kill()
    assert left_over() == []
    states = {trial.state.name for trial in trials_of(database)}
    assert "FAIL" in states
    assert states <= {"FAIL", "WAITING"}

    process = start_kallos_run(*tune_arguments, *TWO_WORKERS)
    read_until(process, "begins")
    running = json.loads(main_within("study", "show", "small", "--json")[1])["running"]
    shown = main_within("study", "show", "small")[1]
    assert "Running" in shown
    facts = running[0]
    assert re.search(rf"{facts['trial']} +{facts['host']} +{facts['process']} +{facts['since']}", shown)
    victim = trials_of(database)[facts["trial"]]
    assert f"{facts['host']}:{facts['process']}" == victim.user_attrs["worker"]
    assert facts["since"] == re.sub(r"\.\d+", "", victim.user_attrs["started"])

    os.kill(worker_of(victim), signal.SIGKILL)
    said = read_until(process, "was killed by signal 9")
    assert said[-1].rstrip().endswith("was killed by signal 9: replaced")
    assert trials_of(database)[victim.number].user_attrs["failure"] == "abandoned: its worker is dead"

    read_until(process, "begins")
    code, out, err = main_within("study", "reap", "small", "--grace-seconds", "0")
    assert code == 0
    assert "resume the study with the command that began it" in err
    assert re.search(r"trial \d+ of \S+:\d+ abandoned: no heartbeat for", out)
    code, _, err = end_of(process, 300)
    assert code == 0, err
    assert "2 of 2 finished" in err
    after = trials_of(database)
    states = [trial.state.name for trial in after]
    finished = states.count("COMPLETE") + states.count("PRUNED")
    assert (finished, states.count("RUNNING"), states.count("WAITING")) == (2, 0, 0)
    assert any(victim.number in trial.user_attrs.get("retry_of", []) for trial in after)
    assert left_over() == []


def worker_of(trial):
    return int(trial.user_attrs["worker"].rpartition(":")[2])
