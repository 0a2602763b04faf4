"""Ctrl-C and SIGTERM at any moment: what is finished is kept, and the way on is said."""

import shlex
import signal

from kallos_tune import load_study


def read_until(process, words):
    """Return the lines of stderr up to one with these words."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"ended with {process.wait()} without saying {words!r}:\n{''.join(lines)}")


def end_of(process):
    """Return exit code, stdout and what was left to read of stderr."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_ctrl_c_in_a_trial_keeps_the_study_and_says_how_to_go_on(
    start_kallos_run, kallos_run, tune_arguments, database
):
    arguments = (*tune_arguments, "--max-epochs", "3", "--n-trials", "1")
    process = start_kallos_run(*arguments)
    read_until(process, "trial 1 of 1 begins")
    process.send_signal(signal.SIGINT)
    code, out, err = end_of(process)
    assert (code, out) == (130, "")
    assert "interrupted: trial 0 is recorded as failed, 0 of 1 finished trials are kept" in err
    lines = err.splitlines()
    again = shlex.split(lines[lines.index("continue with:") + 1])
    assert again == ["kallos-run", *arguments]
    (trial,) = load_study(f"sqlite:///{database}", "small").trials
    assert trial.state.name == "FAIL"
    assert trial.user_attrs["failure"] == "interrupted (Ctrl-C)"

    done = kallos_run(*again[1:])
    assert done.returncode == 0, done.stderr
    states = [trial.state.name for trial in load_study(f"sqlite:///{database}", "small").trials]
    assert states == ["FAIL", "COMPLETE"]
    assert "trial 0 failed: interrupted (Ctrl-C)" in kallos_run("study", "show", "small").stdout


def test_ctrl_c_while_the_models_load(start_kallos_run, tune_arguments, database):
    process = start_kallos_run(*tune_arguments)
    read_until(process, "loading the models")
    process.send_signal(signal.SIGINT)
    code, out, err = end_of(process)
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert load_study(f"sqlite:///{database}", "small").trials == []


def test_sigterm_is_recorded_too(start_kallos_run, tune_arguments, database):
    process = start_kallos_run(*tune_arguments, "--max-epochs", "8")
    read_until(process, "begins")
    process.send_signal(signal.SIGTERM)
    code, _, err = end_of(process)
    assert code == 143
    assert "terminated: trial 0 is recorded as failed" in err
    assert [trial.state.name for trial in load_study(f"sqlite:///{database}", "small").trials] == ["FAIL"]
