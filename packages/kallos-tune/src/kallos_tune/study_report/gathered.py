"""What a report is made from: the study, its trials, and the truth of its folds where that is at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ..report import best_trials
from ..score_names import Metric, judged_metric_of, score_name_of
from ..study_data import StudyData
from ..study_definition import current_definition, required_definition, stored_naive
from ..study_source import change_since
from ..study_verdict import evidence_of, judge_study, lines_of_study, naive_score_of, stored_verdict
from ..trial_attributes import FOLD_SCORES, n_finished
from ..verdict.judge import N_AVERAGE
from ..verdict.naive_scores import NaiveScores
from ..verdict.sentences import naive_in_words
from ..verdict.verdict import Verdict
from ..verdict.walk_forward import WalkForward, walk_forward
from ..verdict.wording import verdict_lines

_WITHOUT_PRICES = "the prices were not at hand when this report was written"


@dataclass(frozen=True)
class Gathered:
    """A study as its report sees it.

    Attributes
    ----------
    study : optuna.Study
    data : StudyData or None
        What it is about, where prices are at hand; they may have changed.
    commands : tuple of str
        That reproduce it.
    """

    study: optuna.Study
    data: StudyData | None
    commands: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What the study is about, with all changes.

        Raises
        ------
        ConfigError
            Where it was not made by Kallos.
        """
        as_made = required_definition(self.study)
        return current_definition(self.study.user_attrs) or as_made

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        """Trials that have ended, by number."""
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return sorted(self.study.get_trials(deepcopy=False, states=states), key=lambda trial: trial.number)

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        """Complete trials, the best first."""
        return best_trials(self.study)

    @property
    def score_name(self) -> str:
        """What scores are."""
        return score_name_of(self.definition["metric"], self.definition["likelihood"])

    @property
    def judged_metric(self) -> Metric:
        """What skills are measured by."""
        return judged_metric_of(self.definition["metric"], self.definition["likelihood"])

    @cached_property
    def naive(self) -> NaiveScores | None:
        """The naive forecast that scores are compared with; None where neither study nor prices tell it."""
        kept = stored_naive(self.study.user_attrs)
        if kept is None and self.data is not None and self.without_truth is None:
            return self.data.naive
        return kept

    @property
    def naive_score(self) -> float | None:
        """Its mean over the folds."""
        return naive_score_of(self.study.user_attrs) if self.naive is None else self.naive.score

    @property
    def naive_in_words(self) -> str:
        """What it is called in a sentence."""
        return "the naive forecast" if self.naive is None else naive_in_words(self.naive.name)

    @cached_property
    def change_of_data(self) -> str | None:
        """What of the prices has changed since the study was made, in words; None where nothing has."""
        return None if self.data is None else change_since(self.study, self.data)

    @property
    def without_truth(self) -> str | None:
        """Why nothing can be drawn that needs the truth, in words; None where it can."""
        return _WITHOUT_PRICES if self.data is None else self.change_of_data

    @cached_property
    def walked(self) -> WalkForward | None:
        """The walk-forward choice with the truth beside it; None where prices are not at hand."""
        if self.data is None or self.without_truth is not None:
            return None
        folds, trials = evidence_of(self.study, self.data)
        return walk_forward(folds, trials, metric=self.judged_metric, n_average=N_AVERAGE)

    @cached_property
    def verdict(self) -> Verdict | None:
        """The verdict on all finished trials: as it is kept, or made now; an older one where neither can be had."""
        kept, finished = stored_verdict(self.study.user_attrs), n_finished(self.study)
        can_judge = finished and self.data is not None and self.without_truth is None
        if can_judge and (kept is None or kept.n_trials != finished):
            assert self.data is not None, "that is a part of it"
            return judge_study(self.study, self.data)
        return kept

    @property
    def verdict_lines(self) -> list[str]:
        """The verdict in words, or that there is none."""
        kept = stored_verdict(self.study.user_attrs)
        return (
            lines_of_study(self.study) if self.verdict is None or self.verdict == kept else verdict_lines(self.verdict)
        )


def fold_scores(trial: FrozenTrial) -> list[float]:
    """Return the scores of the folds that a trial got through."""
    attributes: Mapping[str, Any] = trial.user_attrs
    return attributes.get(FOLD_SCORES, [])
