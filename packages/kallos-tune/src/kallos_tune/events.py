"""What a running study, and the training of a forecaster, tell whoever watches them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StudyOpened:
    """The study is open and its data are loaded.

    Attributes
    ----------
    study_name : str
    metric : {"rmse", "mae", "pinball"}
        What scores are.
    n_trials, n_finished : int
        Trials wanted and trials finished (complete or pruned) so far.
    n_rows, n_features, n_folds : int
        Size of the history: steps, past covariates, folds.
    first, last : str
        Its first and last step, ISO 8601.
    best_score, naive_score : float or None
        Best score so far; that of the naive forecast which is the hardest to beat over the same folds.
    naive : str
        Which one that is, in words.
    n_filled : tuple of (int, int)
        Filled steps of each fold's training and validation window, which are neither trained on nor scored.
    learnt : str or None
        What is learnt of the target, in words; None where its values are, as one expects.
    n_pruned : int
        Trials pruned so far, which are finished ones too.
    n_failed, n_interrupted, n_abandoned : int
        Trials whose code failed; that were stopped on purpose; whose worker was gone.
    best_trial : int or None
        The trial that has the best score.
    best_params : mapping of str to int or float
        Its parameters; empty where there is none.
    n_columns : int or None
        Of the history, of which the target and some others are no features.
    """

    study_name: str
    metric: str
    n_trials: int
    n_finished: int
    n_rows: int
    n_features: int
    n_folds: int
    first: str
    last: str
    best_score: float | None
    naive_score: float
    naive: str = "the naive forecast"
    n_filled: tuple[tuple[int, int], ...] = ()
    learnt: str | None = None
    n_pruned: int = 0
    n_failed: int = 0
    n_interrupted: int = 0
    n_abandoned: int = 0
    best_trial: int | None = None
    best_params: Mapping[str, int | float] = field(default_factory=dict[str, int | float])
    n_columns: int | None = None


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial begins with these parameters."""

    trial: int
    params: Mapping[str, int | float]


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """An epoch (counted from 1) of a fold (counted from 1) is over.

    ``val_loss`` is in scaled units, squared; of quantiles it is their pinball loss.
    """

    trial: int
    fold: int
    n_folds: int
    epoch: int
    val_loss: float


@dataclass(frozen=True, slots=True)
class FoldFinished:
    """A fold (counted from 1) is scored, in the target's unit."""

    trial: int
    fold: int
    n_folds: int
    score: float
    naive_score: float
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial is over.

    Attributes
    ----------
    trial : int
    state : str
        ``"COMPLETE"``, ``"PRUNED"`` or ``"FAIL"``.
    score : float or None
        Mean over the folds; of a pruned trial its error at the rung where it was pruned; None where failed.
    pruned_after : str or None
        That rung, in words.
    reason : str or None
        Why it failed.
    seconds : float
    best_score : float or None
        Of the study so far.
    n_finished, n_trials : int
    n_pruned, n_failed, n_interrupted, n_abandoned, best_trial, best_params
        As of :class:`StudyOpened`, by now.
    """

    trial: int
    state: str
    score: float | None
    pruned_after: str | None
    reason: str | None
    seconds: float
    best_score: float | None
    n_finished: int
    n_trials: int
    n_pruned: int = 0
    n_failed: int = 0
    n_interrupted: int = 0
    n_abandoned: int = 0
    best_trial: int | None = None
    best_params: Mapping[str, int | float] = field(default_factory=dict[str, int | float])


@dataclass(frozen=True, slots=True)
class MemberStarted:
    """The training of a forecaster's member (counted from 1) begins: of which trial, for how many epochs at most."""

    member: int
    n_members: int
    trial: int
    epochs: int


@dataclass(frozen=True, slots=True)
class MemberFinished:
    """A member is trained and kept; ``epochs`` are those whose weights it has."""

    member: int
    n_members: int
    trial: int
    epochs: int
    seconds: float


Event = StudyOpened | TrialStarted | EpochFinished | FoldFinished | TrialFinished | MemberStarted | MemberFinished
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Do nothing."""
