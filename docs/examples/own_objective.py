"""An objective of your own on several processes, killed on the way, with exactly as many trials as asked for."""

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from kallos_tune import RunSettings, run_objective


def objective(trial: optuna.Trial) -> float:
    """Return the value of a bowl; each fifth trial takes its worker down on first try, as a lack of memory would."""
    x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1)
    if trial.number % 5 == 4 and "retries" not in trial.user_attrs:
        os.kill(os.getpid(), signal.SIGKILL)
    return x**2 + y**2


def main() -> None:
    """Print how many trials are complete, and the best of them."""
    # Workers import the objective by the name of its module.
    name = f"{Path(__file__).stem}:objective"
    with TemporaryDirectory() as folder:
        study = run_objective(name, "bowl", 20, f"sqlite:///{folder}/studies.db", run=RunSettings(workers=2))
        states = [trial.state.name for trial in study.trials]
        print(f"{states.count('COMPLETE')} complete, {states.count('FAIL')} killed and run again")
        print(f"best {study.best_value:.4f} at {study.best_params}")


if __name__ == "__main__":
    main()
