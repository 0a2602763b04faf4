"""The outcome of a study as tables and lines."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import command_line, output

if TYPE_CHECKING:
    import optuna

    from kallos_tune import ForecasterCard, StudyResult


def show_trials(study: "optuna.Study", *, most: int | None = None, shows_all: str = "") -> None:
    """Print the trials, best first; all of them, or the first few with the command that shows all."""
    from kallos_tune import trial_counts, trials_table, trials_without_result

    table = trials_table(study)
    if table.is_empty():
        output.show("no trial yet")
        return
    shown = table if most is None else table.head(most)
    told_apart = ["failure"] if (shown["state"] != "complete").any() else ["state", "folds", "failure"]
    if shown["repeats"].null_count() == len(shown):
        told_apart.append("repeats")
    shown = shown.drop(told_apart)
    title = "Trials" if len(shown) == len(table) else f"The best {len(shown)} of {len(table)} trials"
    rows = [_short(row) for row in shown.iter_rows(named=True)]
    output.show_table(shown.columns, [list(row.values()) for row in rows], title=title)
    if len(shown) == len(table):
        for line in trials_without_result(study):
            output.show(line)
        return
    counts = trial_counts(study)
    if lost := [f"{counts[word]} {word}" for word in ("failed", "interrupted", "abandoned") if counts[word]]:
        output.show(f"without a result: {', '.join(lost)}; to see why: {shows_all}")


def show_best(result: "StudyResult") -> None:
    """Print the best parameters."""
    output.show(f"Best parameters by search score (trial {result.best_trial})")
    shown = {name: output.cell(value) for name, value in result.best_params.items()}
    output.show_facts({f"  {name}": value for name, value in with_effects(result, shown).items()})


def with_effects(result: "StudyResult", shown: Mapping[str, str]) -> dict[str, str]:
    """Return the best parameters as they are shown, with a word on those that do nothing."""
    from kallos_tune import without_effect

    idle = without_effect(result.model_name, result.best_params)
    return {name: f"{text} ({idle[name]})" if name in idle else text for name, text in shown.items()}


def say_verdict(card: "ForecasterCard") -> None:
    """Tell what was announced of a model's study, in one line, however quiet: what it forecasts may be acted on."""
    output.say(f"study {card.study_name}: {card.verdict_line}")


def show_verdict(study: "optuna.Study") -> None:
    """Print what the models of a study are worth out of sample, or that they were not judged yet."""
    from kallos_tune import lines_of_study

    for line in lines_of_study(study):
        output.show(command_line.as_called(line))


def show_folds(result: "StudyResult") -> None:
    """Print the best trial's error in each fold beside the naive forecast's, which the oldest studies do not keep."""
    bounds: Sequence[dict[str, str]] = result.definition["folds"]
    naive = [[score] for score in result.fold_naive_scores] or [[]] * len(bounds)
    rows = [
        [number, fold["val_first"][:10], fold["val_last"][:10], score, *beside]
        for number, (fold, score, beside) in enumerate(zip(bounds, result.fold_scores, naive, strict=True), start=1)
    ]
    header = ["fold", "from", "to", result.metric, *([f"naive {result.metric}"] if result.fold_naive_scores else [])]
    output.show_table(header, rows, title="Folds of the best trial, which was chosen on them")


def show_running(study: "optuna.Study") -> None:
    """Print who runs what, since when; nothing where nothing runs."""
    from kallos_tune import running_trials

    facts = running_trials(study)
    if facts:
        rows = [list(each.values()) for each in facts]
        output.show_table(list(facts[0]), rows, title="Running (since: UTC, by the clock of the host)")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    seconds = row["seconds"]
    return row | {"seconds": None if seconds is None else round(seconds, 1)}
