"""A file of prices goes in once, and the next command is said."""

import json
import shlex


def test_a_file_twice_then_longer(main_within, market_csv, tmp_path):
    lines = market_csv.read_text().splitlines(keepends=True)
    (tmp_path / "short.csv").write_text("".join(lines[:301]))
    code, out, err = main_within("ingest", "short.csv", "--asset-id", "B/C D", "--db-url", "sqlite:///my prices.db")
    assert code == 0, err
    assert "300 rows, one a day, 2019-01-01 to 2019-10-27: 300 inserted, 0 updated, 0 unchanged" in out
    next_command = shlex.split(err.splitlines()[-1])
    assert next_command[:6] == ["kallos-run", "tune", "--asset-id", "B/C D", "--end-date", "2019-10-27"]
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
    assert (report["first"], report["last"]) == ("2019-01-01T00:00:00+00:00", "2019-12-31T00:00:00+00:00")


def test_a_broken_file_leaves_nothing(main_within, tmp_path):
    (tmp_path / "broken.csv").write_text("date,open,high,low,close,volume\n2019-01-01,1,2,0.5,x,3\n")
    code, out, err = main_within("ingest", "broken.csv", "--asset-id", "BTC")
    assert (code, out) == (2, "")
    assert "error: " in err
    assert "close" in err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.csv"]
