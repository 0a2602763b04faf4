"""A schedule of refits replayed: what each model knew, whose forecast is whose, and what it is worth."""

import json
import shutil
from datetime import UTC, datetime
from functools import partial

import numpy as np
import polars as pl
import pytest

from kallos_data import InsufficientDataError
from kallos_models import ModelFileError
from kallos_tune import (
    ConfigError,
    ForecasterSettings,
    MemberFinished,
    MemberStarted,
    Recipe,
    evaluate_forecaster,
    evaluate_schedule,
    is_schedule,
    load_schedule,
    train_forecaster,
    train_schedule,
)

ONE = ForecasterSettings(members=1)
EVERY_TEN_DAYS = {"refit_every": "10d", "until": "2021-04-25", "settings": ONE}


@pytest.fixture(scope="module")
def whole(trained_on_finished_study, tmp_path_factory):
    """Return the folder of a schedule of three models, of one network each; it is looked at only."""
    folder = tmp_path_factory.mktemp("replayed") / "schedule"
    trained_on_finished_study(partial(train_schedule, folder=folder, **EVERY_TEN_DAYS))
    return folder


@pytest.fixture
def schedule(whole, finished_study):
    return load_schedule(whole)


@pytest.fixture
def replay(finished_study, database, tmp_path):
    return partial(train_schedule, Recipe.of_study(finished_study), tmp_path / "schedule", database, **EVERY_TEN_DAYS)


def test_each_model_knows_its_own_past_alone(replay, schedule, history, database, write_history):
    known = [f"{model.card.last_known:%m-%d}" for model in schedule.models]
    assert known == ["03-31", "04-10", "04-20"]
    before = [model.digest for model in schedule.models]
    after_the_second = pl.col("timestamp") > datetime(2021, 4, 10, tzinfo=UTC)
    changed = pl.when(after_the_second).then(pl.col("ret") * 2).otherwise("ret")
    write_history(database, history.with_columns(ret=changed))
    after = [model.digest for model in replay().models]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_the_first_model_is_that_of_a_single_training(schedule, finished_study, database, tmp_path):
    single = train_forecaster(Recipe.of_study(finished_study), tmp_path / "single", database, settings=ONE)
    first = schedule.models[0]
    assert (first.digest, first.card) == (single.digest, single.card)


def test_each_step_is_forecast_by_the_newest_model_before_it(schedule, database):
    evaluation, worth = evaluate_schedule(schedule, database)
    of_each = [evaluate_forecaster(model, database).data.forecast for model in schedule.models]
    expected = np.concatenate([of_each[0][:10], of_each[1][:10], of_each[2]])
    assert evaluation.data.forecast == pytest.approx(expected, rel=1e-5)
    assert worth.n_models == 3
    once = of_each[0]
    actual = evaluation.data.actual
    errors = [np.sqrt(np.mean((forecast - actual) ** 2)) for forecast in (evaluation.data.forecast, once)]
    assert worth.skill == pytest.approx(1 - errors[0] / errors[1], rel=1e-4)
    assert worth.interval_low < worth.skill < worth.interval_high
    assert worth.line().startswith("refitting every 10d (3 models in this period): errors")


def test_a_period_before_the_second_training_cannot_tell(schedule, database):
    _, worth = evaluate_schedule(schedule, database, end="2021-04-10")
    assert worth.n_models == 1
    assert "too short to tell" in worth.line()


def test_a_killed_replay_takes_up_where_it_ended(replay):
    class StopError(Exception):
        pass

    seen = []

    def stop_at_the_third(event):
        seen.append(event)
        if sum(isinstance(each, MemberStarted) for each in seen) == 3:
            raise StopError

    with pytest.raises(StopError):
        replay(on_event=stop_at_the_third)
    events = []
    schedule = replay(on_event=events.append)
    assert sum(isinstance(event, MemberFinished) for event in events) == 1
    assert len(schedule.models) == 3


def test_it_is_opened_again(replay, tmp_path):
    schedule = replay(until="2021-04-10")
    again = load_schedule(tmp_path / "schedule")
    assert is_schedule(tmp_path / "schedule")
    assert [model.digest for model in again.models] == [model.digest for model in schedule.models]
    assert again.every == "10d"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 9}, "has format 9, and 1 is read"),
        ({"models": ["../elsewhere"]}, "names no forecasters beside it"),
        ({"models": []}, "names no forecasters beside it"),
    ],
)
def test_a_doctored_list_is_refused(whole, tmp_path, change, message):
    shutil.copytree(whole, tmp_path / "schedule")
    path = tmp_path / "schedule" / "schedule.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelFileError, match=message):
        load_schedule(tmp_path / "schedule")


def test_what_cannot_be_replayed_is_refused(replay):
    with pytest.raises(ConfigError, match="until must not lie before the study's end, 2021-03-31 00:00Z"):
        replay(until="2021-03-01")
    with pytest.raises(ConfigError, match="refit_every must be a time as 30d, 1w or 12h, not 'often'"):
        replay(refit_every="often")
    with pytest.raises(ConfigError, match="refit_every must be a step of the history or more, not '12h'"):
        replay(refit_every="12h")
    with pytest.raises(ConfigError, match=r"refit_every makes \d+ trainings, above 1000"):
        replay(refit_every="1d", until="2031-01-01")
    with pytest.raises(InsufficientDataError, match=r"a training on what was known on 2021-05-10 00:00Z"):
        replay(until="2021-05-15")


def test_a_folder_that_cannot_be_made_is_refused(replay, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "schedule").symlink_to(tmp_path / "file" / "folder")
    with pytest.raises(ModelFileError, match=r"cannot save a forecaster in .*choose another folder"):
        replay()


def test_a_folder_of_something_else_is_refused(replay, tmp_path):
    (tmp_path / "schedule").mkdir()
    (tmp_path / "schedule" / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match="exists and holds no schedule of forecasters"):
        replay()
    assert (tmp_path / "schedule" / "notes.txt").read_text() == "mine"
