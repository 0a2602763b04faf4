"""What the documentation tells people to type works, in the order in which it stands there."""

import os
import re
import shlex
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest
from documented_commands import PAGES, ROOT, command_lines, commands, mentions, options_by_command, read_command_line
from warm_commands import WarmCommands

from kallos_data import simulate_market

# A study as the README starts it takes an hour; these options come last and win. The seed draws a small model first.
SMALL = ["--max-epochs", "1", "--folds", "2", "--seed", "382"]


def test_the_readme_from_a_file_to_a_study(tmp_path, postgres_url, warm_commands):
    simulate_market(450, seed=1, start="2021-11-01").write_csv(tmp_path / "prices.csv")
    environment = without_settings(os.environ)
    warm = None  # the console script itself trains the first study
    done = []
    for command in commands("README.md"):
        if command[0] == "export":
            environment["KALLOS_DB_URL"] = postgres_url
            warm = warm_commands
            run(["./run", "kallos-run", "ingest", "prices.csv", "--asset-id", "BTC"], tmp_path, environment, warm)
            continue
        assert command[0] == "./run"
        if command[1:] in (["pytest"], ["kallos-run", "demo"]):
            continue  # this very run, and a test of its own
        done.append(command[2])
        small = ["--n-trials", "1", *SMALL] if command[2] == "tune" else []
        run([*command, *small], tmp_path, environment, warm)
    assert done == ["ingest", "tune", "study", "tune"]
    assert (tmp_path / "gru_btc_best_params.json").exists()


def test_the_page_of_the_command_line_in_its_order(tmp_path, warm_commands):
    simulate_market(450, seed=1, start="2021-11-01").write_csv(tmp_path / "btcusdt_1d.csv")
    environment = without_settings(os.environ)
    budgets = iter(["1", "2"])
    said = []
    for command in commands("apps/cli/README.md"):
        if command[1] == "demo":
            continue  # a test of its own
        small = ["--n-trials", next(budgets), *SMALL] if command[1] == "tune" else []
        said.append(run(["./run", *command, *small], tmp_path, environment, warm_commands))
    assert len(said) == 6
    assert "1 finished trial of 2" in said[2]


@pytest.mark.parametrize("page", PAGES)
def test_the_command_line_understands_what_pages_say(page):
    for words in command_lines(page):
        read_command_line(words)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith(("README", "docs", "apps"))])
def test_pages_mention_only_what_there_is(page):
    of_command = options_by_command()
    anywhere = set().union(*of_command.values())
    for words in mentions(page):
        name = " ".join(takewhile(lambda word: word.isalpha() and word.islower(), words))
        given = {word for word in words if word.startswith("--")}
        assert name in of_command, f"{page}: there is no command {name!r}"
        known = of_command[name] if name else anywhere
        assert given <= known, f"{page}: {name} has no option {', '.join(given - known)}"


def test_every_page_that_gives_commands_is_run_somewhere():
    giving = {page for page in PAGES if any("kallos-run" in command[:2] for command in commands(page))}
    assert giving == {"README.md", "apps/cli/README.md", "docs/machines.md", "docs/ray.md"}, (
        "a new page with commands needs a test that runs them"
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


def without_settings(environment):
    return {name: value for name, value in environment.items() if not name.startswith("KALLOS_")}


def run(command: list[str], folder: Path, environment: dict[str, str], warm: WarmCommands | None) -> str:
    """Run ``./run kallos-run …`` to its end, in the environment of these tests, and return what it said."""
    program, *arguments = command[1:]
    assert program == "kallos-run"
    if warm is not None:
        started = warm.start(arguments, cwd=folder, env=environment, stderr=subprocess.STDOUT)
        said, _ = started.communicate(timeout=300)
        code = started.wait()
    else:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command[1:], cwd=folder, env=environment, timeout=300, check=False, **streams)
        code, said = done.returncode, done.stdout
    assert code == 0, f"{shlex.join(command)}\n{said}"
    return said


def test_continuous_integration_runs_what_contributors_are_told_to():
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "./run pytest\n" in steps
    assert ["./run", "pytest"] in commands("README.md")
    for command in commands("CONTRIBUTING.md"):
        tool = ROOT / command[0]
        assert os.access(tool, os.X_OK), command
        if command[0] == "scripts/test-alone":
            assert " ".join(command) in steps
