"""What a study's forecasters are worth later: kinds of members, and rules for how long the last training takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

import numpy as np
import optuna
import polars as pl

from kallos_data import FoldSeries, prepare_darts_timeseries
from kallos_models import Member, TrainingSettings
from kallos_tune import ForecasterSettings, Recipe, StudyData
from kallos_tune.evaluation.scoring import naive_forecasts, naive_of_training
from kallos_tune.forecaster.epochs import EpochRule, final_epochs
from kallos_tune.forecaster.members import fit_member
from kallos_tune.forecaster.plan import MemberPlan, plan_members
from kallos_tune.forecaster.settings import MembersFrom
from kallos_tune.forecaster.train import window_of
from kallos_tune.forecaster.trained import member_forecasts
from kallos_tune.forecaster.window import TrainingWindow, training_window
from kallos_tune.study_verdict import evidence_of
from kallos_tune.verdict.choice import choice_for
from kallos_tune.verdict.judge import N_AVERAGE

from ._many_markets import skill
from ._market import Market

EPOCH_RULES: Final[tuple[EpochRule, ...]] = get_args(EpochRule)
LAST: Final = 42
STOP: Final = f"stop on last {LAST}"
RULES: Final[tuple[str, ...]] = (*EPOCH_RULES, STOP)
MEMBERS: Final = ("one seed", "five seeds", "five trials")


@dataclass
class Trainer:
    """Trains networks on a window and forecasts the steps after it; the same network once, whoever asks for it."""

    model_name: str
    window: TrainingWindow
    later: FoldSeries
    patience: int
    kept: dict[tuple[int, int, int], np.ndarray] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)

    def forecasts(self, plans: Iterable[MemberPlan]) -> np.ndarray:
        """Return what each member forecasts, ``[M, T]``."""
        return np.stack([self._forecast(plan) for plan in plans])

    def _forecast(self, plan: MemberPlan) -> np.ndarray:
        key = (plan.trial, plan.seed, plan.epochs)
        if key not in self.kept:
            training = TrainingSettings(patience=self.patience)
            fit = fit_member(self.model_name, plan, self.window.series(), training)
            member = Member(self.model_name, fit.hparams, self.window.features, fit.model)
            self.kept[key] = member_forecasts([member], self.later)[0]
            self.epochs.append(fit.best_epoch or fit.epochs)
        return self.kept[key]


def hold_out_skills(market: Market, data: StudyData, recipe: Recipe) -> dict[str, dict[str, float]]:
    """Return the skill on the steps after the study's end, by members and rule, against the naive forecast to beat.

    That is the one with the lowest error over the training, as ``evaluate`` has it. The skill of one seed is the mean
    of those of the five seeds, each by itself.
    """
    later = market.whole_frame().filter(pl.col("timestamp") > data.frame["timestamp"][-1])
    trainers = {stop: _trainer(data, recipe, later, stop) for stop in (None, LAST)}
    truth = prepare_darts_timeseries(
        data.frame, later, data.target_col, data.feature_groups, target_transform=data.target_transform
    ).truth
    actual = truth.values[truth.val_start :]
    to_beat = naive_of_training(truth, data.settings.folds.metric, around_zero=data.around_zero)
    naive = naive_forecasts(truth, data.settings.folds, around_zero=data.around_zero)[to_beat]
    skills: dict[str, dict[str, float]] = {name: {} for name in MEMBERS}
    for rule in RULES:
        stop = LAST if rule == STOP else None
        trainer = trainers[stop]
        of_seeds = trainer.forecasts(_plans(data, recipe, trainer.window, stop, rule, members_from="seeds"))
        of_trials = trainer.forecasts(_plans(data, recipe, trainer.window, stop, rule, members_from="trials"))
        skills["one seed"][rule] = float(np.mean([skill(actual, each, naive) for each in of_seeds]))
        skills["five seeds"][rule] = skill(actual, of_seeds.mean(axis=0), naive)
        skills["five trials"][rule] = skill(actual, of_trials.mean(axis=0), naive)
    return skills


def _trainer(data: StudyData, recipe: Recipe, later: pl.DataFrame, stop: int | None) -> Trainer:
    window = window_of(data, recipe.definition, ForecasterSettings(stop_on_last=stop))
    learnt = window.series()
    fold = prepare_darts_timeseries(
        data.frame, later, data.target_col, data.feature_groups, scalers=(learnt.feature_scaler, learnt.target_scaler)
    )
    return Trainer(recipe.model_name, window, fold, int(recipe.definition["patience"]))


def _plans(  # noqa: PLR0917 - what a plan is about
    data: StudyData, recipe: Recipe, window: TrainingWindow, stop: int | None, rule: str, members_from: MembersFrom
) -> tuple[MemberPlan, ...]:
    settings = ForecasterSettings(members_from=members_from, stop_on_last=stop)
    lengths = [len(train) for train, _ in data.splits]
    # Where the last steps stop the training, no rule is asked.
    asked = next((each for each in EPOCH_RULES if each == rule), EPOCH_RULES[0])
    return plan_members(recipe, settings, fold_lengths=lengths, final_length=len(window.train), rule=asked)


def walk_forward_skills(data: StudyData, study: optuna.Study, recipe: Recipe) -> dict[str, float]:
    """Return the skill of the walk-forward choice by the rule for the epochs of each judged fold.

    The trials and the naive forecast are those that the verdict takes in each fold. They are trained anew on its
    training window for as many epochs as the rule makes of their best ones on earlier folds. "mean" is the verdict's,
    with other random draws: nothing is validated between its epochs here.
    """
    folds, evidence = evidence_of(study, data)
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    lengths = [len(train) for train, _ in data.splits]
    actual: list[np.ndarray] = []
    naive: list[np.ndarray] = []
    forecasts: dict[EpochRule, list[np.ndarray]] = {rule: [] for rule in EPOCH_RULES}
    for place in range(1, len(folds)):
        choice = choice_for(place + 1, folds, evidence, metric=data.settings.folds.metric, n_average=N_AVERAGE)
        if not choice.trials:
            continue
        window = training_window(data.splits[place][0], data.observed, recipe.definition)
        trainer = Trainer(recipe.model_name, window, data.folds[place], data.settings.training.patience)
        chosen = [trials[number] for number in choice.trials]
        for rule in EPOCH_RULES:
            plans = [_plan(trial, lengths[: place + 1], data.settings.training.seed, rule) for trial in chosen]
            forecasts[rule].append(trainer.forecasts(plans).mean(axis=0))
        actual.append(folds[place].actual)
        naive.append(folds[place].naive[choice.naive])
    if not actual:
        return {}
    truth, rival = np.concatenate(actual), np.concatenate(naive)
    return {rule: skill(truth, np.concatenate(each), rival) for rule, each in forecasts.items()}


def _plan(trial: optuna.trial.FrozenTrial, lengths: Sequence[int], seed: int, rule: EpochRule) -> MemberPlan:
    best = trial.user_attrs["fold_best_epochs"][: len(lengths) - 1]
    epochs = final_epochs(best, lengths[:-1], lengths[-1], rule=rule)
    return MemberPlan(number=1, trial=trial.number, params=trial.params, seed=seed, epochs=epochs)
