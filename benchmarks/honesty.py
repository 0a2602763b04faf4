"""Does the verdict of a study tell the truth? Studies of markets of noise, and of signals of known size.

Each market is tuned as ``tune`` does by default, but small: fewer trials of smaller models. What is quoted (the score
of the search) and what is announced (the verdict) are compared with the truth: the skill of the same models on later
steps that no study saw. Other rules are tried on the forecasts that the trials left:

- ``single``: the best trial of earlier folds alone, instead of the average of five;
- ``shrunk``: that average moved towards the naive forecast by the weight that was best on earlier folds;
- ``first ten``: the average of the best of ten trials only, whose parameters were drawn before any score was known;
- ``beats, by DM``: claims that need a Diebold-Mariano p below the same level instead of a Clark-West one.

A market that is finished is a line of a file (``--output``); a later start goes on from there. The lines hold the
forecasts too, so that ``--rejudge`` judges them anew where the rules of the verdict have changed (not while studies add
to the file).
"""

import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
import polars as pl
from optuna.trial import FrozenTrial
from scipy.stats import binomtest

from kallos_data import prepare_darts_timeseries
from kallos_models import fit_forecaster
from kallos_tune import StudyData, run_tuning, trial_counts
from kallos_tune.evaluation.fold import forecast_fold
from kallos_tune.evaluation.scoring import naive_forecasts
from kallos_tune.study_verdict import evidence_of
from kallos_tune.trial_attributes import FINISHED
from kallos_tune.verdict.choice import best_naive
from kallos_tune.verdict.judge import N_AVERAGE

from ._families import FAMILIES, NOISE, best_possible, make_market, seed_of
from ._many_markets import QUICK, Record, Size, asked_for, counts_of, mean_of, run_missing, skill, workers
from ._market import ASSET, TARGET, Market
from ._measuring import print_table, write_results
from ._rules import evidence_from_json, evidence_to_json, judge_by_rules

RULES: Final = ("average", "single", "shrunk", "first ten")
SHARES: Final = {
    "beats": "beats",
    "beats by DM": "beats, by DM",
    "CW yes": "CW yes",
    "DM yes": "DM yes",
    "worse": "worse",
}
N_EACH: Final = 20
HOLD_OUT_SEEDS: Final = 3


def main(
    results_file: Path,
    quick: bool,  # noqa: FBT001 - called by name
    *,
    markets: str | None = None,
    output: Path | None = None,
    trials: int | None = None,
    rejudge: bool = False,
) -> None:
    size = QUICK if quick else replace(Size(), n_trials=trials or Size.n_trials)
    few = {"walk": 1, "garch": 1, "signal-0.10": 1}
    counts = counts_of(markets or "", few if quick else dict.fromkeys(FAMILIES, N_EACH))
    with tempfile.TemporaryDirectory() as folder:
        # A quick version begins anew.
        file = output or Path(folder if quick else tempfile.gettempdir()) / "kallos-honesty.jsonl"
        print(f"finished markets: {file}", flush=True)
        if rejudge:
            judge_anew(file)
        else:
            run_missing(file, counts, size, study_market, told)
        records = asked_for(file, counts, size)
    tables = {family: of_family for family in FAMILIES if (of_family := table_of([family], records))}
    tables["all noise"] = table_of(NOISE, records)
    for name, table in tables.items():
        skill = f"; the best possible: {100 * best_possible(name):.1f} %" if name not in (*NOISE, "all noise") else ""
        print_table(f"{name} (skills in %, shares with their 95 % interval{skill})", table)
    results = {"size": asdict(size), "tables": tables, "markets": [without_evidence(record) for record in records]}
    write_results(results_file, results, ("arch", "optuna", "statsmodels", "torch"))


def judge_anew(file: Path) -> None:
    """Judge the evidence in the file by the rules as they are now; the file is replaced when all are judged."""
    records = [json.loads(line) for line in file.read_text().splitlines()]
    with workers(__name__) as pool:
        judged = list(pool.map(judge_again, [record["evidence"] for record in records]))
    lines = [json.dumps({**record, "rules": rules}) for record, rules in zip(records, judged, strict=True)]
    beside = file.with_suffix(".new")
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.replace(file)


def judge_again(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return judge_by_rules(evidence_from_json(evidence))


def told(record: Record) -> str:
    average = record["rules"]["average"]
    skills = [average["quoted"], average["skill"], record["hold_out"]["average"]["chosen"]]
    quoted, skill, later = ("none" if each is None else f"{100 * each:+.2f} %" for each in skills)
    return (
        f"{record['family']} {record['number']}: quoted {quoted}, out of sample {skill}, later {later}, "
        f"{average['conclusion']}; {record['complete']} complete, {record['seconds']:.0f} s"
    )


def without_evidence(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in {"evidence", "size"}}


def study_market(family: str, number: int, size: Size) -> Record:
    """Make a market, tune on it, judge the study and compare it with later steps."""
    started, busy = time.perf_counter(), time.process_time()
    seed = seed_of(family, number)
    settings = size.settings(seed)
    with tempfile.TemporaryDirectory() as folder:
        market = make_market(Path(folder), family, number, size.n_steps, size.hold_out)
        data = market.study_data(settings)
        study = run_tuning(
            ASSET, market.end_date, market.config, None, "gru", f"{family} {number}", TARGET, market.groups,
            size.n_trials, settings=settings,
        )  # fmt: skip
        of_study = time.perf_counter() - started
        evidence = evidence_of(study, data)
        naive = best_naive(evidence[0], "rmse", names=list(evidence[0][0].naive))
        later = hold_out_skills(market, data, study, naive)
        counts = trial_counts(study)
    return {
        "family": family,
        "number": number,
        "seed": seed,
        "size": asdict(size),
        "steps": len(data.frame),
        "rules": judge_by_rules(evidence),
        "hold_out": later,
        "complete": counts["complete"],
        "pruned": counts["pruned"],
        "study_seconds": round(of_study, 1),
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - busy, 1),
        "evidence": evidence_to_json(evidence),
    }


def hold_out_skills(market: Market, data: StudyData, study: optuna.Study, naive: str) -> dict[str, dict[str, float]]:
    """Return the skill on the steps after the study's end, against each naive forecast and the chosen one.

    Each model is trained on everything up to the study's end, for the mean of its trial's best epochs, and forecasts
    one step after the other. The skill is the mean over three seeds: of the best trial, and of the average of the five
    best.
    """
    later = market.whole_frame().filter(pl.col("timestamp") > data.frame["timestamp"][-1])
    groups, transform = market.groups, data.target_transform
    fold = prepare_darts_timeseries(data.frame, later, TARGET, groups, target_transform=transform)

    def forecast(trial: FrozenTrial, number: int) -> np.ndarray:
        epochs = max(1, round(float(np.mean(trial.user_attrs["fold_best_epochs"]))))
        training = data.settings.changed(max_epochs=epochs, seed=data.settings.training.seed + number).training
        fit = fit_forecaster("gru", trial.params, *fold.train_series(), settings=training)
        return forecast_fold(fit.model, fold, int(trial.params["input_chunk_length"]), "rolling")

    trials = best_trials(study)
    # By seed, trial and step.
    forecasts = np.array([[forecast(trial, number) for trial in trials] for number in range(HOLD_OUT_SEEDS)])
    of_naive = naive_forecasts(fold.truth, data.settings.folds, around_zero=data.around_zero)
    to_beat = {"chosen": of_naive[naive], **of_naive}
    return {
        rule: {
            name: float(np.mean([skill(fold.actual, each, other) for each in of_seeds]))
            for name, other in to_beat.items()
        }
        for rule, of_seeds in {"average": forecasts.mean(axis=1), "single": forecasts[:, 0]}.items()
    }


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the five best trials: of those that got farthest, the lowest mean score."""
    trials = [trial for trial in study.get_trials(states=FINISHED) if trial.user_attrs.get("fold_scores")]

    def rank(trial: FrozenTrial) -> tuple[int, float]:
        scores = trial.user_attrs["fold_scores"]
        return -len(scores), float(np.mean(scores))

    return sorted(trials, key=rank)[:N_AVERAGE]


def table_of(families: Sequence[str], records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Return a column for each rule; none where no market is finished."""
    here = [record for record in records if record["family"] in families]
    return {rule: column_of(rule, here) for rule in RULES} if here else {}


def column_of(rule: str, records: Sequence[Record]) -> dict[str, Any]:
    verdicts = [record["rules"][rule] for record in records]
    column: dict[str, Any] = {"markets": len(records)}
    if rule == "average":
        column |= {
            "quoted": mean_of(verdict["quoted"] for verdict in verdicts),
            "complete trials": round(float(np.mean([record["complete"] for record in records])), 1),
            "seconds a market": round(float(np.mean([record["seconds"] for record in records])), 1),
        }
    column["out of sample"] = mean_of(verdict["skill"] for verdict in verdicts)
    if rule in records[0]["hold_out"]:
        of_rule = [record["hold_out"][rule] for record in records]
        column["later steps"] = mean_of(each["chosen"] for each in of_rule)
        column["later less out of sample"] = mean_of(
            None if verdict["skill"] is None else each["chosen"] - verdict["skill"]
            for each, verdict in zip(of_rule, verdicts, strict=True)
        )
        for name in ("training mean", "zero"):
            column[f"later, against {name}"] = mean_of(each.get(name) for each in of_rule)
    column |= {name: share_of(verdict[key] for verdict in verdicts) for key, name in SHARES.items()}
    column["not judged"] = sum(verdict["conclusion"] == "not judged" for verdict in verdicts)
    return column


def share_of(answers: Iterable[bool]) -> str:
    """Return how many answers are yes, and the 95 % interval of their share after Clopper and Pearson, in per cent."""
    said = list(answers)
    interval = binomtest(sum(said), len(said)).proportion_ci(0.95, method="exact")
    return f"{sum(said)} ({100 * interval.low:.0f}-{100 * interval.high:.0f} %)"
