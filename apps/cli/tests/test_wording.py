"""Messages in the command line's language, commands to type next, scores in words."""

import sys
from types import SimpleNamespace

import pytest

from kallos_cli import command_line, errors, results, trainings, wording
from kallos_cli.databases import Databases
from kallos_data import ConfigError as DataConfigError
from kallos_data import MissingColumnsError
from kallos_models import ConfigError as ModelConfigError
from kallos_tune import (
    ConfigError,
    ForeignTablesError,
    MemberStarted,
    StorageError,
    StudyExistsError,
    StudyMismatchError,
    TooManyFailuresError,
)
from kallos_tune.errors import DatabaseUnavailableError, WorkerError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError("must be 1 or more, not 0", "workers"), "--workers must be 1 or more, not 0"),
        (DataConfigError("must not lie after the end", "start_date"), "--start-date must not lie after the end"),
        (ModelConfigError("cannot be 'cuda'", "device"), "--device cannot be 'cuda'"),
        (
            ConfigError("must be 0 or more, not -1", "database_wait_seconds"),
            "--database-wait must be 0 or more, not -1",
        ),
        (ConfigError("is no option of ours", "somewhere"), "somewhere is no option of ours"),
        (ConfigError("without any parameter"), "without any parameter"),
    ],
)
def test_library_errors_name_the_option_that_they_are_about(error, said):
    assert errors.explain(error).lines == (said,)


@pytest.mark.parametrize("name", ["seed", "max_epochs", "start_date", "purge=3", "window must be", "db_kwargs"])
def test_a_column_named_like_a_parameter_is_left_as_it_is(name):
    (line,) = errors.explain(MissingColumnsError([name], ["close", name + "_2"], where="the history of BTC")).lines
    assert name in line
    assert "--" not in line


def test_users_mistakes_and_ours_have_different_codes():
    assert errors.explain(ConfigError("no")).exit_code == 2
    assert errors.explain(errors.UserError("no\nagain")).lines == ("no", "again")
    ours = errors.explain(ZeroDivisionError("division\n by zero"))
    assert ours.exit_code == 1
    assert ours.lines[0] == "internal error: ZeroDivisionError: division by zero"
    assert "--debug" in ours.lines[1]
    failed = errors.explain(TooManyFailuresError(["ValueError: x"] * 3))
    assert failed.exit_code == 1
    assert "ValueError: x" in failed.lines[0]


def test_a_database_that_stays_away_and_workers_that_end_are_no_mistakes_of_the_user():
    away = DatabaseUnavailableError(5, "connection refused: port 5432")
    found = errors.explain(away)
    assert found.exit_code == 1
    assert found.lines[0] == "the database could not be reached for 5 s (connection refused: port 5432)"
    assert found.lines[1].startswith(
        "finished trials are kept; run the same command again once it is back; --database-wait"
    )
    ended = errors.explain(WorkerError("worker 1 was killed by signal 9"))
    assert ended.exit_code == 1
    assert ended.lines[0] == "worker 1 was killed by signal 9"
    assert "the same command runs the rest" in ended.lines[1]


def test_a_study_about_something_else_says_which_options():
    found = errors.explain(StudyMismatchError("s", {"seed": (0, 3), "data_hash": ("a", "b")}))
    assert found.exit_code == 2
    assert found.lines[0] == "study 's' was made with other settings: --seed was 0, now 3; data_hash was a, now b"
    assert found.lines[1] == "go back to the stored values, or choose another --study-name"
    only_search = errors.explain(StudyMismatchError("s", {"seed": (0, 3)}, can_go_on=True))
    assert only_search.lines[1].endswith("or resume it nevertheless with --resume force")
    assert "--resume never" in errors.explain(StudyExistsError("s")).lines[0]


def test_the_command_to_continue_is_what_was_typed_without_password_and_never(monkeypatch):
    url = "postgresql://me:s3cret@localhost/prices"
    typed = ["tune", "--asset-id=B C", "--json", "--db-url", url, "--resume", "never", "--n-trials=5", "--purge", "0"]
    monkeypatch.setattr(sys, "argv", ["kallos-run", *typed])
    first, again = command_line.to_resume(Databases.of(url))
    assert first.startswith("export KALLOS_DB_URL=postgresql://me:PASSWORD@localhost/prices ")
    assert again == "kallos-run tune --asset-id 'B C' --json --n-trials 5 --purge 0"
    assert command_line.this_again(Databases.of(url), n_trials=9).endswith("--purge 0 --n-trials 9")


def test_commands_name_the_database_where_it_is_not_the_default():
    default = Databases.of("sqlite:///kallos.db")
    assert command_line.with_storage(["study", "show", "a b"], default) == "kallos-run study show 'a b'"
    other = command_line.with_storage(["study", "list"], Databases.of("sqlite:///x.db"), "lab")
    assert other == "kallos-run study list --db-url sqlite:///x.db --optuna-schema lab"


def test_commands_leave_the_database_out_where_the_environment_names_it(monkeypatch):
    url = "postgresql://me:s3cret@localhost/prices"
    monkeypatch.setenv("KALLOS_DB_URL", url)
    assert command_line.with_storage(["study", "list"], Databases.of(url)) == "kallos-run study list"
    default = command_line.with_storage(["study", "list"], Databases.of("sqlite:///kallos.db"))
    assert default == "kallos-run study list --db-url sqlite:///kallos.db"
    monkeypatch.setattr(sys, "argv", ["kallos-run", "tune", "--db-url", url, "--n-trials", "3"])
    assert command_line.this_again(Databases.of(url)) == "kallos-run tune --n-trials 3"
    monkeypatch.setenv("KALLOS_DB_URL", "no database")
    assert "--db-url sqlite:///x.db" in command_line.with_storage(["study", "list"], Databases.of("sqlite:///x.db"))


def test_commands_name_the_database_of_the_studies_where_it_is_another(monkeypatch):
    apart = Databases.of("sqlite:///x.db", "sqlite:///my studies.db")
    typed = ["tune", "--studies-url", "sqlite:///my studies.db", "--db-url=sqlite:///x.db"]
    monkeypatch.setattr(sys, "argv", ["kallos-run", *typed])
    assert command_line.this_again(apart) == (
        "kallos-run tune --studies-url 'sqlite:///my studies.db' --db-url sqlite:///x.db"
    )
    show = command_line.with_storage(["study", "show", "s"], apart.for_studies_alone)
    assert show == "kallos-run study show s --studies-url 'sqlite:///my studies.db'"
    assert command_line.with_storage(["study", "list"], Databases.of_studies("no url at all", "sqlite:///s.db")) == (
        "kallos-run study list --studies-url sqlite:///s.db"
    )
    monkeypatch.setenv("KALLOS_STUDIES_URL", "sqlite:///my studies.db")
    assert command_line.to_resume(apart) == ("kallos-run tune --db-url sqlite:///x.db",)


def test_who_may_not_write_is_told_of_another_database_for_studies():
    denied = errors.explain(StorageError("Optuna cannot use its tables in x: permission denied for schema public"))
    assert denied.exit_code == 2
    assert denied.lines[1] == "where prices may only be read, keep studies in another database with --studies-url URL"
    foreign = errors.explain(ForeignTablesError("x", "whose table alembic_version holds 'a'", has_schemas=True))
    assert foreign.exit_code == 2
    what, remedy = foreign.lines
    assert what == "x belongs to another application, whose table alembic_version holds 'a': nothing was created"
    assert remedy.startswith("keep studies in a schema of their own with --optuna-schema NAME, or in another database")
    on_sqlite = errors.explain(ForeignTablesError("x", "whose", has_schemas=False))
    assert on_sqlite.lines[1] == "keep studies in another database with --studies-url URL"


def test_the_password_of_the_studies_is_not_repeated_either(monkeypatch):
    url = "postgresql://me:s3cret@localhost/studies"
    monkeypatch.setattr(sys, "argv", ["kallos-run", "tune", "--studies-url", url])
    first, again = command_line.to_resume(Databases.of("sqlite:///kallos.db", url))
    assert first.startswith("export KALLOS_STUDIES_URL=postgresql://me:PASSWORD@localhost/studies ")
    assert again == "kallos-run tune"
    with pytest.raises(DataConfigError, match="studies_url names the database 'mysql', which is not supported"):
        Databases.of("sqlite:///kallos.db", "mysql://me@localhost/x")


@pytest.mark.parametrize(("n_columns", "said"), [(24, "16 features of 24 columns"), (None, "16 features")])
def test_features(n_columns, said):
    assert wording.features_of(16, n_columns) == said


@pytest.mark.parametrize(("layers", "said"), [(1, "0.3125 (without effect with n_rnn_layers = 1)"), (2, "0.3125")])
def test_a_best_parameter_that_does_nothing_is_told(capsys, layers, said):
    found = SimpleNamespace(best_trial=4, model_name="gru", best_params={"n_rnn_layers": layers, "dropout": 0.31252})
    results.show_best(found)
    assert capsys.readouterr().out.splitlines()[-1] == f"  dropout       {said}"


@pytest.mark.parametrize(
    ("numbers", "said"), [([3], "trial 3 is"), ([3, 4], "trials 3 and 4 are"), ([1, 2, 5], "trials 1, 2 and 5 are")]
)
def test_trials_by_number(numbers, said):
    assert wording.trials_are(numbers) == said


def test_commands_begin_as_the_program_was_called(monkeypatch):
    config = Databases.of("sqlite:///kallos.db")
    assert command_line.with_storage(["study", "show", "s 1"], config) == "kallos-run study show 's 1'"
    monkeypatch.setenv("KALLOS_PROGRAM", "./run kallos-run")
    assert command_line.with_storage(["study", "show", "s 1"], config) == "./run kallos-run study show 's 1'"
    assert command_line.as_called("kallos-run tune makes it") == "./run kallos-run tune makes it"
    monkeypatch.setattr(sys, "argv", ["kallos-run", "tune", "--dry-run", "--study-name", "s"])
    assert command_line.this_again(config, n_trials=4) == "./run kallos-run tune --study-name s --n-trials 4"


@pytest.mark.parametrize(("at_most", "epochs"), [(False, "5 epochs"), (True, "at most 5 epochs")])
def test_epochs_of_a_member_are_the_most_only_where_something_may_stop_it(monkeypatch, at_most, epochs):
    said = []
    monkeypatch.setattr(trainings.output, "say", said.append)
    trainings._say(MemberStarted(1, 2, 7, 5), at_most=at_most)
    assert said == [f"member 1 of 2 begins: trial 7, {epochs}"]
