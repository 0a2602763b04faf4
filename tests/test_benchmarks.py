"""Every benchmark runs, if only a small version of it, and writes down what it measured and where."""

import importlib
import json
import subprocess
import sys
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
def honesty(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.honesty")


def test_markets_are_taken_in_turn_and_bad_ones_named(honesty):
    assert honesty.in_turn(honesty.counts_of("walk:2, signal-0.10:1")) == [
        ("walk", 0),
        ("signal-0.10", 0),
        ("walk", 1),
    ]
    assert set(honesty.counts_of("").values()) == {20}
    with pytest.raises(SystemExit, match=r"'walk' is not FAMILY:NUMBER"):
        honesty.counts_of("walk")


def test_finished_markets_survive_an_interruption_in_the_middle_of_a_line(honesty, tmp_path):
    file, size = tmp_path / "markets.jsonl", honesty.Size()
    records = [{"number": number, "size": honesty.asdict(size)} for number in range(2)]
    honesty.append(file, records[0])
    file.write_text(file.read_text() + '{"number": 7, "si')
    honesty.append(file, records[1])
    assert honesty.read(file, size) == records
    assert honesty.read(file, honesty.QUICK) == []


def test_shrinking_takes_the_weight_that_was_best_on_earlier_folds(honesty):
    rules = importlib.import_module("benchmarks._rules")
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
