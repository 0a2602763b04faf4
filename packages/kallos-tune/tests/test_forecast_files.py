"""Forecasts are read from files as people write them, and never guessed at."""

from datetime import UTC, datetime

import pytest

from kallos_data import MissingColumnsError
from kallos_tune import ConfigError, read_forecasts

DAY = datetime(2021, 4, 1, tzinfo=UTC)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it."""

    def read(content):
        file = tmp_path / "f.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_forecasts(file)

    return read


@pytest.mark.parametrize(
    "written",
    ["2021-04-01", "2021-04-01T00:00:00Z", "2021-04-01 00:00:00+00:00", " 2021-04-01 00:00", "2021-04-01T02+02"],
)
def test_a_file_of_forecasts_is_read(read, written):
    assert read(f"timestamp,forecast,low\n{written},0.5,0.1\n").rows() == [(DAY, 0.5)]


@pytest.mark.parametrize("around", [("\ufeff", "\n"), ("", "\r\n"), ("\ufeff", "\r\n")])
def test_marks_and_line_ends_of_other_systems_do_not_matter(read, around):
    mark, end = around
    assert read(mark + end.join(["timestamp,forecast", "2021-04-01,0.5", ""])).rows() == [(DAY, 0.5)]


def test_each_line_may_name_a_zone_of_its_own(read):
    # Daylight saving ends between the two.
    lines = [
        "timestamp,forecast",
        "2021-10-31T02:00:00+02:00,1",
        "2021-11-01T01:00:00+01:00,2",
        "2021-11-02T00:00:00,3",
    ]
    days = [moment for moment, _ in read("\n".join(lines)).rows()]
    assert days == [
        datetime(2021, 10, 31, tzinfo=UTC),
        datetime(2021, 11, 1, tzinfo=UTC),
        datetime(2021, 11, 2, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "timestamp,forecast\n2021-04-01,1\nsoon,2\n",
            "line 3: timestamp is 'soon', which cannot be read: write",
        ),
        ("timestamp,forecast\n04/01/2021,1\n", "line 2: timestamp is '04/01/2021', which cannot be read: write"),
        ("timestamp,forecast\n1617235200,1\n", "line 2: timestamp is '1617235200', which cannot be read: write"),
        ("timestamp,forecast\n2021-04-31,1\n", "line 2: timestamp is '2021-04-31', which cannot be read: write"),
        ("timestamp,forecast\n2021-04-01,high\n", "line 2: forecast is 'high', which cannot be read"),
        ("timestamp,forecast\n2021-04-01,\n", "line 2: forecast is missing"),
        ("timestamp,forecast\n,1\n", "line 2: timestamp is missing"),
        ("timestamp;forecast\n2021-04-01;0,5\n", "has semicolons between its columns: write commas there"),
        ("timestamp\tforecast\n2021-04-01\t0.5\n", "has tabs between its columns: write commas there"),
        ("timestamp,forecast\n2021-04-01,1,2,3\n", "cannot read .* as CSV"),
        ("", "cannot read .* as CSV"),
        ("timestamp,forecast\n".encode("utf-16"), "it is no text in UTF-8"),
    ],
)
def test_what_cannot_be_read_of_a_file_is_named_with_its_line(read, content, message):
    with pytest.raises(ConfigError, match=message):
        read(content)


def test_other_columns_are_no_forecasts(read):
    with pytest.raises(MissingColumnsError, match="has no column 'timestamp', 'forecast': it has 'day', 'value'"):
        read("day,value\n2021-04-01,1\n")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="Is a directory"):
        read_forecasts(tmp_path)
