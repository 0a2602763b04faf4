"""A file of prices goes in once, and the next command is said."""

import json
import re
import shlex


def test_a_file_twice_then_longer(main_within, market_csv, tmp_path):
    lines = market_csv.read_text().splitlines(keepends=True)
    (tmp_path / "short.csv").write_text("".join(lines[:301]))
    code, out, err = main_within("ingest", "short.csv", "--asset-id", "B/C D", "--db-url", "sqlite:///my prices.db")
    assert code == 0, err
    assert "300 rows, one a day, 2019-01-01 to 2019-10-27: 300 inserted, 0 updated, 0 unchanged" in out
    assert re.search(r"^\d\d indicators computed, all with values from 2019-\d\d-\d\d 00:00Z on$", err, re.MULTILINE)
    next_command = shlex.split(err.splitlines()[-1])
    assert next_command[:6] == ["kallos-run", "tune", "--asset-id", "B/C D", "--end-date", "2019-10-27"]
    assert "300 rows are too few to keep some unseen: evaluate will need newer ones\n" in err
    assert next_command[6:8] == ["--study-name", "gru_b_c_d"]  # it is also the name of a file
    assert next_command[-2:] == ["--db-url", "sqlite:///my prices.db"]

    same = main_within("ingest", "short.csv", "--asset-id", "B/C D", "--db-url", "sqlite:///my prices.db", "--json")
    report = json.loads(same[1])
    assert (report["rows_inserted"], report["rows_updated"], report["rows_unchanged"]) == (0, 0, 300)

    longer = ("ingest", market_csv, "--asset-id", "B/C D", "--db-url", "sqlite:///my prices.db", "--json", "--quiet")
    code, out, err = main_within(*longer)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["rows_read"], report["rows_inserted"], report["rows_unchanged"]) == (365, 65, 300)
    assert (report["first"], report["last"]) == ("2019-01-01T00:00:00Z", "2019-12-31T00:00:00Z")


def test_a_broken_file_leaves_nothing(main_within, tmp_path):
    (tmp_path / "broken.csv").write_text("date,open,high,low,close,volume\n2019-01-01,1,2,0.5,x,3\n")
    code, out, err = main_within("ingest", "broken.csv", "--asset-id", "BTC")
    assert (code, out) == (2, "")
    assert "error: " in err
    assert "close" in err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.csv"]


def hours_csv(path, n_rows, *, late=0):
    from datetime import timedelta

    import polars as pl

    from kallos_data import simulate_market

    hours = simulate_market(n_rows, seed=2, frequency=timedelta(hours=1))
    moved = pl.col("timestamp") + pl.when(pl.int_range(pl.len()) >= n_rows - late).then(
        timedelta(seconds=14)
    ).otherwise(timedelta(0))
    hours.with_columns(moved).write_csv(path)


def test_bars_of_another_step_are_refused_with_the_option(main_within, market_csv, tmp_path):
    hours_csv(tmp_path / "hours.csv", 100)
    assert main_within("ingest", market_csv, "--asset-id", "BTC")[0] == 0
    code, out, err = main_within("ingest", "hours.csv", "--asset-id", "BTC")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(
        "error: --asset-id 'BTC' holds daily bars; this file has bars of 1 hour: choose another"
    )


def test_times_off_the_grid_name_the_option_that_moves_them(main_within, tmp_path):
    hours_csv(tmp_path / "late.csv", 100, late=30)
    code, out, err = main_within("ingest", "late.csv", "--asset-id", "BTC")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(
        "error: --snap is needed: 30 of 100 bars begin 14 s late, the first at 2019-01-03 22:00:14"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["late.csv"]
    code, out, err = main_within("ingest", "late.csv", "--asset-id", "BTC", "--snap")
    assert code == 0, err
    assert "warning: BTC: 30 of 100 bars are moved to the grid of 1 hour, by 14 s at most" in err
    assert "BTC: 100 rows, one an hour, 2019-01-01 00:00Z to 2019-01-05 03:00Z: 100 inserted" in out


def test_the_end_date_is_a_day_where_the_day_is_whole_and_a_time_where_not(main_within, tmp_path):
    for n_rows, end in ((96, "2019-01-04"), (100, "2019-01-05T03:00")):
        hours_csv(tmp_path / "hours.csv", n_rows)
        _, _, err = main_within("ingest", "hours.csv", "--asset-id", f"BTC{n_rows}")
        assert shlex.split(err.splitlines()[-1])[4:6] == ["--end-date", end]
    _, out, _ = main_within("ingest", "hours.csv", "--asset-id", "BTC", "--json")
    report = json.loads(out)
    assert (report["step"], report["last_finished"]) == ("1 hour", "2019-01-05T03:00:00Z")
    assert (report["moved"], report["left_out_unfinished"]) == (0, 0)


def test_options_reach_the_library(main_within, market_csv, monkeypatch):
    from datetime import datetime

    from kallos_data import GridSettings, IngestReport, ReadingSettings

    seen = []

    def note(_path, asset_id, _db, *, reading, grid, **_):
        seen.append((reading, grid))
        day = datetime(2019, 1, 1)  # noqa: DTZ001 - only shown
        return IngestReport(asset_id, 1, 1, 0, 0, day, day, day, None, 1, 1)

    monkeypatch.setattr("kallos_data.ingest_file", note, raising=False)
    assert main_within("ingest", market_csv, "--asset-id", "BTC")[0] == 0
    typed = ("--frequency", "B", "--snap", "--keep-unfinished", "--max-gap", "3", "--time-zone", "Europe/Berlin")
    typed += ("--date-format", "%d/%m/%Y", "--decimal", ",", "--thousands", ".", "--repair")
    typed += ("--where", "symbol=BTC", "--where", "exchange = A=B ")
    assert main_within("ingest", market_csv, "--asset-id", "BTC", *typed)[0] == 0
    reading = ReadingSettings(
        time_zone="Europe/Berlin",
        date_format="%d/%m/%Y",
        decimal=",",
        thousands=".",
        where={"symbol": "BTC", "exchange": "A=B"},
        repair=True,
    )
    grid = GridSettings(frequency="B", snap=True, keep_unfinished=True, max_gap=3)
    assert seen == [(ReadingSettings(), GridSettings(frequency="auto")), (reading, grid)]


def test_options_that_cannot_be_used_say_so(main_within, market_csv):
    for typed, said in (
        (("--where", "symbol"), "'symbol' is not COLUMN=VALUE"),
        (("--frequency", "monthly"), "--frequency must be a step as 15min"),
        (("--time-zone", "Berlin"), "--time-zone must be a zone"),
        (("--decimal", ",", "--thousands", ","), "--thousands must differ"),
        (("--max-gap", "-1"), "-1"),
    ):
        code, out, err = main_within("ingest", market_csv, "--asset-id", "BTC", *typed)
        assert (code, out) == (2, "")
        assert said in " ".join(err.replace("│", " ").split())
