"""The judged steps: all folds that have a choice, one after the other, as one row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .choice import Choice
from .compared import Compared, but_rounding
from .evidence import Floats, JudgedFold, Times, TrialEvidence


@dataclass(frozen=True, slots=True)
class Sample:
    """Truth and forecasts at the judged steps, oldest first.

    Attributes
    ----------
    times : numpy.ndarray, datetime64, [N]
    fold : numpy.ndarray, int64, [N]
        Number of the fold that each step lies in.
    actual : numpy.ndarray, float64, [N]
    average, single : numpy.ndarray, float64, [N]
        The forecast of the chosen trials' average, and that of the first of them, as :func:`but_rounding` has them.
    to_beat : numpy.ndarray, float64, [N]
        The naive forecast chosen in each fold.
    naive : mapping of str to numpy.ndarray, float64, [N]
        Every naive forecast by name.
    complete : mapping of int to numpy.ndarray, float64, [N]
        Forecasts of the complete trials that have one at every judged step, by number.
    """

    times: Times
    fold: NDArray[np.int64]
    actual: Floats
    average: Floats
    single: Floats
    to_beat: Floats
    naive: Mapping[str, Floats]
    complete: Mapping[int, Floats]

    def __len__(self) -> int:
        return len(self.actual)

    @property
    def compared(self) -> Compared:
        """The average beside the naive forecasts."""
        return Compared(self.times, self.actual, self.average, self.to_beat, self.naive)


def sample_of(folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], choices: Sequence[Choice]) -> Sample:
    """Return the steps of the folds that something was chosen for, one fold at least.

    Parameters
    ----------
    folds : sequence of JudgedFold
    trials : sequence of TrialEvidence
    choices : sequence of Choice
        Oldest first, each with one trial at least and of a fold that has steps.
    """
    fold_of = {fold.number: fold for fold in folds}
    trial_of = {trial.number: trial for trial in trials}
    judged = [fold_of[choice.fold] for choice in choices]
    chosen = [[trial_of[one].forecasts[choice.fold] for one in choice.trials] for choice in choices]
    complete = {
        trial.number: np.concatenate([trial.forecasts[fold.number] for fold in judged])
        for trial in sorted(trials, key=lambda trial: trial.number)
        if trial.complete and all(fold.number in trial.forecasts for fold in judged)
    }
    actual = np.concatenate([fold.actual for fold in judged])
    to_beat = np.concatenate([fold.naive[choice.naive] for fold, choice in zip(judged, choices, strict=True)])
    return Sample(
        times=np.concatenate([fold.times for fold in judged]),
        fold=np.concatenate([np.full(len(fold.actual), fold.number) for fold in judged]),
        actual=actual,
        average=but_rounding(np.concatenate([np.mean(each, axis=0) for each in chosen]), actual, to_beat),
        single=but_rounding(np.concatenate([each[0] for each in chosen]), actual, to_beat),
        to_beat=to_beat,
        naive={name: np.concatenate([fold.naive[name] for fold in judged]) for name in folds[0].naive},
        complete={
            number: but_rounding(forecast, actual, to_beat)
            for number, forecast in complete.items()
            if np.isfinite(forecast).all()
        },
    )
