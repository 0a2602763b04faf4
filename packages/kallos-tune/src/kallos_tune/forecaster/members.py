"""Training the members of a forecaster side by side, each kept as soon as it is finished.

Every worker goes through all members: one that is locked by another worker, or finished, is passed over. The lock is
that of an open file, which ends with its process: what a killed worker was training, its replacement trains anew.
"""

import fcntl
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kallos_models import Fit, Member, TrainingSettings, fit_forecaster, read_hyperparameters, save_forecaster

from ..evaluation.threads import torch_threads
from ..events import Listener, MemberFinished, MemberStarted
from .plan import MemberPlan
from .window import TrainingWindow

if TYPE_CHECKING:
    from kallos_data import FoldSeries


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What is trained, and where it is kept until all of it is finished.

    Attributes
    ----------
    model_name : str
    window : TrainingWindow
    members : tuple of MemberPlan
    training : kallos_models.TrainingSettings
        Patience and device; each member has its own epochs and seed.
    folder : Path
        Of the finished members, one subfolder each; it exists.
    """

    model_name: str
    window: TrainingWindow
    members: tuple[MemberPlan, ...]
    training: TrainingSettings
    folder: Path

    def folder_of(self, member: MemberPlan) -> Path:
        """Return where a finished member is."""
        return self.folder / f"member-{member.number}"

    def is_finished(self, member: MemberPlan) -> bool:
        """Return whether a member is trained and kept."""
        return self.folder_of(member).is_dir()


def train_members(job: TrainingJob, on_event: Listener) -> None:
    """Train the members that nobody else trains; what every worker does.

    Parameters
    ----------
    job : TrainingJob
    on_event : callable
        Is told of the members that begin and end here.

    Raises
    ------
    kallos_models.KallosError
        Where a model cannot be built, or its training diverges.
    """
    fold: FoldSeries | None = None
    with torch_threads(1):
        for member in job.members:
            with _locked(job.folder / f"member-{member.number}.lock") as mine:
                if not mine or job.is_finished(member):
                    continue
                fold = fold or job.window.series()
                _train(job, member, fold, on_event)


def _train(job: TrainingJob, member: MemberPlan, fold: "FoldSeries", on_event: Listener) -> None:
    on_event(MemberStarted(member.number, len(job.members), member.trial, member.epochs))
    started = time.perf_counter()
    fit = fit_member(job.model_name, member, fold, job.training)
    saved = Member(job.model_name, fit.hparams, job.window.features, fit.model)
    facts = facts_of_member(member, fit)
    save_forecaster([saved], job.folder_of(member), about=facts)
    seconds = time.perf_counter() - started
    on_event(MemberFinished(member.number, len(job.members), member.trial, facts["epochs"], seconds))


def fit_member(model_name: str, member: MemberPlan, fold: "FoldSeries", training: TrainingSettings) -> Fit:
    """Train one member on the training window of a fold, stopped early by its validation window where it has one."""
    hparams = read_hyperparameters(model_name, {**member.params, "output_chunk_shift": fold.purge})
    target, covariates = fold.train_series()
    validation: dict[str, Any] = {}
    if fold.n_val:
        look_back = hparams.input_chunk_length + fold.purge
        val_target, val_covariates = fold.val_series(look_back)
        validation = {
            "val_target": val_target,
            "val_past_covariates": val_covariates,
            "val_observed": fold.observed[fold.val_start - look_back :],
        }
    return fit_forecaster(
        model_name,
        hparams,
        target,
        covariates,
        observed=fold.train_observed,
        settings=replace(training, max_epochs=member.epochs, seed=member.seed),
        **validation,
    )


def facts_of_member(member: MemberPlan, fit: Fit) -> dict[str, Any]:
    """Return what a card says of a member, in JSON's own types: trial, seed, epochs whose weights it has."""
    return {"trial": member.trial, "seed": member.seed, "epochs": fit.best_epoch or fit.epochs}


@contextmanager
def _locked(path: Path) -> Generator[bool]:
    """Hold a lock that ends with this process, and say whether it is ours."""
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
