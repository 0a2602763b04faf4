"""Forecasts of later steps judged for a command: looks counted, the outcome as tables, sentences and files."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import output
from .databases import Databases
from .wording import count

if TYPE_CHECKING:
    from kallos_tune import Evaluation, ForeignForecasts, Trained


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged, as :func:`kallos_tune.evaluate_forecaster` takes it."""

    start: str | None
    end: str | None
    asset_id: str | None
    allow_overlap: bool


def of_model(
    folder: Path, databases: Databases, optuna_schema: str | None, asked: Asked, *, quiet: bool
) -> "Evaluation":
    """Judge a trained model, and count the look where its study is at hand.

    Raises
    ------
    kallos_data.KallosError, kallos_models.KallosError, kallos_tune.KallosError
        As in :func:`kallos_tune.load_trained` and :func:`kallos_tune.evaluate_forecaster`.
    """
    from kallos_tune import evaluate_forecaster, load_trained

    trained = load_trained(folder)
    card = trained.card
    other_asset = asked.asset_id not in (None, card.asset_id)
    if not quiet:
        output.say(
            f"{trained.what}, trained on {card.target_col} of {card.asset_id} until {card.last_known:%Y-%m-%d %H:%M}"
        )
        if other_asset:
            output.say(f"judged on {asked.asset_id}, which it was not trained on, with the scale of {card.asset_id}")
    found = evaluate_forecaster(
        trained,
        databases.prices or databases.studies,
        start=asked.start,
        end=asked.end,
        asset_id=asked.asset_id,
        allow_overlap=asked.allow_overlap,
    )
    if found.of.overlap or other_asset:
        return found
    return replace(found, of=replace(found.of, looks=_counted(found, trained, databases, optuna_schema)))


def of_file(
    file: Path, about: "ForeignForecasts", databases: Databases, start: str | None, end: str | None
) -> "Evaluation":
    """Judge the forecasts of a file.

    Raises
    ------
    kallos_data.KallosError, kallos_tune.KallosError
        As in :func:`kallos_tune.read_forecasts` and :func:`kallos_tune.evaluate_forecasts`.
    """
    from kallos_tune import evaluate_forecasts, read_forecasts

    prices = databases.prices or databases.studies
    return evaluate_forecasts(
        read_forecasts(file), about, prices, what=f"the forecast of {file.name}", start=start, end=end
    )


def show(found: "Evaluation") -> None:
    """Print errors beside those of other forecasts, and what is to be said of the period."""
    rows = [(score.words, score.rmse, score.mae, _percent(score.skill)) for score in found.scores]
    first, last = (f"{_utc(moment):%Y-%m-%d %H:%M}" for moment in (found.data.times[0], found.data.times[-1]))
    title = (
        f"{found.of.target_col} of {found.of.asset_id}, {count(len(found.data.times), 'step')} from {first} to {last}"
    )
    output.show_table(["forecast", "rmse", "mae", "skill"], rows, title=title)
    if found.n_filled:
        output.show(f"{count(found.n_filled, 'step')} without a value in the source, not judged")
    if found.mean_spread is not None:
        output.show(f"spread between members: {found.mean_spread:.4g} on the average")
    for line in found.lines():
        output.show(line)


def write(found: "Evaluation", folder: Path) -> list[Path]:
    """Write single forecasts, outcome and pictures into a folder that exists, and return the files."""
    from kallos_tune import plot_evaluation

    table, outcome = folder / "forecasts.csv", folder / "evaluation.json"
    found.forecasts().write_csv(table, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    outcome.write_text(json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    pictures: list[Path] = []
    for name, figure in plot_evaluation(found).items():
        pictures.append(folder / f"{name}.png")
        figure.savefig(pictures[-1], dpi=120)
    return [table, outcome, *pictures]


def _counted(found: "Evaluation", trained: "Trained", databases: Databases, optuna_schema: str | None) -> int | None:
    """Return how often the period has been looked at by what its study says; None where that cannot be known."""
    from kallos_data import KallosError as DataError
    from kallos_tune import KallosError as TuneError
    from kallos_tune import count_look, load_study

    name = trained.card.study_name
    try:
        study = load_study(databases.studies, name, optuna_schema=optuna_schema)
        return count_look(study, _utc(found.data.times[0]), _utc(found.data.times[-1]), what=trained.digest)
    except (DataError, TuneError) as error:
        output.say(
            f"warning: this look is not counted, since study {name} cannot be opened ({error}): lead to it with "
            "--studies-url or --optuna-schema",
            style="yellow",
        )
        return None


def _utc(moment: object) -> datetime:
    """Return a moment of NumPy's as one of Python's."""
    return datetime.fromisoformat(str(moment)[:26]).replace(tzinfo=UTC)


def _percent(skill: float | None) -> str | None:
    return None if skill is None else f"{skill:+.1%}"
