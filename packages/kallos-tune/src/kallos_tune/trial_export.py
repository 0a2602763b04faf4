"""A study as three tables to take elsewhere: trials, their scores in each fold, their forecasts of each step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import optuna
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from .errors import ConfigError
from .evaluation.forecast_record import forecast_from_text
from .evaluation.naive_scores import rivals_of
from .evaluation.quantiles import MEDIAN, naive_quantiles
from .evaluation.scoring import Floats, naive_forecasts
from .study_data import StudyData
from .study_definition import current_definition, stored_naive
from .trial_attributes import CHOSEN_EPOCHS, FAILURE, FOLD_SCORES, FORECASTS, OUT_OF_SAMPLE, WORKER
from .trial_states import repeated_trial, word_of_trial
from .trial_times import ended, seconds_of, started
from .verdict.naive_scores import NaiveScores

TABLES: Final = ("trials", "folds", "forecasts")
"""Of a study, in the order in which they are written."""

Schema = Mapping[str, pl.DataType]
_WHOLE: Final = {"trial": pl.Int64(), "fold": pl.Int64()}
_UTC: Final = pl.Datetime("us", "UTC")
_WITH_PRICES: Final[Schema] = {
    **_WHOLE,
    "timestamp": _UTC,
    **dict.fromkeys(("actual", "forecast", "out_of_sample", "naive"), pl.Float64()),
    "scored": pl.Boolean(),
}
_WITHOUT_PRICES: Final[Schema] = {
    **_WHOLE,
    "position": pl.Int64(),
    **dict.fromkeys(("forecast", "out_of_sample"), pl.Float64()),
}
_OF_FOLDS: Final[Schema] = {
    **_WHOLE,
    **dict.fromkeys(("val_first", "val_last"), _UTC),
    **dict.fromkeys(("score", "naive"), pl.Float64()),
    **dict.fromkeys(("epochs", "best_epoch", "chosen_epoch"), pl.Int64()),
    "seconds": pl.Float64(),
}
_OF_TRIALS: Final[Schema] = {
    "trial": pl.Int64(),
    "state": pl.String(),
    **dict.fromkeys(("score", "seconds"), pl.Float64()),
    **dict.fromkeys(("started", "ended"), _UTC),
    **dict.fromkeys(("worker", "failure"), pl.String()),
    **dict.fromkeys(("folds", "epochs", "repeats"), pl.Int64()),
}


@dataclass(frozen=True, slots=True)
class StudyTables:
    """A study in three tables, one row a trial, a fold of a trial, and a step of a fold of a trial.

    Attributes
    ----------
    trials : polars.DataFrame, [n_trials, ...]
        ``trial, state`` ("complete", "pruned", "failed", "interrupted", "abandoned", "running" or "waiting"), ``score``
        (of complete ones), ``seconds, started, ended`` (in UTC, by the clock of the worker's machine), ``worker``, the
        parameters, ``folds`` (scored), ``epochs`` (over those), ``repeats`` (the trial whose parameters it runs again,
        since that was interrupted or abandoned), ``failure`` (the reason).
    folds : polars.DataFrame, [n_scores, 10]
        ``trial, fold, val_first, val_last, score, naive`` (the score of the naive forecast that is the hardest to beat
        over all folds; null where neither study nor prices tell it), ``epochs, best_epoch, chosen_epoch`` (which
        earlier folds choose; null in the first), ``seconds``.
    forecasts : polars.DataFrame, [n_steps, 8] or [n_steps, 5]
        ``trial, fold, timestamp, actual, forecast`` (with the weights of the best epoch; of quantiles the median),
        ``out_of_sample`` (with those of the epoch that earlier folds choose), ``naive`` (that naive forecast),
        ``scored`` (whether the step counts). Without the prices ``position`` in the fold, from 0, stands in
        place of ``timestamp``, and ``actual``, ``naive`` and ``scored`` are missing.
    """

    trials: pl.DataFrame
    folds: pl.DataFrame
    forecasts: pl.DataFrame

    @property
    def with_prices(self) -> bool:
        """Whether forecasts stand beside what came."""
        return "actual" in self.forecasts.columns

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the tables by their names."""
        return dict(zip(TABLES, (self.trials, self.folds, self.forecasts), strict=True))


def export_study(study: optuna.Study, data: StudyData | None = None) -> StudyTables:
    """Return a study as tables.

    Parameters
    ----------
    study : optuna.Study
    data : StudyData, optional
        What it is about, from :func:`kallos_tune.reload_study_data`: the times and actual values of its steps.

    Raises
    ------
    ConfigError
        Where Kallos did not make the study, or a fold of the data has other steps than the study's.
    """
    definition = current_definition(study.user_attrs)
    if definition is None:
        raise ConfigError(f"study {study.study_name!r} was not made by Kallos: export it with Optuna's own tools")
    trials = study.get_trials(deepcopy=False)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    naive = stored_naive(study.user_attrs) or (None if data is None else data.naive)
    folds = [row for trial in trials for row in _fold_rows(trial, definition["folds"], naive)]
    return StudyTables(
        trials=_table([_trial_row(trial, names) for trial in trials], _OF_TRIALS),
        folds=_table(folds, _OF_FOLDS),
        forecasts=_forecasts(
            trials, None if data is None else [_steps(data, fold) for fold in range(len(data.splits))]
        ),
    )


def _table(rows: list[dict[str, Any]], schema: Schema) -> pl.DataFrame:
    # A column may be empty for thousands of rows before its first value.
    return (
        pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None) if rows else pl.DataFrame(schema=schema)
    )


def _trial_row(trial: FrozenTrial, names: list[str]) -> dict[str, Any]:
    epochs = trial.user_attrs.get("fold_epochs", [])
    return {
        "trial": trial.number,
        "state": word_of_trial(trial),
        "score": trial.value if trial.state == TrialState.COMPLETE else None,
        "seconds": seconds_of(trial),
        "started": started(trial),
        "ended": ended(trial),
        "worker": trial.user_attrs.get(WORKER),
        **{name: trial.params.get(name) for name in names},
        "folds": len(epochs),
        "epochs": sum(epochs) if epochs else None,
        "repeats": repeated_trial(trial),
        "failure": trial.user_attrs.get(FAILURE),
    }


def _fold_rows(trial: FrozenTrial, bounds: list[dict[str, str]], naive: NaiveScores | None) -> Iterator[dict[str, Any]]:
    kept = trial.user_attrs
    scores: list[float] = kept.get(FOLD_SCORES, [])
    for place, score in enumerate(scores):
        yield {
            "trial": trial.number,
            "fold": place + 1,
            "val_first": datetime.fromisoformat(bounds[place]["val_first"]),
            "val_last": datetime.fromisoformat(bounds[place]["val_last"]),
            "score": score,
            "naive": None if naive is None else naive.fold_scores[place],
            "epochs": kept["fold_epochs"][place],
            "best_epoch": kept["fold_best_epochs"][place],
            # Which the oldest studies did not keep.
            "chosen_epoch": kept[CHOSEN_EPOCHS][place] if CHOSEN_EPOCHS in kept else None,
            "seconds": kept["fold_seconds"][place],
        }


def _forecasts(trials: list[FrozenTrial], steps: list[pl.DataFrame] | None) -> pl.DataFrame:
    folds = [
        _fold_forecasts(trial, place, None if steps is None else steps[place])
        for trial in trials
        for place in range(len(trial.user_attrs.get(FORECASTS, [])))
    ]
    columns = _WITHOUT_PRICES if steps is None else _WITH_PRICES
    return pl.concat(folds) if folds else pl.DataFrame(schema=columns)


def _fold_forecasts(trial: FrozenTrial, place: int, steps: pl.DataFrame | None) -> pl.DataFrame:
    """Return what a trial keeps of a fold, beside what is known of its steps."""
    forecast = forecast_from_text(trial.user_attrs[FORECASTS][place])
    text = (trial.user_attrs.get(OUT_OF_SAMPLE) or [None] * (place + 1))[place]
    if steps is None:
        steps = pl.DataFrame({"position": range(len(forecast))})
    if len(steps) != len(forecast):
        raise ConfigError(
            f"fold {place + 1} of the data has {len(steps)} steps, and the study's has {len(forecast)}: they have "
            "changed since; export it without the prices"
        )
    of_trial = steps.with_columns(
        trial=pl.lit(trial.number),
        fold=pl.lit(place + 1),
        forecast=pl.Series(forecast),
        out_of_sample=pl.lit(None) if text is None else pl.Series(forecast_from_text(text)),
    )
    columns = _WITH_PRICES if "actual" in steps.columns else _WITHOUT_PRICES
    return of_trial.select(pl.col(name).cast(kind) for name, kind in columns.items())


def _steps(data: StudyData, place: int) -> pl.DataFrame:
    """Return the validation steps of a fold: when, what came, the naive forecast to beat, and which of them count."""
    target, (_, val) = data.targets[place], data.splits[place]
    actual, scored = target.values[target.val_start :], target.learnable[target.val_start :]
    rivals = rivals_of(data.targets)
    if data.settings.training.likelihood == "quantile":
        naive: Floats = naive_quantiles(target, data.settings.folds, **rivals)[data.naive.name][:, MEDIAN]
    else:
        naive = naive_forecasts(target, data.settings.folds, **rivals)[data.naive.name]
    return pl.DataFrame({"timestamp": val["timestamp"], "actual": actual, "naive": naive, "scored": scored})
