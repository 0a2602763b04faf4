"""What a study, or its file of best parameters, says of how to train a forecaster."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import optuna

from kallos_models import UnknownModelError, available_models, read_hyperparameters

from ..errors import ConfigError
from ..report import best_trials, study_result, trial_facts
from ..trial_states import word_of_trial

Likelihood = Literal["none", "quantile"]

_NEEDED = ("study_name", "model_name", "definition", "best_trials")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A complete trial that may be trained again.

    Attributes
    ----------
    trial : int
        Its number.
    score : float
        Its mean error over the folds.
    params : mapping
        Its hyperparameters.
    best_epochs : tuple of int
        The epoch of each fold that had the lowest validation loss.
    seed : int
        That it was trained with.
    """

    trial: int
    score: float
    params: Mapping[str, Any]
    best_epochs: tuple[int, ...]
    seed: int

    @classmethod
    def of(cls, facts: Mapping[str, Any], model_name: str) -> Self:
        """Read what :func:`kallos_tune.report.trial_facts` returns of a trial of that architecture.

        Raises
        ------
        ConfigError, kallos_models.ConfigError
            Where something is missing, or a hyperparameter is unknown or impossible.
        """
        try:
            candidate = cls(
                trial=int(facts["trial"]),
                score=float(facts["score"]),
                params=dict(facts["params"]),
                best_epochs=tuple(int(epoch) for epoch in facts["best_epochs"]),
                seed=int(facts["made_with"].get("seed", 0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"holds a trial that cannot be read ({error}): write the file anew", "params") from error
        read_hyperparameters(model_name, candidate.params)
        if not candidate.best_epochs or min(candidate.best_epochs) < 1:
            raise ConfigError(f"holds trial {candidate.trial} without best epochs: write the file anew", "params")
        return candidate


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train what a study found.

    Attributes
    ----------
    study_name, model_name : str
    definition : mapping
        What the study is about; see :meth:`kallos_tune.StudyData.definition`.
    candidates : tuple of Candidate
        Complete trials, best first.
    reading : mapping or None
        How its history was read.
    fingerprint : mapping
        Hashes of its data by month.
    verdict : mapping or None
        What was announced of it; see :class:`kallos_tune.Verdict`.
    """

    study_name: str
    model_name: str
    definition: Mapping[str, Any]
    candidates: tuple[Candidate, ...]
    reading: Mapping[str, Any] | None
    fingerprint: Mapping[str, Any]
    verdict: Mapping[str, Any] | None

    @classmethod
    def of_study(cls, study: optuna.Study, *, trial: int | None = None) -> Self:
        """Return the recipe of a study: of its complete trials, or of one of them.

        Raises
        ------
        ConfigError
            Where the study was not made by Kallos, has no complete trial, or that trial is not complete.
        """
        facts = study_result(study).to_dict()
        complete = best_trials(study)
        if trial is not None:
            complete = [each for each in complete if each.number == trial]
            if not complete:
                raise ConfigError(_why_no_candidate(study, trial), "trial")
        return cls.of_facts(facts | {"best_trials": [trial_facts(each) for each in complete]})

    @classmethod
    def of_file(cls, path: str | Path) -> Self:
        """Return the recipe that a file of best parameters holds, as ``kallos-run tune`` writes it.

        Raises
        ------
        ConfigError
            Where it cannot be read, or is something else.
        kallos_models.KallosError
            Where it names an unknown architecture or impossible hyperparameters.
        """
        try:
            facts = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}", "params") from error
        except ValueError as error:
            raise ConfigError(f"{path} is no JSON ({error}): give the file that tune has written", "params") from error
        if not isinstance(facts, dict):
            raise ConfigError(f"{path} holds no best parameters: give the file that tune has written", "params")
        return cls.of_facts(facts)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Return the recipe in a :class:`kallos_tune.StudyResult` as a mapping.

        Raises
        ------
        ConfigError, kallos_models.KallosError
            As in :meth:`of_file`.
        """
        missing = [name for name in _NEEDED if not facts.get(name)]
        if missing:
            raise ConfigError(
                f"lacks {', '.join(missing)}: give a file that this version of tune has written; started again, tune "
                "writes it anew from a finished study at once",
                "params",
            )
        if facts["model_name"] not in available_models():
            raise UnknownModelError(facts["model_name"], available_models())
        return cls(
            study_name=str(facts["study_name"]),
            model_name=facts["model_name"],
            definition=facts["definition"],
            candidates=tuple(Candidate.of(each, facts["model_name"]) for each in facts["best_trials"]),
            reading=facts.get("reading"),
            fingerprint=facts.get("fingerprint") or {},
            verdict=facts.get("verdict"),
        )


def likelihood_of(definition: Mapping[str, Any]) -> Likelihood:
    """Return what the models of a study forecast: values, or quantiles."""
    # Studies made before there were quantiles do not say.
    return definition.get("likelihood", "none")


def _why_no_candidate(study: optuna.Study, trial: int) -> str:
    numbers: Sequence[int] = [each.number for each in best_trials(study)]
    known = {each.number: word_of_trial(each) for each in study.get_trials(deepcopy=False)}
    if trial not in known:
        return f"is {trial}, and the study has trials 0 to {max(known)}"
    word = known[trial]
    why = {"failed": "failed", "running": "is running", "waiting": "is waiting"}.get(word, f"was {word}")
    shown = ", ".join(map(str, numbers[:5])) + (" and others" if len(numbers) > 5 else "")
    return f"is {trial}, which {why}: train one that finished every fold, as {shown} did"
