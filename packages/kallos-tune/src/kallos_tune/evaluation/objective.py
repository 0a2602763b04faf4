"""What a trial is worth: the mean error over the folds."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import optuna
import torch

from kallos_data import FoldSeries
from kallos_models import TrainingSettings

from ..events import EpochFinished, FoldFinished, Listener, TrialStarted, ignore
from ..search_space import suggest
from ..settings import TuningSettings
from ..trial_attributes import CHOSEN_EPOCHS, FOLD_SCORES, FORECASTS, MADE_WITH, OUT_OF_SAMPLE
from .fold import FoldResult, evaluate_fold
from .forecast_record import forecast_to_text
from .naive_scores import naive_scores_of
from .pruning import rung_of_epoch, rung_of_fold


def objective(
    trial: optuna.Trial,
    folds: Sequence[FoldSeries],
    model_name: str,
    *,
    settings: TuningSettings | None = None,
    on_event: Listener = ignore,
) -> float:
    """Train and score one set of hyperparameters on every fold.

    A new model and a new trainer for every fold; only the data are shared. At every rung of
    :mod:`kallos_tune.evaluation.pruning` the trial's error so far is reported, in the target's unit, so that a pruner
    compares like with like. Of quantiles the error is the pinball loss, and the forecasts kept are the medians.

    Parameters
    ----------
    trial : optuna.Trial
        Is asked for the parameters of ``settings.search.space``. It keeps as user attributes the fold scores, their
        naive counterparts, epochs, best epochs and seconds, and all that it was made with: seed, most epochs, patience,
        least fall of the loss, likelihood, threads and device; also each fold's forecast at its best epoch and, from
        the second fold on, its forecast at the mean of the earlier folds' best epochs, which knows nothing of the fold.
    folds : sequence of FoldSeries
        Oldest first; see :attr:`kallos_tune.StudyData.folds`.
    model_name : str
        One of :func:`kallos_models.available_models`.
    settings : TuningSettings, optional
        Its defaults where left out.
    on_event : callable, optional
        Is told of the trial's start, its epochs and its folds.

    Returns
    -------
    float
        Mean of the fold scores (RMSE by default, of quantiles the pinball loss), in the target's unit.

    Raises
    ------
    optuna.TrialPruned
        Where the study's pruner prunes the trial.
    kallos_models.KallosError
        Where the model cannot be built, or its training diverges.
    ArithmeticError
        Where the score of a fold is not finite.
    """
    settings = settings or TuningSettings()
    trial.set_user_attr(MADE_WITH, _made_with(settings.training))
    params = suggest(trial, settings.search.space)
    on_event(TrialStarted(trial.number, params))
    # The validation loss is that of one step: it says little of a forecast that feeds on itself.
    early_rungs = settings.folds.forecast == "rolling"
    of_quantiles = settings.training.likelihood == "quantile"
    naive = naive_scores_of([fold.truth for fold in folds], settings).fold_scores
    results: list[FoldResult] = []
    for number, fold in enumerate(folds, start=1):
        in_target_unit = fold.pinball_in_target_unit if of_quantiles else fold.rmse_in_target_unit
        on_epoch = _epoch_listener(
            trial, number, len(folds), on_event, in_target_unit=in_target_unit if early_rungs else None
        )
        result = evaluate_fold(
            fold,
            model_name,
            params,
            settings=settings,
            chosen_epoch=_chosen_epoch(results),
            naive_score=naive[number - 1],
            on_epoch=on_epoch,
        )
        if not math.isfinite(result.score):
            raise ArithmeticError(f"the score of fold {number} is {result.score}")
        results.append(result)
        _store(trial, results)
        on_event(
            FoldFinished(
                trial.number, number, len(folds), result.score, result.naive_score, result.epochs, result.seconds
            )
        )
        trial.report(_mean_score(results), step=rung_of_fold(number))
        if number < len(folds) and trial.should_prune():
            raise optuna.TrialPruned
    return _mean_score(results)


def _epoch_listener(
    trial: optuna.Trial,
    number: int,
    n_folds: int,
    on_event: Listener,
    *,
    in_target_unit: Callable[[float], float] | None,
) -> Callable[[int, float], None]:
    """Return what tells of a fold's epochs, and reports the best error so far where a rung lies, if any does."""
    best = math.inf

    def after(epoch: int, val_loss: float) -> None:
        nonlocal best
        on_event(EpochFinished(trial.number, number, n_folds, epoch, val_loss))
        best = min(best, val_loss)  # NaN is not smaller than anything
        rung = rung_of_epoch(number, epoch)
        if rung is None or in_target_unit is None or not math.isfinite(best):
            return
        trial.report(in_target_unit(best), step=rung)
        if trial.should_prune():
            raise optuna.TrialPruned

    return after


def _chosen_epoch(earlier: Sequence[FoldResult]) -> int | None:
    """Return the epoch that earlier folds choose: the mean of their best ones; None without any."""
    return round(float(np.mean([result.best_epoch for result in earlier]))) if earlier else None


def _made_with(training: TrainingSettings) -> dict[str, float | str]:
    return {
        "seed": training.seed,
        "max_epochs": training.max_epochs,
        "patience": training.patience,
        "min_delta": training.min_delta,
        "likelihood": training.likelihood,
        "threads": torch.get_num_threads(),
        "device": training.device,
    }


def _mean_score(results: Sequence[FoldResult]) -> float:
    return float(np.mean([result.score for result in results]))


def _store(trial: optuna.Trial, results: Sequence[FoldResult]) -> None:
    trial.set_user_attr(FOLD_SCORES, [result.score for result in results])
    trial.set_user_attr("fold_naive_scores", [result.naive_score for result in results])
    trial.set_user_attr("fold_epochs", [result.epochs for result in results])
    trial.set_user_attr("fold_best_epochs", [result.best_epoch for result in results])
    trial.set_user_attr("fold_seconds", [round(result.seconds, 3) for result in results])
    trial.set_user_attr(FORECASTS, [forecast_to_text(result.forecast) for result in results])
    trial.set_user_attr(CHOSEN_EPOCHS, [_chosen_epoch(results[:place]) for place in range(len(results))])
    out_of_sample = [result.out_of_sample for result in results]
    trial.set_user_attr(OUT_OF_SAMPLE, [None if each is None else forecast_to_text(each) for each in out_of_sample])
