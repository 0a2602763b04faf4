"""The sections about the search: best parameters, scores by fold and by trial, and which parameters matter."""

from functools import partial
from typing import Final

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from ..search_space import without_effect
from ..trial_states import counts_in_words, counts_of
from ..verdict.figures import counted, signed_per_cent
from .contents import Cell, Facts, Part, Picture, Section, Table, Words
from .figures.parameter_figures import importance_figure, parallel_figure, slice_figure
from .figures.trial_figures import heat_map, history_figure
from .gathered import Gathered, fold_scores

_NONE_YET: Final = "No trial is complete yet."
_MOST_SHOWN: Final = 10
_MOST_LINES: Final = 200
FEWEST_FOR_IMPORTANCES: Final = 20
"""PED-ANOVA looks at the best tenth of the complete trials: of fewer that is a single one."""
_STEADY: Final = 50


def best_section(gathered: Gathered) -> Section:
    """Return the best parameters, and the trials next to them."""
    key, title = "best", "Best parameters"
    if not gathered.complete:
        return Section(key, title, (Words(_NONE_YET),))
    best = gathered.complete[0]
    lead = Words(
        f"Trial {best.number} has the lowest search score, {best.value:.4g} ({gathered.score_name}, lower is better). "
        "It was chosen on the windows that it is scored on: the score ranks trials and promises nothing."
    )
    idle = without_effect(gathered.definition["model_name"], best.params)
    params = tuple(
        (name, f"{_short(value)} ({idle[name]})" if name in idle else _plain(value))
        for name, value in best.params.items()
    )
    facts = Facts(params, f"Parameters of trial {best.number}")
    return Section(key, title, (lead, facts, _folds_of_best(gathered, best), _best_trials(gathered)))


def scores_section(gathered: Gathered) -> Section:
    """Return the heat map of scores, folds by trials."""
    key, title = "scores", "Scores by fold and trial"
    with_scores = _ranked(gathered)
    if not with_scores:
        return Section(key, title, (Words("No trial has finished a fold yet."),))
    naive = () if gathered.naive is None else gathered.naive.fold_scores
    if not naive or min(naive) <= 0:
        return Section(key, title, (Words(_NO_NAIVE if naive else _NAIVE_NOT_KEPT),))
    skills = np.full((len(naive), len(with_scores)), np.nan)
    for column, trial in enumerate(with_scores):
        scores = fold_scores(trial)[: len(naive)]
        skills[: len(scores), column] = 1 - np.array(scores) / naive[: len(scores)]
    lead = (
        f"How much smaller the error of each trial is in each fold than that of {gathered.naive_in_words}, the naive "
        "forecast that is the hardest to beat over all folds, at the epoch that was best on that very fold. A column "
        "that changes its colour from fold to fold is a matter of the market, not of the parameters. Empty cells: "
        "pruned before."
    )
    told = [
        f"fold {fold}: best {signed_per_cent(float(np.nanmax(row)))} %"
        for fold, row in enumerate(skills, start=1)
        if np.isfinite(row).any()
    ]
    alt = (
        f"Heat map of {counted(len(naive), 'fold')} by {counted(len(with_scores), 'trial')}, coloured by how much "
        f"better than {gathered.naive_in_words} a trial is. {', '.join(told)}."
    )
    numbers = [trial.number for trial in with_scores]
    draw = partial(heat_map, skills, numbers, naive=gathered.naive_in_words)
    picture = Picture("fold-scores", "Scores beside the naive forecast, folds by trials", alt, draw)
    return Section(key, title, (Words(lead), picture))


def history_section(gathered: Gathered) -> Section:
    """Return the scores as the search went on."""
    key, title = "history", "The search"
    if not gathered.trials:
        return Section(key, title, (Words("No trial has ended yet."),))
    counts = counts_of(gathered.trials)
    told = f"trials: {counts_in_words(counts)}"
    lead = (
        f"{told[0].upper()}{told[1:]}. Pruned trials stand apart, at their error where they were pruned: it is of "
        "fewer epochs or folds than a score, and not to be compared with one. What is far worse than the others stands "
        "at the upper edge."
    )
    naive = gathered.naive_score
    best = f"; the best score is {gathered.complete[0].value:.4g}" if gathered.complete else ""
    alt = f"Scores of the trials in their order, {told}{best}{'' if naive is None else f', naive {naive:.4g}'}."
    draw = partial(history_figure, gathered.trials, naive, score_name=gathered.score_name)
    return Section(key, title, (Words(lead), Picture("history", "Score of each trial", alt, draw)))


def importance_section(gathered: Gathered) -> Section:
    """Return which parameters tell good trials from others."""
    key, title = "importances", "Which parameters matter (PED-ANOVA)"
    names = _varied(gathered.complete)
    n_complete = len(gathered.complete)
    if n_complete < FEWEST_FOR_IMPORTANCES or not names:
        why = (
            f"Not told: PED-ANOVA compares the best tenth of the complete trials with all of them, and of "
            f"{counted(n_complete, 'complete trial')} that says nothing; {FEWEST_FOR_IMPORTANCES} are needed."
            if names or n_complete < FEWEST_FOR_IMPORTANCES
            else "Not told: no parameter varies."
        )
        return Section(key, title, (Words(why),))
    found = importances_of(gathered.study, names)
    lead = (
        "How much the best tenth of the complete trials differs from all of them in each parameter (PED-ANOVA, "
        "Watanabe, Bansal, Hutter 2023), in shares of the sum."
    )
    parts: list[Part] = [Words(lead)]
    if n_complete < _STEADY:
        parts.append(Words(f"The best tenth are {-(-n_complete // 10)} trials here: a rough guess.", "note"))
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.items())
    draw = partial(importance_figure, found)
    parts.append(Picture("importances", "Importance of each parameter", f"Bars: {told}.", draw))
    return Section(key, title, tuple(parts))


def slice_section(gathered: Gathered) -> Section:
    """Return scores over each parameter, and all parameters side by side."""
    key, title = "parameters", "Scores over parameters"
    names = _varied(gathered.complete)
    if len(gathered.complete) < 2 or not names:
        n_complete = len(gathered.complete)
        why = "no parameter varies" if n_complete > 1 else f"there {'is one' if n_complete else 'is none'}"
        text = f"Not drawn: {why}." if n_complete > 1 else f"Needs two complete trials, and {why}."
        return Section(key, title, (Words(text),))
    best = gathered.complete[0]
    shown = ", ".join(f"{name} {_short(best.params[name])}" for name in names if name in best.params)
    lead = f"Of {counted(len(gathered.complete), 'complete trial')}. The best, trial {best.number}, has {shown}."
    slices = Picture(
        "slices",
        "Score over each parameter; the later the trial, the stronger its dot",
        f"{counted(len(names), 'panel')} of dots, one for each complete trial: {gathered.score_name} over "
        f"{', '.join(names)}.",
        partial(slice_figure, gathered.complete, names, score_name=gathered.score_name),
    )
    everywhere = [name for name in names if all(name in trial.params for trial in gathered.complete)]
    parts: list[Part] = [Words(lead), slices]
    if everywhere:
        shown_trials = gathered.complete[:_MOST_LINES]
        of_which = f"the best {_MOST_LINES} trials" if len(shown_trials) < len(gathered.complete) else "each trial"
        parts.append(
            Picture(
                "parallel",
                f"All parameters of {of_which}; the better the trial, the stronger its line",
                f"Parallel axes of {gathered.score_name}, {', '.join(everywhere)}; a line for {of_which}.",
                partial(parallel_figure, shown_trials, everywhere, score_name=gathered.score_name),
            )
        )
    return Section(key, title, tuple(parts))


def importances_of(study: optuna.Study, names: list[str]) -> dict[str, float]:
    """Return the share of each parameter's importance by PED-ANOVA, the largest first, of equals by name."""
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), params=names)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


_NAIVE_NOT_KEPT: Final = (
    "Not drawn: the study does not keep what it would be compared with; kallos-run tune adds it, or give the prices."
)
_NO_NAIVE: Final = "Not drawn: the naive forecast makes no error in some fold, so there is nothing to compare with."


def _ranked(gathered: Gathered) -> list[FrozenTrial]:
    """Return the trials that finished a fold: complete ones, the best first, then those pruned last."""
    pruned = [trial for trial in gathered.trials if trial.state == TrialState.PRUNED and fold_scores(trial)]
    pruned.sort(key=lambda trial: (-len(fold_scores(trial)), float(np.mean(fold_scores(trial))), trial.number))
    return [trial for trial in gathered.complete if fold_scores(trial)] + pruned


def _varied(trials: list[FrozenTrial]) -> list[str]:
    """Return the parameters that are not the same in all of the trials."""
    names = dict.fromkeys(name for trial in trials for name in trial.params)
    return [name for name in names if len({trial.params[name] for trial in trials if name in trial.params}) > 1]


def _folds_of_best(gathered: Gathered, best: FrozenTrial) -> Table:
    bounds = gathered.definition["folds"]
    naive = () if gathered.naive is None else gathered.naive.fold_scores
    rows: list[tuple[Cell, ...]] = []
    for number, (fold, score) in enumerate(zip(bounds, fold_scores(best), strict=False), start=1):
        known = naive[number - 1] if number <= len(naive) else None
        rows.append((number, fold["val_first"][:10], fold["val_last"][:10], float(score), known))
    header = ("fold", "from", "to", gathered.score_name, f"naive {gathered.score_name}")
    return Table(header, tuple(rows), "Folds of the best trial, which was chosen on them")


def _best_trials(gathered: Gathered) -> Table:
    shown = gathered.complete[:_MOST_SHOWN]
    names = list(dict.fromkeys(name for trial in shown for name in trial.params))
    rows = tuple((trial.number, trial.value, *(_plain(trial.params.get(name)) for name in names)) for trial in shown)
    of_all = "" if len(shown) == len(gathered.complete) else f" of {len(gathered.complete)}"
    title = f"The best {len(shown)}{of_all} complete trials" if len(shown) > 1 else "The only complete trial"
    return Table(("trial", "score", *names), rows, title)


def _plain(value: object) -> Cell:
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
