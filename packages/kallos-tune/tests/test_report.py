"""What a study says at its end."""

import errno
import json
import os
import pickle
import stat
import sys

import numpy as np
import optuna
import pytest

from kallos_tune import (
    ConfigError,
    evaluate_fold,
    load_study_data,
    open_storage,
    plot_forecasts,
    study_result,
    trials_table,
    write_best_params,
)
from kallos_tune.errors import MissingMatplotlibError


@pytest.fixture
def study(study_with_a_failure):
    return study_with_a_failure


def test_the_result_is_the_best_trial_and_what_defines_it(study, groups):
    result = study_result(study)
    complete = [trial for trial in study.trials if trial.value is not None]
    best = min(complete, key=lambda trial: trial.value)
    assert (result.best_trial, result.best_params, result.best_score) == (best.number, best.params, best.value)
    assert result.best_score == pytest.approx(np.mean(result.fold_scores))
    assert result.naive_score == pytest.approx(np.mean(result.fold_naive_scores))
    assert result.fold_naive_scores == best.user_attrs["fold_naive_scores"]
    assert result.skill == 1 - result.best_score / result.naive_score
    nothing = {"pruned": 0, "interrupted": 0, "abandoned": 0, "running": 0}
    assert result.n_trials == {"complete": 3, "failed": 1} | nothing
    assert result.definition["feature_groups"] == groups
    assert len(result.definition["folds"]) == 2
    assert set(result.versions) >= {"torch", "darts", "kallos-tune"}


def test_the_file_holds_all_of_it_and_replaces_what_was_there(study, tmp_path):
    path = tmp_path / "s_best_params.json"
    path.write_text("old")
    assert write_best_params(study, path) == path
    assert json.loads(path.read_text()) == study_result(study).to_dict()
    assert sorted(each.name for each in tmp_path.glob("*s_best*")) == ["s_best_params.json"]


def test_a_file_that_cannot_be_written_is_a_clear_error(study, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot write .*No such file or directory; name another file or folder"):
        write_best_params(study, tmp_path / "nowhere" / "best.json")


def test_the_table_has_the_best_first_and_failures_last(study):
    table = trials_table(study)
    scores = table["score"].drop_nulls().to_list()
    assert scores == sorted(scores)
    assert table["state"].to_list() == ["complete"] * 3 + ["failed"]
    assert table["failure"].to_list() == [None, None, None, "RuntimeError: broken on purpose"]
    assert set(study.best_params) <= set(table.columns)
    assert table["epochs"].to_list()[:3] == [4, 4, 4]


def test_the_table_has_pruned_trials_after_complete_ones_the_farthest_first():
    study = optuna.create_study()
    pruned = [("PRUNED", [0.1]), ("PRUNED", [0.1, 0.3]), ("PRUNED", [0.1, 0.2])]
    ran = [("FAIL", []), *pruned, ("COMPLETE", [1, 1, 1, 2]), ("COMPLETE", [1, 1, 1])]
    for state, reports in ran:
        trial = study.ask()
        for rung, value in enumerate(reports, start=1):
            trial.report(value, step=rung)
        value = reports[-1] if state == "COMPLETE" else None
        study.tell(trial, value, state=optuna.trial.TrialState[state])
    assert trials_table(study)["trial"].to_list() == [5, 4, 3, 2, 1, 0]


def test_the_best_parameters_score_the_same_again(study, database, groups, settings, tmp_path):
    data = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings)
    results = [evaluate_fold(fold, "gru", study.best_params, settings=settings) for fold in data.folds]
    assert [result.score for result in results] == study_result(study).fold_scores
    figure = plot_forecasts(data.folds, results, title="s")
    assert len(figure.axes) == 2
    truth, forecast = figure.axes[1].lines
    np.testing.assert_array_equal(truth.get_ydata(), data.folds[1].actual)
    np.testing.assert_array_equal(forecast.get_ydata(), results[1].forecast)
    figure.savefig(tmp_path / "folds.png")
    assert (tmp_path / "folds.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_without_matplotlib_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingMatplotlibError) as caught:
        plot_forecasts([], [], title="s")
    assert str(caught.value) == "pictures need matplotlib, which is not installed: pip install 'kallos-tune[pictures]'"
    assert isinstance(caught.value, ImportError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(study, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "best.json"
    path.write_text("the one before")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot write .*: No space left on device; name another file or folder"):
        write_best_params(study, path)
    assert [(each.name, each.read_text()) for each in tmp_path.glob("*best.json*")] == [("best.json", "the one before")]


def test_an_interrupted_write_leaves_nothing_behind(study, tmp_path, monkeypatch):
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_best_params(study, tmp_path / "best.json")
    assert not list(tmp_path.glob("*best.json*"))


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_file_has_the_mode_that_the_umask_allows(study, tmp_path, mask):
    before = os.umask(mask)
    try:
        path = write_best_params(study, tmp_path / "best.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_without_a_complete_trial_there_is_no_result(study, settings, database):
    with pytest.raises(ConfigError, match="not made by Kallos"):
        study_result(optuna.create_study(study_name="other", storage=open_storage(database)))
    empty = optuna.create_study(study_name="empty", storage=open_storage(database))
    empty.set_user_attr("kallos_definition", study.user_attrs["kallos_definition"])
    with pytest.raises(ConfigError, match="has no complete trial yet: run more trials first"):
        study_result(empty)


def test_longer_training_is_another_definition(database, groups, settings):
    data = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings)
    longer = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings.changed(max_epochs=9))
    ours, theirs = (each.definition("gru") for each in (data, longer))
    assert {key for key in ours if ours[key] != theirs[key]} == {"max_epochs"}
    assert json.loads(json.dumps(ours)) == ours
