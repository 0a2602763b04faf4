"""What the documentation tells people to type works, in the order in which it stands there."""

import os
import re
import runpy
import shlex
from itertools import takewhile

import pytest
from documented_commands import PAGES, ROOT, command_lines, commands, mentions, options_by_command, read_command_line

from kallos_data import simulate_market
from kallos_tune import HoldOutVerdict, Verdict, hold_out_lines, verdict_lines
from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from kallos_tune.verdict.verdict import FoldVerdict

# A study as the README starts it takes an hour; these options come last and win.
SMALL = ["--max-epochs", "1", "--folds", "2"]
# Whose prices are old, says so.
MORE = {"tune": ["--n-trials", "1", *SMALL], "forecast": ["--max-age", "100000"]}


@pytest.fixture
def type_in(tmp_path, warm_commands, small_models):
    """Return a function that runs a command as it is typed in an empty folder, and returns what it prints.

    Only of a study is the search space smaller than it would be.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}

    def run(words, **variables):
        assert words[0] == "kallos-run"
        if words[1] == "tune":
            variables["KALLOS_CONFIG"] = small_models
        process = warm_commands.start(words[1:], cwd=tmp_path, env=environment | variables)
        out, err = process.communicate(300)
        assert process.returncode == 0, f"{shlex.join(words)}\n{out}\n{err}"
        return out + err

    return run


def test_the_readme_from_a_file_to_a_study(type_in, tmp_path, postgres_url):
    simulate_market(240, seed=1, start="2022-06-01").write_csv(tmp_path / "prices.csv")
    variables, done = {}, []
    for command in commands("README.md"):
        if command[0] == "export":
            variables["KALLOS_DB_URL"] = postgres_url
            type_in(["kallos-run", "ingest", "prices.csv", "--asset-id", "BTC"], **variables)
            continue
        # The first word chooses the environment; these tests run in one already.
        assert command[0] == "./run"
        if command[1:] in (["pytest"], ["kallos-run", "demo"]):
            continue  # this very run, and a test of its own
        done.append(command[2])
        type_in(command[1:] + MORE.get(command[2], []), **variables)
    assert done == ["ingest", "tune", "tune", "study", "study", "train", "evaluate", "forecast", "study", "tune"]
    assert (tmp_path / "gru_btc_best_params.json").exists()


def test_the_page_of_the_command_line_in_its_order(type_in, tmp_path):
    simulate_market(320, seed=1, start="2022-03-10").write_csv(tmp_path / "btcusdt_1d.csv")
    budgets = iter(["1", "1", "2"])
    said = {}
    for command in commands("apps/cli/README.md"):
        if command[1] in {"demo", "dashboard"}:
            continue  # tests of their own
        name = " ".join(takewhile(lambda word: word.isalpha() and word.islower(), command[1:]))
        said.setdefault(name.partition(" gru")[0], []).append(
            type_in(command + (["--n-trials", next(budgets), *SMALL] if name == "tune" else []))
        )
    assert "nothing is written" in said["tune"][0]
    assert "1 finished trial of 2" in said["tune"][2]
    assert "verdict: " in said["evaluate"][0]
    assert said.keys() >= {"init", "config show", "study report", "study rerun", "forecast"}


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


def test_the_result_that_is_shown_reads_as_it_would_today():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^search score .*?(?=^```)", text, re.MULTILINE | re.DOTALL)
    folds = tuple(
        FoldVerdict(number=n, n_steps=92, first="", last="", trials=(0, 1, 2, 3, 4), naive=TRAINING_MEAN, skill=0.0)
        for n in (2, 3, 4, 5)
    )
    verdict = Verdict(
        conclusion="worse",
        metric="rmse",
        forecast="rolling",
        horizon=1,
        n_average=5,
        n_folds=5,
        n_trials=20,
        n_complete=6,
        search_score=0.039116,
        search_naive_score=0.039570,
        search_skill=0.0115,
        folds=folds,
        n_steps=368,
        first="2020-12-29",
        last="2021-12-31",
        skill=-0.00509,
        skill_against={TRAINING_MEAN: -0.00509, ZERO: -0.00503, LAST_VALUE: 0.309},
        single_skill=-0.0067,
        interval_low=-0.0104,
        interval_high=-0.00026,
        clark_west_p=0.93,
        clark_west_p_against={TRAINING_MEAN: 0.93, ZERO: 0.83, LAST_VALUE: 0.0},
        detectable_skill=0.0076,
    )
    assert verdict_lines(verdict) == shown.splitlines()


def test_the_judged_period_that_is_shown_reads_as_it_would_today():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^hold-out .*?(?=^```)", text, re.MULTILINE | re.DOTALL)
    verdict = HoldOutVerdict(
        conclusion="no evidence",
        metric="rmse",
        horizon=1,
        to_beat=TRAINING_MEAN,
        n_steps=546,
        first="2022-01-01",
        last="2023-06-30",
        skill=-0.003,
        skill_against={ZERO: -0.006, TRAINING_MEAN: -0.003, LAST_VALUE: 0.288},
        interval_low=-0.011,
        interval_high=0.004,
        clark_west_p=0.44,
        clark_west_p_against={ZERO: 0.5, TRAINING_MEAN: 0.44, LAST_VALUE: 0.01},
        detectable_skill=0.007,
    )
    assert hold_out_lines(verdict, what="the average of 5 gru networks") == shown.splitlines()


def test_every_page_that_gives_commands_is_run():
    # By the tests above, of the guide for many machines, of Ray, and of the pages.
    giving = {page for page in PAGES if any("kallos-run" in command[:2] for command in commands(page))}
    walked = {
        "README.md",
        "apps/cli/README.md",
        "docs/machines.md",
        "docs/ray.md",
        "docs/tables.md",
        "docs/postgresql.md",
    }
    assert walked <= giving
    run = {shlex.join(words) for page in ("README.md", "apps/cli/README.md") for words in command_lines(page)}
    for page in giving - walked:
        for words in command_lines(page):
            assert shlex.join(words) in run, f"{page}: no test runs kallos-run {shlex.join(words)}"


def test_the_pictures_are_made_by_their_script():
    shown = set(re.findall(r"!\[[^\]]+\]\(docs/pictures/([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    script = (ROOT / "docs/pictures.py").read_text(encoding="utf-8")
    assert shown == {path.name for path in (ROOT / "docs/pictures").iterdir()}
    assert all(f'"{name}"' in script for name in shown)


@pytest.mark.nightly
def test_the_live_view_that_is_shown_is_drawn_as_today(tmp_path):
    pictures = runpy.run_path(str(ROOT / "docs/pictures.py"))
    today = pictures["live_view"](pictures["study_in"](tmp_path))
    shown = (ROOT / "docs/pictures/live.svg").read_text(encoding="utf-8")
    # Digits of scores may differ from one kind of processor to another.
    words = [re.findall(r">([^<>]*[a-z]{3}[^<>]*)</text>", re.sub(r"[\d.]+", "0", text)) for text in (today, shown)]
    assert words[0] == words[1]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


def test_continuous_integration_runs_what_contributors_are_told_to():
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    nightly = (ROOT / ".github/workflows/nightly.yml").read_text(encoding="utf-8")
    told = commands("CONTRIBUTING.md")
    # Each test runs once before a change lands: a member's in its own environment, the rest in the common one.
    for member in sorted((ROOT / "packages").iterdir()):
        assert f"scripts/test-alone {member.name} " in steps
    assert "scripts/test-alone kallos-cli " in steps
    assert "./run pytest tests\n" in steps
    assert ["./run", "pytest"] in commands("README.md")
    assert "./run pytest\n" in nightly
    for command in told:
        assert os.access(ROOT / command[0], os.X_OK), command
    assert ["scripts/test-alone", "kallos-data"] in told
    assert "scripts/test-alone kallos-data" in steps
    for command in (["./run", "pytest", "-m", "nightly"], ["scripts/against-latest"]):
        assert command in told
        assert shlex.join(command) in nightly
