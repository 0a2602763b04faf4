"""What the documentation tells people to type works, in the order in which it stands there."""

import os
import re
import shlex
import subprocess
from pathlib import Path

from kallos_data import simulate_market

ROOT = Path(__file__).parents[1]
# A study as the README starts it takes an hour; these options come last and win. The seed draws a small model first.
SMALL = ["--n-trials", "1", "--max-epochs", "1", "--folds", "2", "--seed", "382"]


def commands(document: str) -> list[list[str]]:
    """Return every command line of a document's shell blocks as words, comments left out."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_the_readme_from_a_file_to_a_study(tmp_path, postgres_url):
    simulate_market(450, seed=1, start="2021-11-01").write_csv(tmp_path / "prices.csv")
    environment = dict(os.environ)
    environment.pop("KALLOS_DB_URL", None)
    done = []
    for command in commands("README.md"):
        if command[0] == "export":
            environment["KALLOS_DB_URL"] = postgres_url
            _run(["./run", "kallos-run", "ingest", "prices.csv", "--asset-id", "BTC"], tmp_path, environment)
            continue
        assert command[0] == "./run"
        if command[1:] in (["pytest"], ["kallos-run", "demo"]):
            continue  # this very run, and a test of its own
        done.append(command[2])
        _run(command + (SMALL if command[2] == "tune" else []), tmp_path, environment)
    assert done == ["ingest", "tune", "study", "tune"]
    assert (tmp_path / "gru_btc_best_params.json").exists()


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    # The first word of ./run COMMAND chooses the environment; these tests run in one already.
    done = subprocess.run(
        command[1:], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def test_continuous_integration_runs_what_contributors_are_told_to():
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "./run pytest\n" in steps
    assert ["./run", "pytest"] in commands("README.md")
    for command in commands("CONTRIBUTING.md"):
        tool = ROOT / command[0]
        assert os.access(tool, os.X_OK), command
        if command[0] == "scripts/test-alone":
            assert "for member in kallos-data" in steps
            assert "scripts/test-alone" in steps
