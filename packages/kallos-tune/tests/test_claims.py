"""Claims on SQLite: the budget, and what becomes of trials whose worker is gone, stopped or late."""

import os
import random
import re
from collections import Counter

import optuna
import pytest
from optuna.trial import TrialState

from kallos_data import DatabaseConfig
from kallos_tune.claims.claim import Claim, NoClaim
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.evaluation.sampling import sampler_of_draw
from kallos_tune.events import ignore
from kallos_tune.storage.open import create_storage
from kallos_tune.storage.optuna_tables.trials import Census, running_trials, survey, take_census
from kallos_tune.trial_attributes import DRAW, FAILURE, INTERRUPTED, RETRIES, RETRY_OF, is_abandoned
from kallos_tune.workers.worker_loop import run_trials

SETTINGS = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=5)
NAMES = ("x", "y")


def sampler(draw):
    return sampler_of_draw(draw, 0)


def run(trial):
    return trial.suggest_float("x", 0.0, 1.0) + trial.suggest_float("y", 0.0, 1.0)


@pytest.fixture
def config(tmp_path):
    return DatabaseConfig.of(f"sqlite:///{tmp_path / 'studies.db'}")


@pytest.fixture
def worker(config):
    """Return a function that lets a worker join a study, which it creates where it is missing."""

    def join(n_trials, name="s", crew=""):
        optuna.create_study(study_name=name, storage=create_storage(config), load_if_exists=True)
        return join_study(config, name, n_trials, SETTINGS, NAMES, crew)

    return join


@pytest.fixture
def silence(config):
    """Return a function that lets the last beat of a trial be so long ago."""

    def age(claim, seconds=3600):
        engine = config.engine()
        with engine.begin() as connection:
            query = "UPDATE trial_heartbeats SET heartbeat = strftime('%Y-%m-%d %H:%M:%f', 'now', ?) WHERE trial_id = ?"
            connection.exec_driver_sql(query, (f"-{seconds} seconds", claim.trial_id))

    return age


def states(claims):
    return [trial.state.name for trial in claims.study.get_trials()]


def test_no_more_is_handed_out_than_the_budget_lacks(worker):
    one, other = worker(2), worker(2)
    first, second = one.claim(), other.claim()
    assert [first, second] == [Claim(1, 0, 0), Claim(2, 1, 1)]
    assert one.claim() is NoClaim.BUSY
    assert one.tell(first, 1.0, TrialState.COMPLETE).value == 1.0
    assert one.claim() is NoClaim.BUSY
    assert other.tell(second, None, TrialState.FAIL, {FAILURE: "why"}).user_attrs[FAILURE] == "why"
    third = one.claim()
    assert third.number == 2
    one.tell(third, 2.0, TrialState.COMPLETE)
    assert one.claim() is other.claim() is NoClaim.FULL
    assert worker(3).claim().number == 3


def test_a_trial_of_which_nothing_is_heard_is_abandoned_and_its_result_dropped(worker, silence, caplog):
    one, other = worker(1), worker(1)
    claim = one.claim()
    score = run(one.trial(claim, sampler(claim.draw)))
    silence(claim, 60)
    assert other.claim() is NoClaim.BUSY
    silence(claim, 1000)
    again = other.claim()
    assert any(re.fullmatch(r"trial 0 is abandoned: no heartbeat for 10\d\d s", line) for line in caplog.messages)
    assert run(other.trial(again, sampler(again.draw))) == score

    caplog.clear()
    assert one.tell(claim, score, TrialState.COMPLETE) is None
    assert caplog.messages == ["trial 0 was abandoned meanwhile: its result is dropped"]
    other.tell(again, score, TrialState.COMPLETE)
    abandoned, repeated = one.study.trials
    assert (abandoned.state, abandoned.value, abandoned.user_attrs[INTERRUPTED]) == (TrialState.FAIL, None, True)
    assert abandoned.user_attrs[FAILURE].startswith("abandoned: no heartbeat for 10")
    assert (repeated.params, repeated.value) == (abandoned.params, score)
    assert repeated.user_attrs[RETRY_OF] == [0]
    assert one.claim() is NoClaim.FULL


def test_a_worker_that_finds_its_trial_abandoned_claims_the_next(worker, silence, caplog):
    slow, quick = worker(2), worker(2)

    def abandoned_in_the_middle(trial):
        if trial.number == 0:
            silence(Claim(1, 0, 0))
            quick.abandon_stale()
        trial.set_user_attr("step", 1)
        return run(trial)

    run_trials(slow, abandoned_in_the_middle, sampler, ignore)
    assert states(slow) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert "trial 0 was abandoned meanwhile: its result is dropped" in caplog.messages


def test_parameters_are_requeued_twice_at_most_with_their_history(worker, silence):
    claims = worker(1)
    params = []
    for _ in range(3):
        claim = claims.claim()
        trial = claims.trial(claim, sampler(claim.draw))
        run(trial)
        params.append(trial.params)
        silence(claim)
    assert params == [params[0]] * 3
    fresh = claims.claim()
    assert run(claims.trial(fresh, sampler(fresh.draw))) != sum(params[0].values())
    trials = claims.study.trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL", "FAIL", "RUNNING"]
    assert [trial.user_attrs.get(RETRY_OF) for trial in trials] == [None, [0], [0, 1], None]
    assert [trial.user_attrs.get(RETRIES) for trial in trials] == [None, 1, 2, None]
    assert [trial.user_attrs.get(INTERRUPTED) for trial in trials[:3]] == [True, True, None]
    assert trials[2].user_attrs[FAILURE].endswith(", as in trials [0, 1]")
    assert [trial.user_attrs[DRAW] for trial in trials] == [0, 0, 0, 1]


def test_the_trial_of_a_dead_worker_is_abandoned_by_its_own_crew_alone(worker, caplog):
    """Both crews have workers of this very host and process id, as containers may."""
    ours, theirs = worker(2, crew="ours"), worker(2, crew="theirs")
    lost, kept = ours.claim(), theirs.claim()
    score = run(ours.trial(lost, sampler(lost.draw)))
    assert ours.claim() is NoClaim.BUSY
    assert ours.abandon_worker(os.getpid() + 1, limit_seconds=5) == []
    assert ours.abandon_worker(os.getpid(), limit_seconds=5) == [lost.number]
    assert caplog.messages[-1] == "trial 0 is abandoned: its worker is dead"
    assert ours.abandon_worker(os.getpid(), limit_seconds=5) == []
    again = ours.claim()
    assert run(ours.trial(again, sampler(again.draw))) == score
    assert theirs.tell(kept, 1.0, TrialState.COMPLETE).value == 1.0
    assert ours.tell(lost, 2.0, TrialState.COMPLETE) is None
    ours.tell(again, 2.0, TrialState.COMPLETE)
    assert states(ours) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert ours.study.trials[2].user_attrs[RETRY_OF] == [0]


def test_parameters_of_a_trial_whose_workers_die_wait_twice(worker):
    claims = worker(1, crew="ours")
    for number in range(3):
        claim = claims.claim()
        assert (claim.number, claim.draw) == (number, 0)
        assert claims.abandon_worker(os.getpid(), limit_seconds=5) == [number]
    assert claims.study.trials[2].user_attrs[FAILURE] == "abandoned: its worker is dead, as in trials [0, 1]"
    assert claims.claim() == Claim(4, 3, 1)


def test_parameters_of_a_trial_stopped_on_purpose_wait_however_often(worker):
    claims = worker(1)
    for number in range(5):
        claim = claims.claim()
        assert (claim.number, claim.draw) == (number, 0)
        run(claims.trial(claim, sampler(claim.draw)))
        assert claims.interrupt(claim, "interrupted (Ctrl-C)", limit_seconds=5)
        assert not claims.interrupt(claim, "interrupted (Ctrl-C)", limit_seconds=5)
    trials = claims.study.trials
    assert [trial.state.name for trial in trials] == ["FAIL"] * 5 + ["WAITING"]
    assert trials[5].system_attrs["fixed_params"] == trials[0].params
    assert trials[5].user_attrs[RETRIES] == 0


@pytest.mark.parametrize("words", ["abandoned: no heartbeat for 130 s", "given up: no heartbeat for 130 s"])
def test_trials_abandoned_in_the_words_of_older_releases_count_as_such(worker, words):
    """Whoever comes to record a failure finds that its trial failed: by somebody else's hand, not by an answer lost."""
    assert is_abandoned(words)
    assert not is_abandoned("RuntimeError: given up")
    assert not is_abandoned(None)
    claims = worker(1)
    claim = claims.claim()
    claims.study._storage.set_trial_user_attr(claim.trial_id, FAILURE, words)
    claims.study._storage.set_trial_state_values(claim.trial_id, TrialState.FAIL)
    assert claims.tell(claim, None, TrialState.FAIL, {FAILURE: "why"}) is None


def test_what_was_done_but_not_answered_is_recognised(worker):
    claims = worker(2)
    transactions = claims.transactions
    claim, _ = transactions.claim(2, "mark")
    assert transactions.claim(2, "mark") == (claim, {})
    assert transactions.claim(2, "other mark")[0] != claim
    assert transactions.tell(claim, 1.0, TrialState.COMPLETE, {})
    assert transactions.tell(claim, 1.0, TrialState.COMPLETE, {})
    assert states(claims) == ["COMPLETE", "RUNNING"]


def test_one_survey_sees_what_running_trials_and_census_see(worker, config, silence):
    claims = worker(9)

    def seen():
        study_id = claims.transactions.study_id
        with config.connect() as connection:
            # Silences grow from one statement to the next.
            exact = running_trials(connection, study_id), take_census(connection, study_id)
            (running, census) = survey(connection, study_id)
        assert [(each.trial_id, each.number, each.claim) for each in running] == [
            (each.trial_id, each.number, each.claim) for each in exact[0]
        ]
        assert [each.silence is None for each in running] == [each.silence is None for each in exact[0]]
        assert census == exact[1]
        return census

    assert seen() == Census(0, 0, 0, 0, None, "s")
    stopped, stale, *_ = (claims.claim() for _ in range(4))
    claims.tell(claims.claim(), 1.0, TrialState.COMPLETE)
    claims.interrupt(stopped, "terminated", limit_seconds=5)
    silence(stale)
    claims.abandon_stale()
    claims.study.ask()
    assert seen() == Census(n_trials=7, n_finished=1, n_running=3, n_interrupted=2, waiting=7, study_name="s")


def test_a_transaction_that_fails_has_done_nothing(worker, monkeypatch):
    claims = worker(1)

    def fail(*_):
        raise LookupError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("kallos_tune.claims.transactions.beat", fail)
        with pytest.raises(LookupError, match="in the middle"):
            claims.claim()
    assert claims.study.get_trials() == []
    assert claims.claim() == Claim(1, 0, 0)


def test_a_pruned_trial_keeps_its_last_report_and_counts(worker):
    claims = worker(1)

    def prune(trial):
        trial.report(3.0, step=1)
        trial.report(2.0, step=2)
        raise optuna.TrialPruned

    events = []
    run_trials(claims, prune, sampler, events.append)
    assert [(event.state, event.score, event.n_finished) for event in events] == [("PRUNED", 2.0, 1)]
    assert claims.claim() is NoClaim.FULL


def test_one_worker_repeats_itself_whoever_was_killed(worker, silence):
    """Trials 3 and 12, drawn at random and by the model, are cut off before, amid or after their parameters."""
    run_trials(worker(14, "whole"), run, sampler, ignore)
    whole = worker(14, "whole").study.trials

    for stopped_after in range(len(NAMES) + 1):
        name = f"stopped after {stopped_after}"
        for number in (3, 12):
            run_trials(worker(number, name), run, sampler, ignore)
            claims = worker(14, name)
            claim = claims.claim()
            trial = claims.trial(claim, sampler(claim.draw))
            for parameter in NAMES[:stopped_after]:
                trial.suggest_float(parameter, 0.0, 1.0)
            silence(claim)
        run_trials(worker(14, name), run, sampler, ignore)
        finished = worker(14, name).study.get_trials(states=(TrialState.COMPLETE,))
        assert [(each.params, each.value) for each in finished] == [(each.params, each.value) for each in whole], name


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 8))])
def test_whatever_happens_the_budget_is_met_and_never_passed(worker, silence, seed):
    rng = random.Random(seed)
    crew = [worker(6) for _ in range(3)]
    held = {}
    ended = Counter()
    while True:
        number = rng.randrange(3)
        claims = crew[number]
        if number not in held:
            claim = claims.claim()
            if claim is NoClaim.FULL:
                break
            if claim is NoClaim.BUSY:
                # Whoever holds the rest is gone.
                for other in held.values():
                    silence(other)
                held.clear()
                continue
            run(claims.trial(claim, sampler(claim.draw)))
            held[number] = claim
            continue
        claim = held.pop(number)
        what = rng.choice(["complete", "complete", "fail", "interrupt", "vanish", "late"])
        if what in ("vanish", "late"):
            silence(claim)
        if what == "late":
            crew[number - 1].abandon_stale()
            assert claims.tell(claim, 1.0, TrialState.COMPLETE) is None
        elif what == "interrupt":
            assert claims.interrupt(claim, "terminated", limit_seconds=5)
        elif what != "vanish":
            state = TrialState.COMPLETE if what == "complete" else TrialState.FAIL
            told = claims.tell(claim, 1.0 if what == "complete" else None, state)
            ended[what] += told is not None
        assert ended["complete"] <= 6
    assert ended["complete"] == Counter(states(crew[0]))["COMPLETE"] == 6
    assert not {"RUNNING", "WAITING"} & set(states(crew[0]))
    completed = crew[0].study.get_trials(states=(TrialState.COMPLETE,))
    assert len({trial.user_attrs[DRAW] for trial in completed}) == 6
