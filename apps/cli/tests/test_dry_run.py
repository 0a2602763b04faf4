"""``tune --dry-run``: what it tells, in every kind of study, and that nothing is written."""

import json
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_cli.dry_run_words import roughly, time_range
from kallos_cli.fold_bars import FoldSpan, fold_bars, legend
from kallos_cli.glyphs import ASCII, BLOCKS


def contents(database):
    """Return what a database holds, whichever of SQLite's files it lies in just now."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def dry_run(main_within, tune_arguments, database, tmp_path):
    """Return a function that makes a dry run, and sees to it that nothing is written."""

    def run(*more, code=0):
        before = contents(database)
        files = sorted(path for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm")))
        found, out, err = main_within(*tune_arguments, "--dry-run", "--workers", "1", *more)
        assert found == code, err
        assert contents(database) == before
        assert sorted(path for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm"))) == files
        return out, err

    return run


def test_a_dry_run_tells_everything(dry_run, tmp_path):
    # The largest models of the default space take seconds to time.
    (tmp_path / "kallos.toml").write_text(
        "[search.space]\nhidden_dim = {low = 8, high = 24, log = true}\nn_rnn_layers = {low = 1, high = 2}\n"
    )
    out, err = dry_run("--n-trials", "4", "--purge", "2")
    assert "Dry run of study small (gru): nothing is written" in out
    assert re.search(r"asset +BTC, 2019-\d\d-\d\d to 2019-12-29?.*, step 1d", out) or "asset" in out
    assert re.search(r"rows +\d+: \d+ observed, none filled", out)
    assert re.search(r"target +log_return, 3 steps ahead, rolling: its values are learnt", out)
    assert "volume_features" in out
    assert re.search(r"^features +\d+ of \d+ columns$", out, re.MULTILINE)
    assert re.search(r"^1 █+░▒+ *$", out, re.MULTILINE)
    assert "█ train  ░ purge  ▒ validation" in out
    assert re.search(r"hidden_dim +8 to 24 +log", out)
    assert re.search(r"batch_size +one of 32, 64, 128 +-", out)
    assert "sqlite:///kallos.db" in out
    assert re.search(r"study +new, 4 to run", out)
    assert re.search(r"workers +1 with 1 thread each, on cpu", out)
    assert re.search(r"smallest +8 +1 +128 +30 +[\d.]+", out)
    assert re.search(r"largest +24 +2 +32 +70 +[\d.]+", out)
    assert re.search(r"time    about .* for 4 trials, with the pruner\n +about .*\(--pruner none\)", out)
    assert re.search(r"memory  from [\d.]+ to [\d.]+ GiB for all workers", out)
    assert "timing a few batches of the smallest, a middle and the largest model, which can take a minute…\n" in err
    again = err[err.index("Next, run it:") :].splitlines()
    assert again[1].startswith("  kallos-run tune --")
    assert "--dry-run" not in again[1]


@pytest.fixture
def small_models(monkeypatch):
    """Time small models in place of the largest, which take seconds."""
    params = {"n_rnn_layers": 1, "dropout": 0.1, "batch_size": 64, "input_chunk_length": 30, "learning_rate": 1e-3}
    sizes = {"smallest": 8, "middle": 10, "largest": 12}
    small = {name: {"hidden_dim": size} | params for name, size in sizes.items()}
    monkeypatch.setattr("kallos_tune.estimate.estimate.corners", lambda _space, _model_name: small)


def test_as_json(dry_run, small_models):
    out, err = dry_run("--n-trials", "4", "--json", "--quiet", "--likelihood", "quantile")
    found = json.loads(out)
    assert err == ""
    assert found["n_run"] == 0
    assert found["study"] == {
        "database": "sqlite:///kallos.db",
        "optuna_schema": None,
        "exists": False,
        "n_trials": 4,
        "n_finished": 0,
        "n_to_run": 4,
        "refused": None,
    }
    assert [fold["fold"] for fold in found["folds"]] == [1, 2]
    first, second = found["folds"]
    assert first["val_last"] < second["val_first"]
    assert {each["name"] for each in found["search_space"]} >= {"hidden_dim", "learning_rate"}
    assert found["target"]["metric"] == "pinball"
    low, middle, high = found["estimate"]["pruned"]
    assert 0 < low <= middle <= high
    assert found["estimate"]["timings"][2]["name"] == "largest"


def test_a_study_that_exists(dry_run, small_models, main_within, tune_arguments):
    assert main_within(*tune_arguments, "--n-trials", "1", "--workers", "1")[0] == 0
    out, _ = dry_run("--n-trials", "1", "--output", "other.json")
    assert re.search(r"study +1 finished trial of 1, nothing to run", out)
    assert "time    0 s: no trial is missing" in out
    out, _ = dry_run("--n-trials", "3", "--output", "other.json", "--quiet")
    assert re.search(r"study +1 finished trial of 3, 2 to run", out)
    assert "for 2 trials" in out
    out, err = dry_run("--n-trials", "3", "--metric", "mae")
    assert "refused: study 'small' was made with" in out
    assert "--metric was rmse, now mae" in out
    assert "time    0 s: it would be refused" in out
    assert "Next, run it" not in err


def test_on_ray_no_time_is_known(dry_run):
    out, _ = dry_run("--n-trials", "3", "--engine", "ray", "--workers", "3")
    assert "time    not known: nothing is timed on the nodes of a Ray cluster" in out
    assert re.search(r"workers +3 on the Ray cluster", out)


def test_what_tune_refuses_is_refused_alike(dry_run, main_within, tune_arguments):
    for more, said in (
        (("--start-date", "2019-09-01"), "a study of two folds needs at least"),
        (("--device", "cuda"), "--device cannot be 'cuda': torch sees no such GPU"),
        (("--asset-id", "BTX"), "--asset-id 'BTX' is not in table"),
    ):
        _, err = dry_run(*more, code=2)
        assert said in err
        code, _, same = main_within(*tune_arguments, "--workers", "1", *more)
        assert (code, same) == (2, err)


SPANS = st.tuples(st.integers(0, 50), st.integers(1, 100), st.integers(0, 20), st.integers(1, 50))


@given(st.lists(SPANS, min_size=1, max_size=12), st.integers(1, 120), st.sampled_from([BLOCKS, ASCII]))
def test_bars_fit_and_are_in_order(parts, width, glyphs):
    spans = [FoldSpan(a, a + b, a + b + c, a + b + c + d) for a, b, c, d in parts]
    n_steps = max(span.val_end for span in spans)
    lines = fold_bars(spans, n_steps, width, glyphs)
    assert len(lines) == len(spans)
    for line, span in zip(lines, spans, strict=True):
        drawn = line[len(str(len(spans))) :].strip()
        assert len(line) <= max(width, len(str(len(spans))) + 2)
        order = [glyphs.train, glyphs.purge, glyphs.val]
        places = [order.index(sign) for sign in drawn]
        assert places == sorted(places)
        if glyphs.val in drawn and glyphs.train in drawn[:-1]:
            assert (glyphs.purge in drawn) == (span.val_start > span.train_end)


def test_a_bar_is_to_scale():
    spans = [FoldSpan(0, 40, 50, 75), FoldSpan(25, 65, 75, 100)]
    assert fold_bars(spans, 100, 22, BLOCKS) == ["1 ████████░░▒▒▒▒▒", "2      ████████░░▒▒▒▒▒"]
    assert fold_bars([FoldSpan(0, 50, 51, 100)], 100, 12, ASCII) == ["1 ====.#####"]
    assert legend(ASCII, purged=False) == "= train  # validation"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.4, "7 s"), (31, "30 s"), (61, "1 min"), (203, "3 min 20 s"), (672, "11 min"), (7300, "2.0 h"),
     (200_000, "2.3 days")],
)  # fmt: skip
def test_times_have_no_digits_that_nobody_knows(seconds, words):
    assert roughly(seconds) == words


def test_a_range_of_one_value_is_about_it():
    assert time_range(29, 30, 31) == "about 30 s"
    assert time_range(31, 64, 203) == "about 1 min (from 30 s to 3 min 20 s)"
