"""Workers for storms: processes that claim and tell as those of a study do, with an objective that trains nothing."""

import itertools
import logging
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import optuna
import warm_commands
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, event

from kallos_data import DatabaseConfig
from kallos_tune.claims.claims import Claims
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.evaluation.sampling import sampler_of_draw
from kallos_tune.events import TrialFinished
from kallos_tune.settings import TuningSettings
from kallos_tune.studies import open_storage, storage_config
from kallos_tune.trial_attributes import CLAIM, DRAW, FAILURE, FINISHED, INTERRUPTED, RETRIES, RETRY_OF, is_abandoned
from kallos_tune.workers.worker_loop import run_trials

CONTEXT = multiprocessing.get_context("forkserver")
# A process has one fork server: it has loaded what workers of studies need, too, as tests start some after a storm.
CONTEXT.set_forkserver_preload(
    [
        "kallos_tune.workers.garbage_collection_off",
        "kallos_tune.study_worker",
        "pytest",
        *warm_commands.LOADED_BY_STORAGES,
        "kallos_tune.workers.garbage_collection_on",
    ]
)
LONGEST_SILENCE = 60.0
_NAME = "storm-worker"
# A process that is started looks after all others; a second thread that asks for the same one's end meanwhile would be
# told 255, since it can be read only once.
_PROCESSES = threading.Lock()


def score_of(x: float, y: float) -> float:
    """The objective: nothing is trained, and any mix-up of parameters and results shows."""
    return x * 1000.0 + y


@dataclass(frozen=True, kw_only=True)
class StormStudy:
    """A study in a database, and how its workers behave."""

    url: str
    n_trials: int
    name: str = "storm"
    schema: str | None = None
    grace_seconds: float = 2.0
    wait_seconds: float = 60.0
    standstill_seconds: float = 1.0

    def config(self) -> DatabaseConfig:
        return storage_config(self.url, self.schema)

    def create(self) -> "StormStudy":
        optuna.create_study(study_name=self.name, storage=open_storage(self.url, self.schema))
        return self

    def trials(self) -> list[FrozenTrial]:
        return optuna.load_study(study_name=self.name, storage=open_storage(self.url, self.schema)).trials

    def claims(self) -> Claims:
        times = ClaimSettings(
            heartbeat_seconds=self.grace_seconds / 8,
            grace_seconds=self.grace_seconds,
            database_wait_seconds=self.wait_seconds,
            standstill_seconds=self.standstill_seconds,
        )
        return join_study(self.config(), self.name, self.n_trials, times, ("x", "y"))


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a worker does beyond its work.

    A signal hits it just before so many-th step (SQL statements and commits), or before the first statement that
    contains some words. In each trial it waits to be let go.
    """

    signal_at: int | str | None = None
    signal: int = signal.SIGKILL
    hold_trials: bool = False


@dataclass
class StormWorker:
    """A worker process, what it says, and what it may be told."""

    process: Any
    events: Connection
    orders: Connection
    words: list[str] = field(default_factory=list)

    def next_event(self) -> tuple[Any, ...] | None:
        """Return what it says next, None at its end; log lines are kept apart."""
        while True:
            assert self.events.poll(LONGEST_SILENCE), "a worker has not been heard of for a minute"
            try:
                message = self.events.recv()
            except (EOFError, OSError):
                with _PROCESSES:
                    self.process.join()
                return None
            if message[0] != "log":
                return message
            self.words.append(message[1])

    def until(self, kind: str) -> tuple[Any, ...]:
        while (message := self.next_event()) is not None:
            if message[0] == kind:
                return message
        raise AssertionError(f"the worker ended before {kind!r}, with exit code {self.process.exitcode}: {self.words}")

    def finish(self) -> int:
        while self.next_event() is not None:
            pass
        return self.process.exitcode

    def signal(self, number: int) -> None:
        with _PROCESSES:
            running = self.process.exitcode is None
        if running:
            os.kill(self.process.pid, number)

    def let_go(self) -> None:
        self.orders.send("go")


def start_worker(study: StormStudy, orders: Orders | None = None) -> StormWorker:
    listening, telling = CONTEXT.Pipe(duplex=False)
    obeying, ordering = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_work, args=(study, orders or Orders(), telling, obeying), name=_NAME, daemon=True)
    with _PROCESSES:
        process.start()
    telling.close()
    obeying.close()
    return StormWorker(process, listening, ordering)


def _work(study: StormStudy, orders: Orders, events: Connection, obeying: Connection) -> None:
    tell = events.send

    class Teller(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(("log", record.getMessage()))

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.basicConfig(handlers=[Teller(level=logging.WARNING)], force=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    claims = study.claims()
    if orders.signal_at is not None:
        _signal_at(orders.signal_at, orders.signal, tell)

    def run(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        tell(("running", trial.number))
        if orders.hold_trials:
            obeying.recv()
        trial.set_user_attr("step", 1)
        return score_of(x, y)

    def on_event(finished: TrialFinished) -> None:
        tell(("told", finished.trial, finished.score))

    settings = TuningSettings.of(sampler="random")
    run_trials(
        claims, run, lambda draw: sampler_of_draw(draw, settings.training.seed, settings.search.sampler), on_event
    )


def _signal_at(moment: int | str, number: int, tell: Callable[[tuple[Any, ...]], None]) -> None:
    steps = itertools.count(1)

    def see(*given: Any) -> None:
        step, statement = next(steps), given[2] if len(given) > 2 else "COMMIT"
        if step == moment or (isinstance(moment, str) and moment in statement and not told):
            told.append(step)
            tell(("signal",))
            os.kill(os.getpid(), number)

    told: list[int] = []
    event.listen(Engine, "before_cursor_execute", see)
    event.listen(Engine, "commit", see)


@dataclass
class Storm:
    """A crew of workers that is kept at its strength while things happen to it."""

    study: StormStudy
    crew: list[StormWorker]
    told: dict[int, float | None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def run(self, happenings: dict[int, Callable[["Storm"], None]]) -> None:
        """Work on until the crew is done; what is due after so many events happens then."""
        for number, message in enumerate(self._events()):
            if message is not None and message[0] == "told":
                assert message[1] not in self.told, f"trial {message[1]} was told twice"
                self.told[message[1]] = message[2]
            if happening := happenings.pop(number, None):
                happening(self)
        assert not happenings, f"the study was over before {happenings}"

    def _events(self) -> Iterator[tuple[Any, ...] | None]:
        while self.crew:
            ready = wait([worker.events for worker in self.crew], timeout=LONGEST_SILENCE)
            assert ready, "no worker has been heard of for a minute"
            for worker in [each for each in self.crew if each.events in ready]:
                message = worker.next_event()
                if message is None:
                    self._after_end(worker)
                yield message

    def _after_end(self, worker: StormWorker) -> None:
        self.crew.remove(worker)
        self.words += worker.words
        code = worker.process.exitcode
        if code == -signal.SIGKILL:
            self.crew.append(start_worker(self.study))
        else:
            assert code == 0, (code, worker.words)


def random_kills(seed: int, n_kills: int, within: int) -> dict[int, Callable[[Storm], None]]:
    """Return kills of random workers at random moments after random ones of the first events."""
    rng = random.Random(seed)

    def kill(storm: Storm) -> None:
        time.sleep(rng.uniform(0.0, 0.05))
        if storm.crew:
            rng.choice(storm.crew).signal(signal.SIGKILL)

    return dict.fromkeys(rng.sample(range(2, within), n_kills), kill)


def kill_left_over() -> None:
    """End workers of a test that failed; one that is frozen would keep this process from ending."""
    for process in multiprocessing.active_children():
        if process.name.startswith(_NAME):
            process.kill()
            process.join()


def check(study: StormStudy, told: dict[int, float | None] | None = None) -> list[FrozenTrial]:
    """Check that the budget is met exactly, that nothing is twice and nothing lost; return the trials."""
    trials = study.trials()
    finished = [trial for trial in trials if trial.state in FINISHED]
    assert len(finished) == study.n_trials, Counter(trial.state.name for trial in trials)
    assert {trial.state for trial in trials} <= {*FINISHED, TrialState.FAIL}
    assert [trial.number for trial in trials] == list(range(len(trials)))
    _check_results(finished, told or {})
    _check_chains(trials)
    return trials


def _check_results(finished: Sequence[FrozenTrial], told: dict[int, float | None]) -> None:
    values = {trial.number: trial.value for trial in finished}
    assert all(trial.value == score_of(**trial.params) for trial in finished)
    assert told.items() <= values.items(), "a result that was told is not on record"
    assert len({tuple(trial.params.values()) for trial in finished}) == len(finished), "parameters were finished twice"
    assert len({trial.user_attrs[CLAIM] for trial in finished}) == len(finished)


def _check_chains(trials: Sequence[FrozenTrial]) -> None:
    """Check that each draw of parameters is one chain of trials, of which the last ended it."""
    chains: dict[int, list[FrozenTrial]] = {}
    for trial in trials:
        chains.setdefault(trial.user_attrs[DRAW], []).append(trial)
    assert sorted(chains) == list(range(len(chains))), "a draw is missing"
    for *stopped, last in chains.values():
        assert all(trial.state == TrialState.FAIL and trial.user_attrs[INTERRUPTED] for trial in stopped)
        assert all(is_abandoned(trial.user_attrs[FAILURE]) for trial in stopped)
        assert last.user_attrs.get(RETRY_OF, []) == [trial.number for trial in stopped]
        assert last.user_attrs.get(RETRIES, 0) <= 2
        assert last.state in FINISHED or is_abandoned(last.user_attrs[FAILURE])
        params = last.system_attrs.get("fixed_params", {}) | last.params
        for trial in stopped:
            assert trial.params.items() <= params.items() or len(trial.params) < 2, "parameters were lost"
