"""The forecaster that is worth most after a study: how many networks, of which trials, trained for how long.

Each market is tuned as ``honesty`` tunes its own, with halving as ``tune`` has it, and without pruning, so that five
trials are complete. Forecasters are trained on all that the study saw and judged on 300 later days:

- one network of the best trial, its average over five seeds, the average of the five best trials;
- trained for the mean of the folds' best epochs, for as many updates as that was on the shorter folds, for as many
  epochs more as the history is longer, or until the last 42 steps, which are then not trained on, say stop.

The same rules for the epochs are compared on the folds that the verdict judges, too. Markets differ more than rules
do, so what counts is the difference to the default on the same market. A market that is finished is a line of a file
(``--output``); a later start goes on from there.

At the end, one and five members are trained in turn, to see what five cost on two cores.
"""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from kallos_tune import Recipe, run_tuning, trial_counts
from kallos_tune.forecaster.epochs import DEFAULT_RULE

from ._families import FAMILIES, SIGNALS, best_possible, make_market, seed_of
from ._forecasters import EPOCH_RULES, MEMBERS, RULES, hold_out_skills, walk_forward_skills
from ._many_markets import QUICK, Record, Size, asked_for, counts_of, mean_of, run_missing
from ._market import ASSET, TARGET
from ._measuring import print_table, write_results
from ._training_time import training_times

PRUNERS: Final = ("halving", "none")
DEFAULT_MEMBERS: Final = "five trials"
HOLD_OUT: Final = 300
N_ROUNDS: Final = 3
Arm = Callable[[Record], float]


def main(
    results_file: Path,
    quick: bool,  # noqa: FBT001 - called by name
    *,
    markets: str | None = None,
    output: Path | None = None,
    trials: int | None = None,
) -> None:
    size = QUICK if quick else replace(Size(), hold_out=HOLD_OUT, n_trials=trials or Size.n_trials)
    counts = counts_of(markets or "", {"signal-0.05": 1 if quick else 10})
    with tempfile.TemporaryDirectory() as folder:
        # A quick version begins anew.
        file = output or Path(folder if quick else tempfile.gettempdir()) / "kallos-lifecycle.jsonl"
        print(f"finished markets: {file}", flush=True)
        run_missing(file, counts, size, study_market, told)
        records = asked_for(file, counts, size)
    tables: dict[str, Any] = {}
    for family in FAMILIES:
        if of_family := [record for record in records if record["family"] == family]:
            tables[family] = tables_of(of_family)
            show(family, tables[family], len(of_family))
    times = training_times(size, n_rounds=1, n_networks=1) if quick else training_times(size, n_rounds=N_ROUNDS)
    print_table("Training of five members with two workers, against one with one", times)
    results = {"size": asdict(size), "tables": tables, "training": times, "markets": records}
    write_results(results_file, results, ("optuna", "torch"))


def study_market(family: str, number: int, size: Size) -> Record:
    """Make a market, tune on it with and without pruning, and judge forecasters on later steps."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        market = make_market(Path(folder), family, number, size.n_steps, size.hold_out)
        found: dict[str, Any] = {}
        for pruner in PRUNERS:
            settings = size.settings(seed_of(family, number)).changed(pruner=pruner)
            study = run_tuning(
                ASSET, market.end_date, market.config, None, "gru", pruner, TARGET, market.groups, size.n_trials,
                settings=settings,
            )  # fmt: skip
            data, recipe = market.study_data(settings), Recipe.of_study(study)
            found[pruner] = {
                "complete": trial_counts(study)["complete"],
                "best_epochs": float(np.mean(recipe.candidates[0].best_epochs)),
                "hold_out": hold_out_skills(market, data, recipe),
                "walk_forward": walk_forward_skills(data, study, recipe),
            }
    seconds = round(time.perf_counter() - started, 1)
    return {"family": family, "number": number, "size": asdict(size), "found": found, "seconds": seconds}


def told(record: Record) -> str:
    skills = [of_hold_out(pruner, DEFAULT_MEMBERS, DEFAULT_RULE)(record) for pruner in PRUNERS]
    later = " and ".join(f"{100 * each:+.2f} %" for each in skills)
    return f"{record['family']} {record['number']}: later {later}; {record['seconds']:.0f} s"


def of_hold_out(pruner: str, members: str, rule: str) -> Arm:
    return lambda record: record["found"][pruner]["hold_out"][members][rule]


def of_walk_forward(pruner: str, rule: str) -> Arm:
    """Return the skill on judged folds; not a number where no trial could be chosen in any."""
    return lambda record: record["found"][pruner]["walk_forward"].get(rule, math.nan)


def less(arm: Arm, other: Arm) -> Arm:
    """Return the difference of two arms on the same market."""
    return lambda record: arm(record) - other(record)


def tables_of(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Return the tables of a family: skills by rule, their differences to the default, and the studies by pruner."""
    default = {pruner: of_hold_out(pruner, DEFAULT_MEMBERS, DEFAULT_RULE) for pruner in PRUNERS}

    def by_default(pruner: str, members: str, rule: str) -> Arm:
        return less(of_hold_out(pruner, members, rule), default[pruner])

    def by_rule(pruner: str, members: str, rule: str) -> Arm:
        return less(of_hold_out(pruner, members, rule), of_hold_out(pruner, members, DEFAULT_RULE))

    return {
        "later": _hold_out_table(records, of_hold_out),
        f"later, less {DEFAULT_MEMBERS} by the {DEFAULT_RULE}": _hold_out_table(records, by_default),
        f"later, less the same members by the {DEFAULT_RULE}": _hold_out_table(records, by_rule),
        "later, what each rule and each kind of members gains, over all others": _over_all(records),
        "on judged folds": {rule: _walk_forward_column(records, rule) for rule in EPOCH_RULES},
        "studies": {
            pruner: {
                "complete trials": _mean_over(records, pruner, "complete"),
                "best epochs": _mean_over(records, pruner, "best_epochs"),
                "later, less halving": mean_of(map(less(default[pruner], default["halving"]), records)),
            }
            for pruner in PRUNERS
        },
    }


def _hold_out_table(records: Sequence[Record], arm_of: Callable[[str, str, str], Arm]) -> dict[str, dict[str, str]]:
    rows = [(pruner, members) for pruner in PRUNERS for members in MEMBERS]
    return {
        rule: {f"{pruner}, {members}": mean_of(map(arm_of(pruner, members, rule), records)) for pruner, members in rows}
        for rule in RULES
    }


def _over_all(records: Sequence[Record]) -> dict[str, dict[str, str]]:
    """Return the gain of a rule on the default one, averaged over members and pruners, and likewise of the members."""

    def gain(pairs: Sequence[tuple[Arm, Arm]]) -> str:
        return mean_of(float(np.mean([mine(record) - theirs(record) for mine, theirs in pairs])) for record in records)

    rules = {
        f"{rule}, less the {DEFAULT_RULE}": gain(
            [
                (of_hold_out(pruner, members, rule), of_hold_out(pruner, members, DEFAULT_RULE))
                for pruner in PRUNERS
                for members in MEMBERS
            ]
        )
        for rule in RULES
        if rule != DEFAULT_RULE
    }
    members = {
        f"{each}, less {DEFAULT_MEMBERS}": gain(
            [
                (of_hold_out(pruner, each, rule), of_hold_out(pruner, DEFAULT_MEMBERS, rule))
                for pruner in PRUNERS
                for rule in RULES
            ]
        )
        for each in MEMBERS
        if each != DEFAULT_MEMBERS
    }
    return {"gain": rules | members}


def _walk_forward_column(records: Sequence[Record], rule: str) -> dict[str, str]:
    column: dict[str, str] = {}
    for pruner in PRUNERS:
        arm = of_walk_forward(pruner, rule)
        column[pruner] = mean_of(map(arm, records))
        gain = less(arm, of_walk_forward(pruner, DEFAULT_RULE))
        column[f"{pruner}, less the {DEFAULT_RULE}"] = mean_of(map(gain, records))
    return column


def _mean_over(records: Sequence[Record], pruner: str, fact: str) -> float:
    return round(float(np.mean([record["found"][pruner][fact] for record in records])), 1)


def show(family: str, tables: dict[str, dict[str, Any]], n_markets: int) -> None:
    most = f", the best possible: {100 * best_possible(family):.1f} %" if family in SIGNALS else ""
    for name, table in tables.items():
        print_table(f"{family}, {n_markets} markets, {name} (skills in %, mean ± standard error{most})", table)
