"""One word for what became of a trial, wherever it is told, and which trial repeats which."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from optuna.trial import TrialState, create_trial

from kallos_data import DatabaseConfig
from kallos_tune import (
    duration,
    export_study,
    load_study,
    running_trials,
    study_summaries,
    trial_counts,
    trials_table,
    trials_without_result,
)
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.study_report.contents import Table
from kallos_tune.study_report.gathered import Gathered
from kallos_tune.study_report.run_sections import run_section
from kallos_tune.trial_states import COUNTED, counts_in_words, word_of
from kallos_tune.trial_times import ended, seconds_of, started, written

TIMES = ClaimSettings(heartbeat_seconds=60, grace_seconds=120, database_wait_seconds=10)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (("COMPLETE",), "complete"),
        (("PRUNED", "abandoned: gone", True), "pruned"),
        (("RUNNING",), "running"),
        (("WAITING",), "waiting"),
        (("FAIL",), "failed"),
        (("FAIL", "RuntimeError: abandoned: by luck", None), "failed"),
        (("FAIL", "terminated", True), "interrupted"),
        (("FAIL", "abandoned: no heartbeat for 200 s", True), "abandoned"),
        (("FAIL", "given up: no heartbeat for 200 s", True), "abandoned"),
        (("FAIL", "abandoned: no heartbeat for 200 s, as in trials [1, 2]", None), "abandoned"),
    ],
)
def test_the_word_for_each_end(facts, word):
    assert word_of(*facts) == word


def test_counts_of_nothing_are_left_out_but_of_what_is_always_told():
    counts = dict.fromkeys(COUNTED, 0) | {"complete": 7, "interrupted": 1}
    assert counts_in_words(counts) == "7 complete, 0 pruned, 1 interrupted"


@pytest.fixture
def eventful(finished_study, database):
    """Return a study with a failed, an interrupted and an abandoned trial, and the numbers of the latter two."""
    study = finished_study
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"failure": "OSError: gone"}))
    claims = join_study(DatabaseConfig.of(database), "s", 50, TIMES, ())
    interrupted = claims.claim()
    claims.interrupt(interrupted, "terminated", limit_seconds=5)
    repeated = claims.claim()
    claims.transactions.abandon_claims("", "its worker is dead", {})
    return load_study(database, "s"), interrupted.number, repeated.number


def test_tables_lists_and_exports_say_the_same(eventful, database):
    study, interrupted, abandoned = eventful
    words = {interrupted: "interrupted", abandoned: "abandoned", 3: "failed"}
    for table in (trials_table(study), export_study(study).trials):
        told = dict(table.select("trial", "state").iter_rows())
        assert {number: told[number] for number in words} == words
        repeats = dict(table.select("trial", "repeats").drop_nulls().iter_rows())
        assert repeats == {abandoned: interrupted, abandoned + 1: abandoned}
    counts = trial_counts(study)
    assert counts == {"complete": 3, "pruned": 0, "failed": 1, "interrupted": 1, "abandoned": 1, "running": 0}
    (summary,) = study_summaries(database)
    assert summary.n_trials == counts


def test_what_has_no_result_is_told_with_the_trial_that_runs_it_again(eventful):
    study, interrupted, abandoned = eventful
    assert trials_without_result(study) == [
        "trial 3 failed: OSError: gone",
        f"trial {interrupted} interrupted, run again as trial {abandoned}: terminated",
        f"trial {abandoned} abandoned, waits to run again as trial {abandoned + 1}: its worker is dead",
    ]


def test_the_report_tells_what_each_end_was_and_which_trials_repeat_it(eventful):
    study, interrupted, abandoned = eventful
    contents = run_section(Gathered(study, None))
    (table,) = [part for part in contents.parts if isinstance(part, Table) and part.title == "Trials without a result"]
    assert sorted(table.rows) == [
        ("abandoned", "its worker is dead", 1, f"{abandoned}", f"{abandoned + 1}"),
        ("failed", "OSError: gone", 1, "3", None),
        ("interrupted", "terminated", 1, f"{interrupted}", f"{abandoned}"),
    ]


@pytest.fixture
def zone():
    """Set the local time of this machine, and set it back."""

    def local(name):
        os.environ["TZ"] = name
        time.tzset()

    before = os.environ.get("TZ")
    yield local
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def test_times_are_those_of_the_worker_whatever_the_zones(database, finished_study, zone):
    zone("JST-9")
    claims = join_study(DatabaseConfig.of(database), "s", 50, TIMES, ())
    began = datetime.now(UTC)
    claim = claims.claim()
    zone("EST5")
    study = load_study(database, "s")
    (running,) = running_trials(study)
    assert abs(datetime.fromisoformat(running["since"]) - began) < timedelta(seconds=20)
    assert running["since"].endswith("Z")
    claims.tell(claim, 1.0, TrialState.COMPLETE)
    row = export_study(load_study(database, "s")).trials.filter(trial=claim.number)
    for name in ("started", "ended"):
        assert row[name].dtype.time_zone == "UTC"
        assert abs(row[name][0] - began) < timedelta(seconds=20)
    assert 0 <= row["seconds"][0] < 20
    assert row["seconds"][0] == (row["ended"][0] - row["started"][0]).total_seconds()


def test_times_of_a_trial_that_keeps_none_are_taken_for_local_ones(zone):
    zone("JST-9")
    trial = create_trial(value=1.0)
    trial.datetime_start = datetime(2024, 1, 1, 12)  # noqa: DTZ001 - as Optuna has it
    trial.datetime_complete = None
    assert written(started(trial)) == "2024-01-01T03:00:00Z"
    assert ended(trial) is None
    assert seconds_of(trial) is None
    trial.datetime_complete = datetime(2024, 1, 1, 12, 1)  # noqa: DTZ001
    assert seconds_of(trial) == 60


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.21, "3.2 s"), (59.96, "1 min 0 s"), (245, "4 min 5 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said
