"""Forecasts of later steps judged for a command: looks counted, the outcome as tables, sentences and files."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import output
from .databases import Databases
from .user_error import UserError
from .wording import count

if TYPE_CHECKING:
    from kallos_tune import Evaluation, ForecasterCard, ForeignForecasts, RefitWorth


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged, as :func:`kallos_tune.evaluate_forecaster` takes it."""

    start: str | None
    end: str | None
    asset_id: str | None
    allow_overlap: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A period judged, and what refitting is worth where a schedule of models was judged on it."""

    evaluation: "Evaluation"
    refits: "RefitWorth | None" = None

    def lines(self) -> list[str]:
        """Return what is to be said, a sentence a line."""
        return [*self.evaluation.lines(), *([self.refits.line()] if self.refits else [])]

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        refits = {"refits": self.refits.to_dict()} if self.refits else {}
        return self.evaluation.to_dict() | refits | {"lines": self.lines()}


def require(folder: Path | None, file: Path | None, databases: Databases, asked: Asked) -> None:
    """Refuse at once what would be refused once the models are loaded: no model, no file, no table, no later row.

    Raises
    ------
    UserError
        Where what is asked for cannot be had of a schedule.
    kallos_data.KallosError, kallos_models.KallosError, kallos_tune.KallosError
        As in :func:`of_model` and :func:`of_file`.
    """
    from kallos_tune import forecaster_folders, is_schedule, load_card, read_forecasts, require_later_rows

    if file is not None:
        read_forecasts(file)
    if folder is None:
        return
    if is_schedule(folder) and (asked.asset_id is not None or asked.allow_overlap):
        given = "--asset-id" if asked.asset_id is not None else "--allow-overlap"
        raise UserError(f"{given} is for a single model, and {folder} holds a schedule of them: leave it out")
    card, *_ = [load_card(each) for each in forecaster_folders(folder)]
    if not asked.allow_overlap:
        require_later_rows(card, databases.prices or databases.studies, asset_id=asked.asset_id)


def of_model(folder: Path, databases: Databases, optuna_schema: str | None, asked: Asked, *, quiet: bool) -> Outcome:
    """Judge a trained model, or a schedule of them, and count the look where its study is at hand.

    Raises
    ------
    kallos_data.KallosError, kallos_models.KallosError, kallos_tune.KallosError
        As in :func:`kallos_tune.load_trained` and :func:`kallos_tune.evaluate_forecaster`.
    """
    from kallos_tune import is_schedule

    judge = _schedule if is_schedule(folder) else _model
    found, card, digest = judge(folder, databases, asked, quiet=quiet)
    of = found.evaluation.of
    if of.overlap or of.asset_id != card.asset_id:
        return found
    looks = _counted(found.evaluation, card.study_name, digest, databases, optuna_schema)
    return replace(found, evaluation=replace(found.evaluation, of=replace(of, looks=looks)))


def _model(folder: Path, databases: Databases, asked: Asked, *, quiet: bool) -> "tuple[Outcome, ForecasterCard, str]":
    from kallos_tune import evaluate_forecaster, load_trained

    trained = load_trained(folder)
    card = trained.card
    if not quiet:
        _say_model(trained.what, card)
        if asked.asset_id not in (None, card.asset_id):
            output.say(f"judged on {asked.asset_id}, which it was not trained on, with the scale of {card.asset_id}")
    found = evaluate_forecaster(
        trained,
        databases.prices or databases.studies,
        start=asked.start,
        end=asked.end,
        asset_id=asked.asset_id,
        allow_overlap=asked.allow_overlap,
    )
    return Outcome(found), card, trained.digest


def _schedule(
    folder: Path, databases: Databases, asked: Asked, *, quiet: bool
) -> "tuple[Outcome, ForecasterCard, str]":
    from kallos_tune import evaluate_schedule, load_schedule

    schedule = load_schedule(folder)
    first = schedule.models[0]
    if not quiet:
        _say_model(first.what, first.card)
        output.say(f"trained again every {schedule.every}, {count(len(schedule.models), 'model')} in all")
    prices = databases.prices or databases.studies
    found, refits = evaluate_schedule(schedule, prices, start=asked.start, end=asked.end)
    return Outcome(found, refits), first.card, first.digest


def _say_model(what: str, card: "ForecasterCard") -> None:
    output.say(f"{what}, trained on {card.target_col} of {card.asset_id} until {card.last_known:%Y-%m-%d %H:%MZ}")


def of_file(file: Path, about: "ForeignForecasts", databases: Databases, start: str | None, end: str | None) -> Outcome:
    """Judge the forecasts of a file.

    Raises
    ------
    kallos_data.KallosError, kallos_tune.KallosError
        As in :func:`kallos_tune.read_forecasts` and :func:`kallos_tune.evaluate_forecasts`.
    """
    from kallos_tune import evaluate_forecasts, read_forecasts

    prices, what = databases.prices or databases.studies, f"the forecast of {file.name}"
    return Outcome(evaluate_forecasts(read_forecasts(file), about, prices, what=what, start=start, end=end))


def show(outcome: Outcome) -> None:
    """Print errors beside those of other forecasts, and what is to be said of the period."""
    from kallos_tune import naive_in_words

    found = outcome.evaluation
    rows = [(score.words, score.rmse, score.mae, score.skill_in_words) for score in found.scores]
    first, last = (f"{_utc(moment):%Y-%m-%d %H:%MZ}" for moment in (found.data.times[0], found.data.times[-1]))
    title = (
        f"{found.of.target_col} of {found.of.asset_id}, {count(len(found.data.times), 'step')} from {first} to {last}"
    )
    output.show_table(["forecast", "rmse", "mae", "skill"], rows, title=title)
    output.show(f"skill: how much smaller the {found.of.metric} is than that of {naive_in_words(found.data.to_beat)}")
    if found.n_filled:
        output.show(f"{count(found.n_filled, 'step')} without a value in the source, not judged")
    if found.mean_spread is not None:
        output.show(f"spread between members: {found.mean_spread:.4g} on the average")
    for line in outcome.lines():
        output.show(line)


def write(found: Outcome, folder: Path) -> list[Path]:
    """Write single forecasts, outcome and pictures into a folder that exists, and return the files."""
    table, facts = folder / "forecasts.csv", folder / "evaluation.json"
    found.evaluation.forecasts().write_csv(table, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    facts.write_text(json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    pictures: list[Path] = []
    for name, figure in found.evaluation.pictures().items():
        pictures.append(folder / f"{name}.png")
        figure.savefig(pictures[-1], dpi=120)
    return [table, facts, *pictures]


def _counted(
    found: "Evaluation", study_name: str, digest: str, databases: Databases, optuna_schema: str | None
) -> int | None:
    """Return how often the period has been looked at by what its study says; None where that cannot be known."""
    from kallos_data import KallosError as DataError
    from kallos_tune import KallosError as TuneError
    from kallos_tune import count_look, study_once_called

    try:
        study = study_once_called(databases.studies, study_name, optuna_schema=optuna_schema)
        return count_look(study, _utc(found.data.times[0]), _utc(found.data.times[-1]), what=digest)
    except (DataError, TuneError) as error:
        output.say(
            f"warning: this look is not counted, since study {study_name} cannot be opened ({error}): lead to it with "
            "--studies-url or --optuna-schema",
            style="yellow",
        )
        return None


def _utc(moment: object) -> datetime:
    """Return a moment of NumPy's as one of Python's."""
    return datetime.fromisoformat(str(moment)[:26]).replace(tzinfo=UTC)
