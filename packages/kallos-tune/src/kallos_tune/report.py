"""What a study found: its best parameters with all that is needed to train on them."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from .errors import ConfigError
from .score_names import score_name_of
from .study_definition import CHANGES, FINGERPRINT, READING, VERSIONS, required_definition, stored_naive
from .study_verdict import VERDICT, naive_score_of
from .trial_attributes import FOLD_SCORES, MADE_WITH, best_score
from .trials import trial_counts
from .verdict.accuracy import skill_of_errors
from .verdict.judge import N_AVERAGE


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The outcome of a study.

    Attributes
    ----------
    study_name, model_name, asset_id, target_col, forecast : str
    metric : {"rmse", "mae", "pinball"}
        What scores are.
    best_trial : int
        Number of the best trial.
    best_params : dict
        Its hyperparameters.
    best_score : float
        Its mean error over the folds, in the target's unit.
    fold_scores, fold_naive_scores : list of float
        Its error in each fold, and that of the naive forecast which is the hardest to beat over all of them; the
        latter is empty for a study that does not keep it, as those made before it was settled.
    naive : str or None
        The name of that naive forecast: "last value", "training mean" or "zero".
    naive_score : float or None
        Its mean over the folds; the verdict's ``search_naive_score`` is the same.
    skill : float or None
        ``1 - best_score / naive_score``, as the verdict's ``search_skill``. Both epoch and trial were chosen on the
        windows that it is about, so it is above 0 on pure noise, too: what a model is worth is the verdict's skill.
    n_trials : dict of str to int
        Trials by what became of them: complete, pruned, failed, interrupted, abandoned, running.
    made_with : dict
        Seed, epochs at most, patience, device and the like that the best trial was trained with.
    definition : dict
        Everything that defines the study, as it was made: groups, dates, folds, search space, hash of the data.
    changes : list of dict
        What ``resume="force"`` changed of that since, each with the number of the first trial that it can concern.
    versions : dict of str to str
        Packages the study was begun with.
    verdict : dict or None
        What its models are worth out of sample, see :class:`kallos_tune.Verdict`; None where it was not judged yet.
    best_trials : list of dict
        The complete trials with the lowest scores, best first, as many as the verdict averages at most: ``trial``,
        ``score``, ``params``, ``best_epochs`` of each fold, and ``made_with``.
    reading : dict or None
        How the history was read; see :func:`kallos_tune.study_source.reading_of`.
    fingerprint : dict
        Hashes of the data by month, to tell later what of them has changed.
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
    naive: str | None
    naive_score: float | None
    skill: float | None
    n_trials: dict[str, int]
    made_with: dict[str, Any]
    definition: dict[str, Any]
    changes: list[dict[str, Any]]
    versions: dict[str, str]
    verdict: dict[str, Any] | None = None
    best_trials: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reading: dict[str, Any] | None = None
    fingerprint: dict[str, Any] = field(default_factory=dict[str, Any])

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
    definition = required_definition(study)
    if best_score(study) is None:
        raise ConfigError(f"study {study.study_name!r} has no complete trial yet: run more trials first")
    best = study.best_trial
    naive, naive_score = stored_naive(study.user_attrs), naive_score_of(study.user_attrs)
    score = float(best.value)  # pyright: ignore[reportArgumentType] - a complete trial has one
    return StudyResult(
        study_name=study.study_name,
        model_name=definition["model_name"],
        asset_id=definition["asset_id"],
        target_col=definition["target_col"],
        metric=score_name_of(definition["metric"], definition["likelihood"]),
        forecast=definition["forecast"],
        best_trial=best.number,
        best_params=best.params,
        best_score=score,
        fold_scores=best.user_attrs[FOLD_SCORES],
        fold_naive_scores=[] if naive is None else list(naive.fold_scores),
        naive=None if naive is None else naive.name,
        naive_score=naive_score,
        skill=None if naive_score is None else skill_of_errors(score, naive_score),
        n_trials=trial_counts(study),
        made_with=best.user_attrs.get(MADE_WITH, {}),
        definition=definition,
        changes=study.user_attrs.get(CHANGES, []),
        versions=study.user_attrs.get(VERSIONS, {}),
        verdict=study.user_attrs.get(VERDICT),
        best_trials=[trial_facts(trial) for trial in best_trials(study)[:N_AVERAGE]],
        reading=study.user_attrs.get(READING),
        fingerprint=study.user_attrs.get(FINGERPRINT, {}),
    )


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the complete trials of a study, best first; of equals, the one with the lower number."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(complete, key=lambda trial: (trial.value, trial.number))


def trial_facts(trial: FrozenTrial) -> dict[str, Any]:
    """Return what is needed to train again what a complete trial trained, in JSON's own types."""
    return {
        "trial": trial.number,
        "score": trial.value,
        "params": trial.params,
        "best_epochs": trial.user_attrs["fold_best_epochs"],
        "made_with": trial.user_attrs.get(MADE_WITH, {}),
    }


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
    replace_file(path, text.encode())
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing, in place of one that is there.

    Raises
    ------
    ConfigError
        Where it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another file or folder") from error
    finally:
        beside.unlink(missing_ok=True)
