"""Every benchmark runs, if only a small version of it, and writes down what it measured and where."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

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
