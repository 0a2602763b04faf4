"""Every benchmark runs, if only a small version of it, and writes down what it measured and where."""

import importlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
# As the command itself finds them; a leading underscore is for what they share.
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py"))
# The one that trains nothing stands for all; nothing of another breaks unseen that an import would show.
QUICKEST = "load"


@pytest.mark.parametrize(
    "name", [name if name == QUICKEST else pytest.param(name, marks=pytest.mark.nightly) for name in NAMES]
)
def test_a_quick_benchmark_writes_its_results(name, tmp_path):
    file = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "a benchmark prints a table"
    results = json.loads(file.read_text())
    assert results["machine"]["cores"] >= 1
    assert any(value for key, value in results.items() if key != "machine")


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_finds_what_it_measures(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.main)
    assert module.__doc__


@pytest.fixture
def benchmark_module(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def many(benchmark_module):
    return benchmark_module("_many_markets")


def test_markets_are_taken_in_turn_and_bad_ones_named(many):
    assert many.in_turn(many.counts_of("walk:2, signal-0.10:1", {})) == [
        ("walk", 0),
        ("signal-0.10", 0),
        ("walk", 1),
    ]
    assert many.counts_of("", {"walk": 20}) == {"walk": 20}
    with pytest.raises(SystemExit, match=r"'walk' is not FAMILY:NUMBER"):
        many.counts_of("walk", {})


def test_finished_markets_survive_an_interruption_in_the_middle_of_a_line(many, tmp_path):
    file, size = tmp_path / "markets.jsonl", many.Size()
    records = [{"family": "walk", "number": number, "size": asdict(size)} for number in range(2)]
    many.append(file, records[0])
    file.write_text(file.read_text() + '{"number": 7, "si')
    many.append(file, records[1])
    assert many.read(file, size) == records
    assert many.read(file, many.QUICK) == []
    assert many.asked_for(file, {"walk": 1}, size) == records[:1]


def test_shrinking_takes_the_weight_that_was_best_on_earlier_folds(benchmark_module):
    rules = benchmark_module("_rules")
    times = np.datetime64("2024-01-01") + np.arange(60)
    truth = np.random.default_rng(0).standard_normal((4, 60))
    folds = [
        rules.JudgedFold(number=number, times=times + 60 * number, actual=actual, naive={"zero": np.zeros(60)})
        for number, actual in enumerate(truth, start=1)
    ]
    # Four times too much of the right thing: a quarter of it is the truth.
    trial = rules.TrialEvidence(
        number=3, complete=True, scores=(1.0,) * 4, forecasts={number: 4 * truth[number - 1] for number in (2, 3, 4)}
    )
    evidence = rules.evidence_from_json(json.loads(json.dumps(rules.evidence_to_json((folds, [trial])))))
    average = rules.judge(*evidence, metric="rmse", horizon=1, forecast="rolling")
    forecasts = rules.shrunk(evidence, average).forecasts
    for number, weight in {2: rules.FIRST_WEIGHT, 3: 0.25, 4: 0.25}.items():
        np.testing.assert_allclose(forecasts[number], weight * 4 * truth[number - 1], rtol=1e-6)
    assert rules.judge_by_rules(evidence)["shrunk"]["beats"]


def test_tables_of_forecasters_compare_arms_on_the_same_market(benchmark_module):
    lifecycle = benchmark_module("lifecycle")
    rank = {rule: place for place, rule in enumerate(lifecycle.RULES)}

    def record(of_market, n_complete):
        # Each rule wins a hundredth on the one before, five trials two on one seed, whatever the market is like.
        skills = {
            members: {rule: of_market + 0.01 * (rank[rule] + place) for rule in lifecycle.RULES}
            for place, members in enumerate(lifecycle.MEMBERS)
        }
        folds = {rule: of_market + 0.01 * rank[rule] for rule in lifecycle.EPOCH_RULES}
        found = {"complete": n_complete, "best_epochs": 4.0, "hold_out": skills, "walk_forward": folds}
        return {"found": dict.fromkeys(lifecycle.PRUNERS, found)}

    tables = lifecycle.tables_of([record(-0.3, 3), record(0.5, 6)])
    default = tables["later, less five trials by the mean"]
    assert tables["later"]["mean"]["none, one seed"] == "+10.00 ± 40.00"
    assert default["mean"] == {
        f"{pruner}, {members}": f"{gain} ± 0.00"
        for pruner in lifecycle.PRUNERS
        for members, gain in {"one seed": "-2.00", "five seeds": "-1.00", "five trials": "+0.00"}.items()
    }
    assert set(tables["later, less the same members by the mean"]["longer"].values()) == {"+2.00 ± 0.00"}
    (over_all,) = (table["gain"] for name, table in tables.items() if "over all" in name)
    assert over_all["same updates, less the mean"] == "+1.00 ± 0.00"
    assert over_all["one seed, less five trials"] == "-2.00 ± 0.00"
    assert tables["on judged folds"]["longer"]["halving, less the mean"] == "+2.00 ± 0.00"
    assert tables["studies"]["none"] == {
        "complete trials": 4.5,
        "best epochs": 4.0,
        "later, less halving": "+0.00 ± 0.00",
    }


def test_a_network_that_two_rules_ask_for_is_trained_once(benchmark_module, monkeypatch):
    forecasters = benchmark_module("_forecasters")
    trainer = forecasters.Trainer("gru", window=None, later=None, patience=1, kept={(0, 7, 3): np.array([1.0, 2.0])})
    plan = forecasters.MemberPlan(number=2, trial=0, params={}, seed=7, epochs=3)
    np.testing.assert_array_equal(trainer.forecasts([plan, plan]), [[1.0, 2.0], [1.0, 2.0]])
