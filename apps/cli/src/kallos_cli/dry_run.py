"""``kallos-run tune --dry-run``: what a study would do and take, told before anything is trained or written."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from . import dry_run_words, output
from .errors import explain
from .run_study import Request

if TYPE_CHECKING:
    from kallos_tune import StudyData, StudyEstimate, StudyStanding

_ON_RAY = "not known: nothing is timed on the nodes of a Ray cluster"


def dry_run(request: Request, *, quiet: bool, json: bool, again: Sequence[str]) -> None:
    """Tell what a study would do, time a few batches of it, and tell what it would take.

    Parameters
    ----------
    request : Request
        What :func:`kallos_cli.run_study.run` would run.
    quiet : bool
        Say nothing of what it is doing meanwhile.
    json : bool
        One object in place of tables.
    again : sequence of str
        The commands that run it, which are said at the end where trials are missing.

    Raises
    ------
    kallos_tune.KallosError, kallos_data.KallosError
        Where the study's database cannot be read, or nothing can be timed.
    """
    from kallos_tune import study_standing

    standing = study_standing(
        request.data,
        request.model_name,
        request.study_name,
        request.n_trials,
        request.config,
        request.optuna_schema,
    )
    facts = facts_of(request, standing)
    if not json:
        dry_run_words.show_plan(facts)
    estimate = _estimate(standing, request.model_name, quiet=quiet)
    facts["estimate"] = estimate if isinstance(estimate, str) else estimate.to_dict()
    if json:
        output.show_json(facts | {"n_run": 0})
        return
    dry_run_words.show_estimate(facts, pruner=standing.data.settings.search.pruner)
    if standing.n_to_run and not quiet:
        output.say_commands("Next, run it:", *again)


def facts_of(request: Request, standing: "StudyStanding") -> dict[str, Any]:
    """Return what a study is about and how it stands, in JSON's own types."""
    data = standing.data
    refusal = standing.refusal
    return {
        "study_name": request.study_name,
        "model_name": request.model_name,
        "data": _data_facts(data),
        "target": _target_facts(data),
        "folds": _fold_facts(data),
        "search_space": [_range_facts(name, each) for name, each in data.settings.search.space.items()],
        "study": {
            "database": standing.database,
            "optuna_schema": standing.optuna_schema,
            "exists": standing.exists,
            "n_trials": request.n_trials,
            "n_finished": standing.n_finished,
            "n_to_run": standing.n_to_run,
            "refused": None if refusal is None else list(explain(refusal).lines),
        },
        "run": {
            "engine": data.settings.run.engine,
            "workers": data.settings.run.workers,
            "threads": data.settings.run.threads,
            "device": data.settings.training.device,
            "sampler": data.settings.search.sampler,
            "pruner": data.settings.search.pruner,
            "max_epochs": data.settings.training.max_epochs,
            "patience": data.settings.training.patience,
            "seed": data.settings.training.seed,
        },
    }


def _estimate(standing: "StudyStanding", model_name: str, *, quiet: bool) -> "StudyEstimate | str":
    from kallos_tune import estimate_study

    run = standing.data.settings.run
    if run.engine == "ray":
        return _ON_RAY
    if standing.n_to_run and not quiet:
        output.say("timing a few batches of the smallest, a middle and the largest model, which can take a minute…")
    return estimate_study(standing.data, model_name, standing.n_to_run, n_finished=standing.n_finished)


def _data_facts(data: "StudyData") -> dict[str, Any]:
    from kallos_data import find_jumps, in_utc

    times, observed = data.frame["timestamp"], data.observed["observed"]
    jumps = find_jumps(times, data.frame["close"]) if "close" in data.frame.columns else []
    holes = _holes(observed.to_list())
    return {
        "asset_id": data.asset_id,
        "first": in_utc(times[0]),
        "last": in_utc(times[-1]),
        "step": str(data.step),
        "n_rows": len(times),
        "n_observed": int(observed.sum()),
        "n_filled": int((~observed).sum()),
        "holes": [
            {"first": in_utc(times[first]), "last": in_utc(times[end - 1]), "steps": end - first}
            for first, end in holes
        ],
        "jumps": [asdict(jump) | {"time": in_utc(jump.time)} for jump in jumps],
        "n_columns": data.frame.width - 1,
        "feature_groups": data.feature_groups,
        "empty_columns": list(data.empty_columns),
    }


def _holes(observed: list[bool]) -> list[tuple[int, int]]:
    """Return where runs of filled steps begin and end."""
    edges = [place for place in range(1, len(observed)) if observed[place] != observed[place - 1]]
    bounds = [0, *edges, len(observed)]
    return [(first, end) for first, end in pairwise(bounds) if not observed[first]]


def _target_facts(data: "StudyData") -> dict[str, Any]:
    from kallos_tune import LEARNT, learnt_in_words, naive_in_words

    asked = data.settings.folds.target_transform
    return {
        "column": data.target_col,
        "learnt": LEARNT[data.target_transform],
        "why": learnt_in_words(data.target_col, data.target_transform, asked),
        "likelihood": data.settings.training.likelihood,
        "forecast": data.settings.folds.forecast,
        "horizon": 1 + data.settings.folds.purge,
        "metric": data.settings.score_name,
        "naive": data.naive.name,
        "naive_in_words": naive_in_words(data.naive.name),
        "naive_score": data.naive.score,
    }


def _fold_facts(data: "StudyData") -> list[dict[str, Any]]:
    from kallos_data import in_utc

    place = {time: number for number, time in enumerate(data.frame["timestamp"])}
    purge = data.settings.folds.purge
    return [
        {
            "fold": number,
            "train_first": in_utc(train["timestamp"][0]),
            "train_last": in_utc(train["timestamp"][-1]),
            "n_train": len(train),
            "n_purged": purge,
            "val_first": in_utc(val["timestamp"][0]),
            "val_last": in_utc(val["timestamp"][-1]),
            "n_val": len(val),
            "filled": list(filled),
            "naive_score": naive,
            "rows": [place[part["timestamp"][edge]] for part in (train, val) for edge in (0, -1)],
        }
        for number, ((train, val), filled, naive) in enumerate(
            zip(data.splits, data.n_filled, data.naive.fold_scores, strict=True), start=1
        )
    ]


def _range_facts(name: str, distribution: object) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case CategoricalDistribution():
            return {"name": name, "kind": "choice", "choices": list(distribution.choices), "scale": None}
        case IntDistribution() | FloatDistribution():
            return {
                "name": name,
                "kind": "int" if isinstance(distribution, IntDistribution) else "float",
                "low": distribution.low,
                "high": distribution.high,
                "step": distribution.step if distribution.step not in {1, None} else None,
                "scale": "log" if distribution.log else "linear",
            }
        case _:
            return {"name": name, "kind": str(distribution), "scale": None}
