"""How long the command line takes to begin: to its help, and of ``kallos-run tune`` to the study, a trial, an epoch.

Beside it, in turn, the floor: a bare Python, the parts of typer that any help needs, torch, and Darts' models with
Lightning; and what Tab takes to offer a study. Each is a process of its own.
What a study tells is timed as it arrives in the process that the user started.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ._measuring import medians, print_table, write_results

BASELINES = {
    "python": "pass",
    "import typer": "import typer.main, typer.rich_utils",
    "import torch": "import torch",
    "import Darts, Lightning": "import darts.models, pytorch_lightning",
}
STUDY = "gru_demo"
COMMAND = "import sys; from kallos_cli.app import main; sys.exit(main())"
# The driver is the command line itself: it only notes when the events come.
DRIVER = """
import sys, time
from kallos_cli import app, progress
take = progress.Watch.__call__
def noted(self, event):
    print("EVENT", type(event).__name__, time.time(), file=sys.stderr, flush=True)
    take(self, event)
progress.Watch.__call__ = noted
sys.exit(app.main())
"""
MARKS = {"StudyOpened": "study opened", "TrialStarted": "first trial", "EpochFinished": "first epoch"}
PACKAGES = ("darts", "optuna", "polars", "pytorch-lightning", "sqlalchemy", "torch", "typer")


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    n_rounds = 1 if quick else 7
    workers = (1,) if quick else (1, 2)
    times: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        ingest(Path(folder))
        for _ in range(n_rounds):
            for name, code in BASELINES.items():
                times[name].append(seconds_of("-c", code))
            times["kallos-run --help"].append(seconds_of("-c", COMMAND, "--help"))
            times["Tab: a study"].append(completion(Path(folder)))
            for count in workers:
                for mark, seconds in tune(Path(folder), count).items():
                    times[f"tune --workers {count}: {mark}"].append(seconds)
    seconds = medians(times)
    print_table(f"From the start of the process, seconds (median of {n_rounds})", {"seconds": seconds})
    write_results(results_file, {"rounds": n_rounds, "seconds": seconds}, PACKAGES)


def seconds_of(*arguments: str) -> float:
    started = time.time()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)  # noqa: S603 - our own words
    return time.time() - started


def completion(folder: Path) -> float:
    """Return how many seconds Tab takes to offer the study, as bash asks for it."""
    line = "kallos-run study show "
    asked = {"_KALLOS_RUN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "3"}
    asked["KALLOS_DB_URL"] = f"sqlite:///{folder}/market.db"
    started = time.time()
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, env=os.environ | asked, check=False
    )
    seconds = time.time() - started
    assert STUDY in done.stdout.split(), done.stderr
    return seconds


def ingest(folder: Path) -> None:
    import optuna

    from kallos_data import ingest_frame, simulate_market
    from kallos_tune import open_storage

    url = f"sqlite:///{folder}/market.db"
    ingest_frame(simulate_market(800, seed=1), "DEMO", url)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(study_name=STUDY, storage=open_storage(url))


def tune(folder: Path, workers: int) -> dict[str, float]:
    """Return how many seconds after its start a tuning reaches each mark, with a trial or two of one epoch."""
    name = f"study{time.time_ns()}"
    options = {
        "--asset-id": "DEMO",
        "--end-date": "2030-01-01",
        "--study-name": name,
        "--db-url": f"sqlite:///{folder}/market.db",
        "--n-trials": str(workers),
        "--workers": str(workers),
        "--max-epochs": "1",
        "--folds": "2",
        "--output": f"{folder}/{name}.json",
    }
    words = [word for option in options.items() for word in option]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.time()
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", DRIVER, "tune", *words], check=True, capture_output=True, text=True, env=environment
    )
    found: dict[str, Any] = {}
    for event, moment in re.findall(r"^EVENT (\w+) ([\d.]+)$", done.stderr, re.MULTILINE):
        if event in MARKS:
            found.setdefault(MARKS[event], float(moment) - started)
    assert list(found) == list(MARKS.values()), done.stderr
    return found
