"""The sections about what the models are worth out of sample: the verdict, and what it was made from."""

from functools import partial
from typing import Final

import numpy as np

from ..verdict.accuracy import losses_of
from ..verdict.backtest_overfitting import backtest_overfitting, n_blocks_of
from ..verdict.choice import Choice
from ..verdict.evidence import Floats
from ..verdict.figures import counted, in_iso, listed, p_value, signed_per_cent
from ..verdict.sample import Sample
from ..verdict.search_wording import overfitting_lines, spa_line
from ..verdict.sentences import naive_in_words
from ..verdict.verdict import Verdict
from ..verdict.wording import to_beat
from .contents import Cell, Facts, Part, Picture, Section, Table, Words
from .figures.forecast_figures import forecast_figure, gain_figure
from .gathered import Gathered, fold_scores

_VERDICT: Final = "verdict:"
_STEPS_PER_BLOCK: Final = 10
_TOO_LITTLE: Final = "The probability of backtest overfitting needs four folds, or prices and forty judged steps."


def verdict_section(gathered: Gathered) -> Section:
    """Return the verdict and the numbers that it rests on."""
    lines = gathered.verdict_lines
    # Whoever looks at the first lines alone is to have seen the sentence that counts.
    parts: list[Part] = [Words(line, "verdict") for line in lines if line.startswith(_VERDICT)]
    parts += [Words(line) for line in lines if not line.startswith(_VERDICT)]
    if gathered.change_of_data is not None:
        parts.append(Words(f"Mind that {gathered.change_of_data}. The verdict is about the data as they were.", "note"))
    verdict = gathered.verdict
    if verdict is not None and verdict.folds:
        parts += [Facts(_rests_on(verdict), "What it rests on"), _folds_table(verdict)]
    return Section("verdict", "Verdict", tuple(parts))


def forecast_section(gathered: Gathered) -> Section:
    """Return the forecasts of the walk-forward choice beside the truth, fold by fold."""
    key, title = "forecasts", "Forecast and truth"
    walked = gathered.walked
    if walked is None or walked.sample is None:
        return Section(key, title, (Words(f"Not drawn: {_why_not(gathered)}."),))
    lead = (
        "The average of the trials that were best on earlier folds, each step forecast from what was known before, "
        "beside what came and the naive forecasts. Nothing of a fold had a part in its own choice."
    )
    pictures = [_of_fold(walked.sample, choice, gathered.definition["target_col"]) for choice in walked.usable]
    return Section(key, title, (Words(lead), *pictures))


def gain_section(gathered: Gathered) -> Section:
    """Return the plot of Goyal and Welch: squared error saved beside the naive forecast, summed up."""
    key, title = "gain", "Squared error saved"
    walked = gathered.walked
    if walked is None or walked.sample is None:
        return Section(key, title, (Words(f"Not drawn: {_why_not(gathered)}."),))
    sample = walked.sample
    gains = (sample.actual - sample.to_beat) ** 2 - (sample.actual - sample.average) ** 2
    verdict = gathered.verdict
    against = to_beat(verdict) if verdict is not None and verdict.folds else "the naive forecast"
    lead = (
        f"Up is better: the line rises while the forecast beats {against}, and falls while it loses. A single jump "
        "says that all was won or lost in one step (Goyal, Welch 2008)."
    )
    starts = [(sample.times[sample.fold == choice.fold][0], choice.fold) for choice in walked.usable]
    alt = (
        f"Line of the squared error saved beside {against}, summed up over {counted(len(sample), 'step')} from "
        f"{in_iso(sample.times[0])} to {in_iso(sample.times[-1])}. It ends at {float(gains.sum()):.3g}, "
        f"{'better' if gains.sum() > 0 else 'no better'} than that forecast."
    )
    draw = partial(gain_figure, sample.times, gains, starts)
    return Section(key, title, (Words(lead), Picture("gain", "Squared error saved so far", alt, draw)))


def overfitting_section(gathered: Gathered) -> Section:
    """Return what choosing the best of all complete trials is worth."""
    parts: list[Part] = []
    if len(gathered.complete) < 2:
        n_complete = len(gathered.complete)
        parts.append(Words(f"Needs two complete trials, and there {'is one' if n_complete else 'is none'}."))
    else:
        parts += _overfitting(gathered)
    if gathered.verdict is not None:
        parts.append(Words(spa_line(gathered.verdict)))
    return Section("overfitting", "How much is luck of the search", tuple(parts))


def _overfitting(gathered: Gathered) -> list[Part]:
    about = (
        "Of complete trials alone: those that were pruned were not among the better half, which makes the rest alike "
        "and the choice among them more a matter of luck."
    )
    steps = _step_losses(gathered)
    longest_overlap = 1 + gathered.definition["purge"]
    blocks = None if steps is None else n_blocks_of(len(steps), rows_per_block=_STEPS_PER_BLOCK * longest_overlap)
    if steps is not None and blocks is not None:
        found, row = backtest_overfitting(steps, n_blocks=blocks), "judged step"
    else:
        n_folds = len(gathered.definition["folds"])
        scores = [each for trial in gathered.complete if len(each := fold_scores(trial)) == n_folds]
        blocks = n_blocks_of(n_folds) if len(scores) > 1 else None
        if blocks is None:
            return [Words(_TOO_LITTLE)]
        found, row = backtest_overfitting(np.array(scores, dtype=np.float64).T, n_blocks=blocks), "fold"
        about += " From scores of whole folds, since single steps are not at hand: with so few it is a rough guess."
    return [*(Words(line) for line in overfitting_lines(found, row=row)), Words(about)]


def _step_losses(gathered: Gathered) -> Floats | None:
    """Return what each complete trial lost at each judged step ``[T, N]``; None where that is not at hand.

    The steps of a recursive forecast share their errors, so that they are not cut into blocks.
    """
    walked = gathered.walked
    if walked is None or walked.sample is None or gathered.definition["forecast"] != "rolling":
        return None
    sample = walked.sample
    if len(sample.complete) < 2:
        return None
    return np.column_stack(
        [losses_of(gathered.judged_metric, sample.actual, forecast) for forecast in sample.complete.values()]
    )


def _rests_on(verdict: Verdict) -> tuple[tuple[str, Cell], ...]:
    def share(value: float | None) -> str | None:
        return None if value is None else f"{signed_per_cent(value)} %"

    def p(value: float | None) -> str | None:
        return None if value is None else f"p {p_value(value)}"

    low, high, against = verdict.interval_low, verdict.interval_high, verdict.clark_west_p_against
    interval = None if low is None or high is None else f"{signed_per_cent(low)} to {signed_per_cent(high)} %"
    return (
        ("judged steps", verdict.n_steps),
        ("finished trials", verdict.n_trials),
        ("complete trials", verdict.n_complete),
        ("skill against the naive forecast to beat", share(verdict.skill)),
        ("its 95 % interval", interval),
        ("Clark-West test", p(verdict.clark_west_p)),
        *((f"Clark-West test against {naive_in_words(name)}", p(each)) for name, each in against.items()),
        ("Diebold-Mariano test", p(verdict.diebold_mariano_p)),
        ("out-of-sample R² against the training mean", share(verdict.r2_oos)),
        ("smallest skill that this test would have found in 4 of 5 such studies", share(verdict.detectable_skill)),
        (f"skill of the best score against {_search_naive(verdict)}", share(verdict.search_skill)),
        ("optimism of the search: that skill less the one out of sample", share(verdict.optimism)),
        ("skill out of sample without the steps that it hinges on most", share(verdict.skill_without_hinges)),
    )


def _search_naive(verdict: Verdict) -> str:
    return "the naive forecast" if verdict.search_naive is None else naive_in_words(verdict.search_naive)


def _folds_table(verdict: Verdict) -> Table:
    rows = tuple(
        (
            fold.number,
            fold.first[:10],
            fold.last[:10],
            fold.n_steps,
            listed(fold.trials),
            naive_in_words(fold.naive),
            None if fold.skill is None else f"{signed_per_cent(fold.skill)} %",
        )
        for fold in verdict.folds
    )
    header = ("fold", "from", "to", "steps", "trials averaged", "to beat", "skill")
    return Table(header, rows, "The walk-forward choice, fold by fold")


def _of_fold(sample: Sample, choice: Choice, target: str) -> Picture:
    here = sample.fold == choice.fold
    times, actual, forecast = sample.times[here], sample.actual[here], sample.average[here]
    naive = {naive_in_words(name): values[here] for name, values in sample.naive.items()}
    beaten = naive_in_words(choice.naive)
    errors = [float(np.sqrt(np.mean((each - actual) ** 2))) for each in (forecast, naive[beaten])]
    period = f"{in_iso(times[0])} to {in_iso(times[-1])}"
    alt = (
        f"Lines of {target} in fold {choice.fold}, {period}: the truth, the forecast (root mean squared error "
        f"{errors[0]:.4g}) and {listed(list(naive))} (to beat: {beaten}, {errors[1]:.4g})."
    )
    n = len(choice.trials)
    by = f"trial {choice.trials[0]}" if n == 1 else f"the average of trials {listed(choice.trials)}"
    title = f"Fold {choice.fold}, {period}: {target} forecast by {by}"
    draw = partial(forecast_figure, times, actual, forecast, naive, to_beat=beaten)
    return Picture(f"fold-{choice.fold}", title, alt, draw)


def _why_not(gathered: Gathered) -> str:
    if gathered.without_truth is not None:
        return gathered.without_truth
    verdict = gathered.verdict
    if verdict is not None and verdict.reason:
        return verdict.reason
    return "no fold after the first has a forecast yet"
