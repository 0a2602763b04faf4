"""What a study found: its best parameters with all that is needed to train on them, its trials, its forecasts."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from .errors import ConfigError, MissingMatplotlibError
from .study_definition import DEFINITION, NAIVE_SCORES, VERSIONS
from .trial_attributes import FAILURE, best_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kallos_data import FoldSeries

    from .evaluation.fold import FoldResult


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The outcome of a study.

    Attributes
    ----------
    study_name, model_name, asset_id, target_col, metric, forecast : str
    best_trial : int
        Number of the best trial.
    best_params : dict
        Its hyperparameters.
    best_score : float
        Its mean error over the folds, in the target's unit.
    fold_scores, fold_naive_scores : list of float
        Its error in each fold, and that of the better naive forecast.
    naive_score : float
        Mean of the latter.
    skill : float
        ``1 - best_score / naive_score``: above 0 the model beats the naive forecast.
    n_trials : dict of str to int
        Trials by state: complete, pruned, fail, running.
    definition : dict
        Everything that defines the study: groups, dates, folds, search space, hash of the data.
    versions : dict of str to str
        Packages the study was begun with.
    """

    study_name: str
    model_name: str
    asset_id: str
    target_col: str
    metric: str
    forecast: str
    best_trial: int
    best_params: dict[str, Any]
    best_score: float
    fold_scores: list[float]
    fold_naive_scores: list[float]
    naive_score: float
    skill: float
    n_trials: dict[str, int]
    definition: dict[str, Any]
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON's own types."""
        return asdict(self)


def study_result(study: optuna.Study) -> StudyResult:
    """Return what a study has found so far.

    Raises
    ------
    ConfigError
        Where the study was not made by Kallos, or no trial is complete yet.
    """
    definition = study.user_attrs.get(DEFINITION)
    if definition is None:
        raise ConfigError(f"study {study.study_name!r} was not made by Kallos: open it with Optuna's own tools")
    if best_score(study) is None:
        raise ConfigError(f"study {study.study_name!r} has no complete trial yet: run more trials first")
    best = study.best_trial
    naive_scores: list[float] = study.user_attrs[NAIVE_SCORES]
    naive = sum(naive_scores) / len(naive_scores)
    score = float(best.value)  # pyright: ignore[reportArgumentType] - a complete trial has one
    return StudyResult(
        study_name=study.study_name,
        model_name=definition["model_name"],
        asset_id=definition["asset_id"],
        target_col=definition["target_col"],
        metric=definition["metric"],
        forecast=definition["forecast"],
        best_trial=best.number,
        best_params=best.params,
        best_score=score,
        fold_scores=best.user_attrs["fold_scores"],
        fold_naive_scores=naive_scores,
        naive_score=naive,
        skill=1 - score / naive if naive > 0 else 0.0,
        n_trials=trial_counts(study),
        definition=definition,
        versions=study.user_attrs.get(VERSIONS, {}),
    )


def trial_counts(study: optuna.Study) -> dict[str, int]:
    """Return how many trials there are in each state, states in lower case."""
    trials = study.get_trials(deepcopy=False)
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    return {state.name.lower(): sum(trial.state == state for trial in trials) for state in states}


def trials_table(study: optuna.Study) -> pl.DataFrame:
    """Return one row a trial, best first, then the pruned ones that got farthest, failed ones last.

    Returns
    -------
    polars.DataFrame, [n_trials, ...]
        ``trial, state, score, seconds``, the parameters, ``folds`` (scored), ``epochs`` (over those; None without) and
        ``failure`` (the reason). Only complete trials have a score: that of fewer folds is another thing.
    """
    trials = sorted(study.get_trials(deepcopy=False), key=_rank)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    schema = {"trial": pl.Int64, "state": pl.String, "score": pl.Float64, "seconds": pl.Float64}
    rows = [_row(trial, names) for trial in trials]
    return pl.DataFrame(
        rows, schema_overrides=schema | {"folds": pl.Int64, "epochs": pl.Int64, "failure": pl.String}, orient="row"
    )


def write_best_params(study: optuna.Study, path: str | Path) -> Path:
    """Write a study's result to a JSON file, all of it or nothing.

    Parameters
    ----------
    study : optuna.Study
    path : str or Path
        Is replaced where it exists.

    Raises
    ------
    ConfigError
        As in :func:`study_result`, or where the file cannot be written.
    """
    path = Path(path)
    text = json.dumps(study_result(study).to_dict(), indent=2, allow_nan=False) + "\n"
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another file or folder") from error
    return path


def plot_forecasts(folds: "Sequence[FoldSeries]", results: "Sequence[FoldResult]", *, title: str) -> "Figure":
    """Draw every fold's forecast against the truth.

    Parameters
    ----------
    folds : sequence of FoldSeries
    results : sequence of FoldResult
        From :func:`kallos_tune.evaluate_fold` on the same folds.
    title : str
        Heads the figure.

    Returns
    -------
    matplotlib.figure.Figure
        One row a fold; save it with ``figure.savefig``.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed; the extra ``kallos-tune[pictures]`` brings it.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws waits for it
    except ModuleNotFoundError as error:
        raise MissingMatplotlibError from error

    figure = Figure(figsize=(11, 1.2 + 2.1 * len(folds)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(folds), 1, squeeze=False)[:, 0]
    for number, (axis, fold, result) in enumerate(zip(axes, folds, results, strict=True), start=1):
        axis.plot(fold.val_times, fold.actual, color="0.65", linewidth=1, label="truth")
        axis.plot(fold.val_times, result.forecast, color="tab:blue", linewidth=1, label="forecast")
        axis.set_title(
            f"fold {number}: error {result.score:.4g}, naive {result.naive_score:.4g}", fontsize="medium", loc="left"
        )
        axis.margins(x=0)
    axes[0].legend(loc="upper right", ncols=2, fontsize="small")
    return figure


def _rank(trial: FrozenTrial) -> tuple[int, int, float, int]:
    """Return what trials are sorted by: complete ones by score, pruned ones by how far they got, then the others."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING, TrialState.FAIL)
    value = 0.0 if trial.value is None else trial.value
    rung = (trial.last_step or 0) if trial.state == TrialState.PRUNED else 0
    return states.index(trial.state), -rung, value, trial.number


def _row(trial: FrozenTrial, names: Sequence[str]) -> dict[str, Any]:
    score = trial.value if trial.state == TrialState.COMPLETE else None
    seconds = trial.duration.total_seconds() if trial.duration is not None else None
    row: dict[str, Any] = {"trial": trial.number, "state": trial.state.name, "score": score, "seconds": seconds}
    row |= {name: trial.params.get(name) for name in names}
    epochs = trial.user_attrs.get("fold_epochs", [])
    row |= {"folds": len(epochs), "epochs": sum(epochs) if epochs else None}
    return row | {"failure": trial.user_attrs.get(FAILURE)}
