"""What a report says of studies of every kind, the odd ones too: its contents as plain data."""

import tomllib

import numpy as np
import optuna
import polars as pl
import pytest

from kallos_tune import ConfigError, StudyData, read_space, stored_verdict, verdict_lines
from kallos_tune.study_definition import CHANGES
from kallos_tune.study_report.compose import contents_of
from kallos_tune.study_report.contents import Code, Facts, Picture, Table, Words
from kallos_tune.study_report.figures.style import drawing, thinned
from kallos_tune.study_report.gathered import Gathered
from kallos_tune.study_report.search_sections import FEWEST_FOR_IMPORTANCES
from kallos_tune.study_verdict import keep_verdict

ORDER = [
    *("verdict", "best", "forecasts", "gain", "scores", "history", "importances", "parameters", "overfitting"),
    *("trials", "data", "definition", "again"),
]


def report_on(study, data=None, commands=()):
    return contents_of(Gathered(study, data, commands))


def section_of(contents, key):
    (found,) = (section for section in contents.sections if section.key == key)
    return found


def words_of(contents, key):
    return [part.text for part in section_of(contents, key).parts if isinstance(part, Words)]


def table_of(contents, key, title):
    (found,) = (
        part
        for part in section_of(contents, key).parts
        if isinstance(part, Table | Facts) and part.title.startswith(title)
    )
    return found.rows


def names_of(contents):
    return [picture.name for picture in contents.pictures]


def drawn(contents):
    """Draw every picture; return the figures by name."""
    figures = {}
    for picture in contents.pictures:
        with drawing(picture.name):
            figures[picture.name] = picture.draw()
    return figures


@pytest.fixture
def judged(stored_study):
    study, data = stored_study("CCCPF", target_folds=3)
    keep_verdict(study, data)
    return study, data


def test_the_order_is_what_counts_most_first(judged):
    study, data = judged
    contents = report_on(study, data)
    assert [section.key for section in contents.sections] == ORDER
    assert contents.title == "Study s"
    assert contents.subtitle == "gru for ret of X, 2021-01-01 to 2021-04-30"
    assert contents.conclusion == stored_verdict(study.user_attrs).conclusion


def test_the_verdict_is_told_in_its_own_words(judged):
    study, data = judged
    contents = report_on(study, data)
    verdict = stored_verdict(study.user_attrs)
    first, *others = (part for part in section_of(contents, "verdict").parts if isinstance(part, Words))
    assert first.kind == "verdict"
    assert first.text.startswith("verdict: ")
    lines = verdict_lines(verdict)
    assert [part.text for part in others] == [line for line in lines if line != first.text]
    assert len(others) == len(lines) - 1
    rows = table_of(contents, "verdict", "The walk-forward choice")
    assert [row[0] for row in rows] == [fold.number for fold in verdict.folds] == [2, 3]
    assert dict(table_of(contents, "verdict", "What it rests on"))["judged steps"] == verdict.n_steps


def test_the_forecasts_drawn_are_the_average_of_the_chosen_trials(judged):
    study, data = judged
    contents = report_on(study, data)
    figures = drawn(contents)
    gathered = Gathered(study, data)
    sample = gathered.walked.sample
    for number in (2, 3):
        (axis,) = figures[f"fold-{number}"].axes
        lines = {line.get_label(): line.get_ydata() for line in axis.lines}
        here = sample.fold == number
        np.testing.assert_array_equal(lines["truth"], sample.actual[here])
        np.testing.assert_array_equal(lines["forecast"], sample.average[here])
        assert sum("(to beat)" in label for label in lines) == 1
        assert len(lines) == 2 + len(sample.naive)


def test_the_gain_ends_at_the_difference_of_the_squared_errors(judged):
    study, data = judged
    sample = Gathered(study, data).walked.sample
    (axis,) = drawn(report_on(study, data))["gain"].axes
    saved = np.sum((sample.actual - sample.to_beat) ** 2) - np.sum((sample.actual - sample.average) ** 2)
    by_fold = [line for line in axis.lines if len(line.get_ydata()) > 2]
    assert len(by_fold) == 2
    assert by_fold[-1].get_ydata()[-1] == pytest.approx(saved)
    verdict = stored_verdict(study.user_attrs)
    assert (saved > 0) == (verdict.skill > 0)


def test_the_heat_map_is_skill_by_fold_and_pruned_trials_end_early(judged):
    study, data = judged
    figure = drawn(report_on(study, data))["fold-scores"]
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (3, 4)
    best = study.best_trial
    expected = 100 * (1 - np.array(best.user_attrs["fold_scores"]) / data.naive.fold_scores)
    np.testing.assert_allclose(shown[:, 0], expected)
    assert list(np.ma.getmaskarray(shown)[:, 3] | ~np.isfinite(shown.filled(np.nan)[:, 3])) == [False, True, True]


def test_pruned_trials_stand_apart_in_the_history(judged):
    study, data = judged
    above, below = (
        {line.get_label(): list(line.get_xdata()) for line in axis.lines}
        for axis in drawn(report_on(study, data))["history"].axes
    )
    assert above["complete"] == [0, 1, 2]
    assert (below["pruned"], below["failed"]) == ([3], [4])
    assert words_of(report_on(study, data), "history")[0].startswith("Trials: 3 complete, 1 pruned, 1 failed.")


def test_failures_are_told_with_their_reason_and_trials(judged):
    study, data = judged
    contents = report_on(study, data)
    (row,) = table_of(contents, "trials", "Trials without a result")
    assert row == ("failed", "RuntimeError: broken on purpose", 1, "4", None)
    times = {row[0]: row[1:3] for row in table_of(contents, "trials", "Time of the trials")}
    assert times == {"complete": (3, "1 min 33 s"), "pruned": (1, "33.0 s"), "failed": (1, "34.0 s")}


def test_without_prices_the_report_says_so_and_draws_what_it_can(judged):
    study, _ = judged
    contents = report_on(study)
    for key in ("forecasts", "gain"):
        assert words_of(contents, key) == ["Not drawn: the prices were not at hand when this report was written."]
    assert words_of(contents, "data") == [
        "Filled steps and holes are not told: the prices were not at hand when this report was written."
    ]
    assert sorted(words_of(contents, "verdict")) == sorted(verdict_lines(stored_verdict(study.user_attrs)))
    assert names_of(contents) == ["fold-scores", "history", "slices", "parallel", "time"]
    assert len(drawn(contents)) == 5


def test_where_the_data_have_changed_nothing_is_compared_with_them(judged, database, history, write_history, settings):
    study, data = judged
    changed = history.with_columns(ret=pl.when(pl.col("signal") > 1).then(pl.col("ret") * 2).otherwise(pl.col("ret")))
    frame = data.frame.drop("ret").join(changed.select("timestamp", "ret"), on="timestamp")
    now = StudyData(**{**vars_of(data), "frame": frame})
    contents = report_on(study, now)
    assert words_of(contents, "forecasts")[0].startswith("Not drawn: the data differ in")
    assert words_of(contents, "verdict")[-1].startswith("Mind that the data differ in")
    assert words_of(contents, "data")[0].startswith("What follows is about the data as they are now: the data differ")


def vars_of(data):
    return {name: getattr(data, name) for name in StudyData.__dataclass_fields__}


def test_holes_and_filled_steps_are_told(stored_study, database, history, write_history):
    write_history(database, history.filter(~pl.int_range(pl.len()).is_in([100, 110, 111])))
    contents = report_on(*stored_study("CC"))
    facts = dict(table_of(contents, "data", "The history"))
    assert facts["filled steps, neither trained on nor scored"] == "3 (2.5 %)"
    assert table_of(contents, "data", "Filled stretches") == (
        ("2021-04-21", "2021-04-22", 2),
        ("2021-04-11", "2021-04-11", 1),
    )


def test_a_study_with_no_trial_at_all(stored_study):
    contents = report_on(*stored_study(""))
    assert contents.conclusion == "not judged"
    assert words_of(contents, "best") == ["No trial is complete yet."]
    assert words_of(contents, "history") == ["No trial has ended yet."]
    assert contents.pictures == []


def test_a_study_of_failed_trials_alone(stored_study):
    contents = report_on(*stored_study("FFF"))
    (row,) = table_of(contents, "trials", "Trials without a result")
    assert row == ("failed", "RuntimeError: broken on purpose", 3, "0, 1 and 2", None)
    assert words_of(contents, "verdict")[0].startswith("verdict: none yet.")
    drawn(contents)


def test_a_study_of_which_every_trial_was_pruned(stored_study):
    contents = report_on(*stored_study("PPP"))
    assert words_of(contents, "best") == ["No trial is complete yet."]
    assert words_of(contents, "overfitting")[0] == "Needs two complete trials, and there is none."
    assert names_of(contents) == ["fold-scores", "history", "time"]
    drawn(contents)


def test_a_single_trial(stored_study):
    contents = report_on(*stored_study("C"))
    assert words_of(contents, "overfitting")[0] == "Needs two complete trials, and there is one."
    assert words_of(contents, "parameters") == ["Needs two complete trials, and there is one."]
    assert names_of(contents) == ["fold-2", "gain", "fold-scores", "history", "time"]
    drawn(contents)


def test_trials_that_kept_no_forecasts(stored_study):
    study, data = stored_study("CC", with_forecasts=False)
    contents = report_on(study, data)
    why = "its trials were made before forecasts were kept for a verdict"
    assert words_of(contents, "forecasts") == [f"Not drawn: {why}."]
    assert any(why in line for line in words_of(contents, "verdict"))
    drawn(contents)


@pytest.mark.parametrize("changes", [{"metric": "mae"}, {"likelihood": "quantile"}, {"forecast": "recursive"}])
def test_other_scores_and_forecasts(stored_study, changes):
    study, data = stored_study("CCC", **changes)
    contents = report_on(study, data)
    name = {"mae": "mae", "quantile": "pinball", "recursive": "rmse"}[next(iter(changes.values()))]
    assert f"({name}, lower is better)" in words_of(contents, "best")[0]
    drawn(contents)


def test_a_price_whose_log_change_is_learnt(stored_study, database, history, write_history):
    write_history(database, history.with_columns(ret=100 * pl.col("ret").cum_sum().exp()))
    study, data = stored_study("CC", target_transform="log_difference")
    contents = report_on(study, data)
    assert dict(table_of(contents, "definition", "Definition"))["learnt of it"] == "its log change"
    assert "last value" in contents.pictures[0].alt
    drawn(contents)


def test_importances_only_of_enough_trials(stored_study):
    few = report_on(*stored_study("C" * (FEWEST_FOR_IMPORTANCES - 1)))
    (told,) = words_of(few, "importances")
    assert told.endswith("and of 19 complete trials that says nothing; 20 are needed.")
    enough = report_on(*stored_study("C" * FEWEST_FOR_IMPORTANCES))
    assert words_of(enough, "importances")[1] == "The best tenth are 2 trials here: a rough guess."
    (axis,) = drawn(enough)["importances"].axes
    assert sum(bar.get_width() for bar in axis.patches) == pytest.approx(100)


def test_overfitting_of_steps_with_prices_and_of_folds_without(stored_study):
    study, data = stored_study("CCCC", target_folds=5, val_share=0.6)
    assert (
        "80 judged steps in 8 blocks were halved in all 70 ways" in words_of(report_on(study, data), "overfitting")[0]
    )
    assert "5 folds in 4 blocks were halved in all 6 ways" in words_of(report_on(study), "overfitting")[0]
    two, _ = stored_study("CC")
    assert words_of(report_on(two), "overfitting")[0].startswith("The probability of backtest overfitting needs four")


def test_a_verdict_of_fewer_trials_is_made_anew_with_prices_and_told_without(judged):
    study, data = judged
    study.add_trial(study.trials[0])
    assert words_of(report_on(study), "verdict")[-1].startswith("(judged after 4 trials of the 5 that are finished")
    told = words_of(report_on(study, data), "verdict")
    assert any("among 4 complete of 5 trials" in line for line in told)
    assert not told[-1].startswith("(judged after")


def test_changes_by_force_are_told(stored_study):
    study, data = stored_study("CC")
    study.set_user_attr(CHANGES, [{"since_trial": 1, "changed": {"max_epochs": 9}}])
    assert table_of(report_on(study, data), "definition", "Changes since") == ((1, "max_epochs", 2, 9),)


def test_a_search_space_of_one_s_own_is_shown_as_it_is_read(stored_study):
    study, data = stored_study("C", target_folds=2)
    codes = {part.title: part.text for part in section_of(report_on(study), "again").parts if isinstance(part, Code)}
    described = tomllib.loads(codes["kallos.toml, the search space"])["search"]["space"]
    assert read_space(described, "gru") == data.settings.search.space


def test_the_commands_and_the_features_to_get_the_same_again(stored_study):
    contents = report_on(*stored_study("CC"), ("kallos-run study rerun s",))
    codes = {part.title: part.text for part in section_of(contents, "again").parts if isinstance(part, Code)}
    assert codes["In a shell"] == "kallos-run study rerun s\n"
    assert codes["groups.toml, the features"] == 'unbounded_features = ["signal"]\nvolume_features = ["volume"]\n'
    compile(codes["In Python"], "report", "exec")


def test_every_picture_has_a_name_of_its_own_and_words(judged):
    contents = report_on(*judged)
    names = names_of(contents)
    assert len(set(names)) == len(names)
    assert all(isinstance(each, Picture) and len(each.alt) > 20 for each in contents.pictures)


def test_a_study_that_kallos_did_not_make_is_refused():
    with pytest.raises(ConfigError, match=r"^study 'o' was not made by Kallos: open it with Optuna's own tools$"):
        report_on(optuna.create_study(study_name="o"))


def test_a_long_line_is_thinned_and_keeps_its_peaks():
    values = np.random.default_rng(0).normal(size=20_000)
    times, kept = thinned(np.arange(20_000), values)
    assert len(kept) <= 802
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    np.testing.assert_array_equal(values[times], kept)
    assert (np.diff(times) > 0).all()


def test_of_many_trials_the_best_are_drawn_side_by_side(stored_study, monkeypatch):
    monkeypatch.setattr("kallos_tune.study_report.search_sections._MOST_LINES", 3)
    study, _ = stored_study("CCCC")
    contents = report_on(study)
    (picture,) = (each for each in contents.pictures if each.name == "parallel")
    assert picture.title.startswith("All parameters of the best 3 trials")
    (axis,) = drawn(contents)["parallel"].axes
    assert len(axis.collections[0].get_segments()) == 3
