"""What is exported is what the study keeps: scores come out of the steps again."""

import numpy as np
import optuna
import polars as pl
import pytest
from optuna.trial import TrialState, create_trial

from kallos_tune import ConfigError, export_study, load_study, open_storage, reload_study_data, write_study_tables
from kallos_tune.evaluation.forecast_record import forecast_from_text
from kallos_tune.trial_attributes import FORECASTS


def rmse(name):
    return (pl.col(name) - pl.col("actual")).pow(2).mean().sqrt().alias(name)


def errors_of(forecasts):
    """Return the errors of each fold's steps that count, and of its naive forecast."""
    scored = forecasts.filter("scored")
    return scored.group_by("trial", "fold", maintain_order=True).agg(rmse("forecast"), rmse("naive"))


def test_scores_come_out_of_the_exported_steps(finished_study, database):
    tables = export_study(finished_study, reload_study_data(finished_study, database)[0])
    errors = errors_of(tables.forecasts)
    assert errors.select("trial", "fold").equals(tables.folds.select("trial", "fold"))
    np.testing.assert_allclose(errors["forecast"], tables.folds["score"], rtol=1e-6)
    np.testing.assert_allclose(errors["naive"], tables.folds["naive"], rtol=1e-12)
    means = tables.folds.group_by("trial", maintain_order=True).agg(pl.col("score").mean())
    np.testing.assert_allclose(means["score"], tables.trials["score"])
    times = tables.forecasts.filter(trial=0, fold=2)["timestamp"]
    assert (times[0], times[-1]) == tables.folds.filter(trial=0, fold=2).select("val_first", "val_last").row(0)
    assert tables.forecasts.filter(pl.col("fold") == 1)["out_of_sample"].is_null().all()
    assert tables.forecasts.filter(pl.col("fold") == 2)["out_of_sample"].is_not_null().all()


def test_trials_are_told_with_their_parameters(finished_study):
    finished_study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"failure": "OSError: gone"}))
    trials = export_study(finished_study).trials
    assert trials["state"].to_list() == ["complete"] * 3 + ["failed"]
    assert trials["failure"].to_list() == [None] * 3 + ["OSError: gone"]
    assert trials["batch_size"].to_list() == [*(each.params.get("batch_size") for each in finished_study.trials)]
    assert trials["worker"][0] == finished_study.trials[0].user_attrs["worker"]
    took = (trials["ended"] - trials["started"]).dt.total_microseconds()[0] / 1e6
    assert took == pytest.approx(trials["seconds"][0], abs=0.5)


def test_quantiles_are_exported_by_their_median(quantile_study, database):
    tables = export_study(quantile_study, reload_study_data(quantile_study, database)[0])
    kept = [forecast_from_text(text) for trial in quantile_study.trials for text in trial.user_attrs[FORECASTS]]
    np.testing.assert_array_equal(tables.forecasts["forecast"], np.concatenate(kept))
    assert tables.forecasts["naive"].is_not_null().all()
    assert tables.folds["score"].to_list() == [
        score for trial in quantile_study.trials for score in trial.user_attrs["fold_scores"]
    ]


def test_without_prices_steps_have_their_place(finished_study):
    tables = export_study(finished_study)
    assert not tables.with_prices
    assert tables.forecasts.columns == ["trial", "fold", "position", "forecast", "out_of_sample"]
    fold = tables.forecasts.filter(trial=1, fold=2)
    assert fold["position"].to_list() == list(range(len(fold)))
    text = finished_study.trials[1].user_attrs[FORECASTS][1]
    np.testing.assert_array_equal(fold["forecast"], forecast_from_text(text))


def test_a_study_without_a_trial_has_empty_tables_of_the_same_columns(finished_study, database):
    full = export_study(finished_study, reload_study_data(finished_study, database)[0])
    empty = optuna.create_study(storage=open_storage(database), study_name="empty")
    for key, value in finished_study.user_attrs.items():
        empty.set_user_attr(key, value)
    tables = export_study(empty, reload_study_data(empty, database)[0])
    assert tables.forecasts.schema == full.forecasts.schema
    assert tables.folds.schema == full.folds.schema
    assert [len(table) for table in tables.tables().values()] == [0, 0, 0]


def test_changed_prices_are_told(finished_study, database, history, write_history):
    assert reload_study_data(finished_study, database)[1] is None
    write_history(database, history.with_columns(pl.col("ret") + pl.col("timestamp").rank() * 1e-9))
    study = load_study_again(database, finished_study)
    assert "the data differ" in reload_study_data(study, database)[1]


def load_study_again(database, study):
    # Writing a history leaves the tables of studies as they are.
    return load_study(database, study.study_name)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_hold_the_tables(finished_study, database, tmp_path, kind):
    tables = export_study(finished_study, reload_study_data(finished_study, database)[0])
    in_folder = write_study_tables(tables, tmp_path / "new" / "folder", kind)
    assert [path.name for path in in_folder] == [f"{name}.{kind}" for name in ("trials", "folds", "forecasts")]
    beside = write_study_tables(tables, tmp_path / f"study.{kind}")
    assert [path.name for path in beside] == [f"study_{name}.{kind}" for name in ("trials", "folds", "forecasts")]
    for path, table in zip(beside, tables.tables().values(), strict=True):
        if kind == "parquet":
            assert pl.read_parquet(path).equals(table)
        else:
            read = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
            assert read.columns == table.columns
            numbers = [name for name, dtype in table.schema.items() if dtype == pl.Float64]
            assert read.select(pl.col(numbers).cast(pl.Float64)).equals(table.select(numbers))
    if kind == "csv":
        assert pl.read_csv(beside[2])["timestamp"][0].endswith("T00:00:00Z")


def test_all_files_are_written_or_none(finished_study, tmp_path):
    tables = export_study(finished_study)
    (tmp_path / "forecasts.csv").mkdir()
    with pytest.raises(ConfigError, match=r"cannot write to .*; name another file or folder"):
        write_study_tables(tables, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == ["forecasts.csv"]
    for asked, name, words in (
        ("xlsx", "folder", "format must be csv or parquet, not 'xlsx'"),
        ("csv", "study.parquet", "format is csv, and .*study.parquet is named as parquet"),
    ):
        with pytest.raises(ConfigError, match=words):
            write_study_tables(tables, tmp_path / name, asked)


def test_a_study_of_others_is_not_exported(database):
    theirs = optuna.create_study(storage=open_storage(database), study_name="theirs")
    with pytest.raises(ConfigError, match="'theirs' was not made by Kallos: export it"):
        export_study(theirs)
