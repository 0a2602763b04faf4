"""Times in files and frames: read as what they are, or refused with the row and the remedy."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError
from kallos_data.bars.ohlcv import clean_ohlcv
from kallos_data.bars.reading_settings import ReadingSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


FIRST_EPOCH, LAST = at(2009, 1, 1), at(2026, 6, 1)
TIMES = st.datetimes(FIRST_EPOCH.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))


def bars(times, **more) -> pl.DataFrame:
    """Bars that differ from row to row, so that none is taken for another."""
    column = times if isinstance(times, pl.Series) else pl.Series(times)
    opens = pl.int_range(1, len(column) + 1, eager=True).cast(pl.Float64)
    prices = {"open": opens, "high": opens + 0.5, "low": opens - 0.5, "close": opens, "volume": opens}
    return pl.DataFrame({"date": column, **prices, **more})


def read(times, **settings_) -> list[datetime]:
    frame = clean_ohlcv(bars(times), settings=ReadingSettings(**settings_), now=NOW)
    return frame.sort("open")["timestamp"].to_list()


def refusal(times, **settings_) -> str:
    with pytest.raises(DataQualityError) as caught:
        read(times, **settings_)
    return str(caught.value)


def half(time: datetime) -> str:
    return f"{time:%Y-%m-%d} {(time.hour + 11) % 12 + 1:02}-{'PM' if time.hour > 11 else 'AM'}"


def named(time: datetime) -> str:
    return f"{MONTHS[time.month - 1]} {time.day}, {time.year}, {(time.hour + 11) % 12 + 1}:{time:%M} " + (
        "PM" if time.hour > 11 else "AM"
    )


def epoch(time: datetime, unit: int) -> int:
    return (time - at(1970, 1, 1)) // timedelta(microseconds=1) * unit // 10**6


# How a program writes a time, and down to which part of it.
WRITTEN = {
    "iso": (lambda time: f"{time:%Y-%m-%dT%H:%M:%S}", "second"),
    "blank": (lambda time: f"{time:%Y-%m-%d %H:%M:%S}", "second"),
    "minutes": (lambda time: f"{time:%Y-%m-%d %H:%M}", "minute"),
    "days": (lambda time: f"{time:%Y-%m-%d}", "day"),
    "slashes": (lambda time: f"{time:%Y/%m/%d %H:%M}", "minute"),
    "Z": (lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}", "second"),
    "seven digits": (lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.0000000Z", "second"),
    "zone": (lambda time: f"{time + timedelta(hours=5, minutes=30):%Y-%m-%d %H:%M:%S}+05:30", "second"),
    "short zone": (lambda time: f"{time - timedelta(hours=3):%Y-%m-%dT%H:%M:%S}-0300", "second"),
    "UTC": (lambda time: f"{time:%Y-%m-%d %H:%M:%S} UTC", "second"),
    "AM and PM": (half, "hour"),
    "American": (named, "minute"),
    "month first": (lambda time: f"{MONTHS[time.month - 1]} {time:%d, %Y}", "day"),
    "month between": (lambda time: f"{time:%d}-{MONTHS[time.month - 1].upper()}-{time.year}", "day"),
    "8 digits": (lambda time: f"{time:%Y%m%d}", "day"),
    "12 digits": (lambda time: f"{time:%Y%m%d%H%M}", "minute"),
    "14 digits": (lambda time: f"{time:%Y%m%d%H%M%S}", "second"),
    "17 digits": (lambda time: f"{time:%Y%m%d%H%M%S}000", "second"),
    "number of digits": (lambda time: int(f"{time:%Y%m%d%H%M}"), "minute"),
    "seconds": (lambda time: epoch(time, 1), "second"),
    "text of seconds": (lambda time: str(epoch(time, 1)), "second"),
    "float of seconds": (lambda time: float(epoch(time, 1)), "second"),
    "text of a float": (lambda time: f"{epoch(time, 1)}.0", "second"),
    "milliseconds": (lambda time: epoch(time, 10**3), "second"),
    "microseconds": (lambda time: str(epoch(time, 10**6)), "second"),
    "nanoseconds": (lambda time: epoch(time, 10**9), "second"),
}
PARTS = ("day", "hour", "minute", "second")


def cut(time: datetime, part: str) -> datetime:
    return time.replace(microsecond=0, **dict.fromkeys(PARTS[PARTS.index(part) + 1 :], 0))


@law(30)
@given(
    st.sampled_from(sorted(WRITTEN)),
    st.lists(TIMES, min_size=1, max_size=6),
)
def test_what_is_written_in_any_usual_way_reads_back(way, times):
    written, part = WRITTEN[way]
    times = list(dict.fromkeys(cut(time, part) for time in times))
    zoned_days = way in ("zone", "short zone") and all(
        written(time).split("+")[0][11:19] == "00:00:00" for time in times
    )
    if not zoned_days:
        assert read([written(time) for time in times]) == times


@law(30)
@given(
    st.lists(st.dates(at(1900, 1, 2).date(), LAST.date()), min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from("./-"),
)
def test_an_order_of_day_and_month_is_certain_or_asked_for(times, day_first, mark):
    times = [at(day.year, day.month, day.day) for day in dict.fromkeys(times)]
    written = [time.strftime(mark.join(("%d", "%m", "%Y") if day_first else ("%m", "%d", "%Y"))) for time in times]
    if all(time.day <= 12 for time in times) and any(time.day != time.month for time in times):
        assert "reads the day first" in refusal(written)
    else:
        assert read(written) == times
    assert read(written, date_format=mark.join(("%d", "%m", "%Y") if day_first else ("%m", "%d", "%Y"))) == times


@law(20)
@given(st.integers(0, 10**20) | st.floats(0, 1e20), st.booleans())
def test_a_number_is_a_time_of_bitcoins_age_or_none(number, as_text):
    try:
        (time,) = read([str(number) if as_text else float(number)])
    except DataQualityError:
        return
    assert FIRST_EPOCH <= time <= LAST + timedelta(days=2) or 10**7 <= number < 10**17


def test_units_may_change_where_each_is_plain():
    first = at(2024, 12, 31)
    written = [epoch(first, 10**3), epoch(first + timedelta(days=1), 10**6), epoch(first + timedelta(days=2), 1)]
    assert read(written) == [first + timedelta(days=day) for day in range(3)]
    assert read(["1672531200.25", "1672531201"]) == [
        at(2023, 1, 1, 0, 0, 0, 250_000),
        at(2023, 1, 1, 0, 0, 1),
    ]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([44927, 44928], "row 1: the time 44927 counts in Excel's serial days: export the column as dates"),
        (["44927.5"], "row 1: the time 44927.5 counts in Excel's serial days"),
        ([638081280000000000], "row 1: the time 638081280000000000 counts in .NET ticks: export the column as dates"),
        (["133170048000000000"], "counts in Windows file times"),
        ([738887], "counts in MATLAB's day numbers"),
        (
            ["2023-01-01", "1.6725E+12"],
            "row 2: the time '1.6725E+12' has lost digits to its exponent: export the column",
        ),
        (["1672531200000", "1.6725E+12"], "row 2: the time '1.6725E+12' has lost digits to its exponent"),
        ([1072915200], "row 1: the time 1072915200 cannot be read: it is neither digits of a date (YYYYMMDD"),
        ([1, 2, 3], "row 1: the time 1 cannot be read"),
        (["20230231"], "row 1: the time 20230231 cannot be read"),
        ([-1672531200], "row 1: the time -1672531200 cannot be read"),
        ([4102444800], "row 1: the time 4102444800 cannot be read"),
        (["2023-01-01", "2126-01-02"], "row 2: the time 2126-01-02 00:00 lies outside 1900 and tomorrow"),
        (["1899-12-31"], "row 1: the time 1899-12-31 00:00 lies outside 1900 and tomorrow"),
        (["2023-02-30"], "row 1: the time '2023-02-30' cannot be read: write it as 2023-01-31"),
        (["2023-01-01 24:00"], "row 1: the time '2023-01-01 24:00' cannot be read"),
        (["2023-01-01 13:00 PM"], "row 1: the time '2023-01-01 13:00 PM' cannot be read"),
        (["01/31/23"], "row 1: the time '01/31/23' cannot be read"),
        (["2023-01-01", None], "row 2: the time is missing"),
        (["2023-01-01", "null"], "row 2: the time is missing"),
        (
            ["1672531200", "1672617600", "2023-01-03"],
            "row 3: the time '2023-01-03' is written out, and '1672531200' in row 1 is a number: write all times",
        ),
        (
            ["20230101", "1672617600"],
            "row 2: the time '1672617600' is a number since 1970, and '20230101' in row 1 is digits of a date",
        ),
        (
            ["2023-01-01 00:00", "2023-01-02T00:00Z"],
            "row 2: the time '2023-01-02T00:00Z' is written with a zone, and '2023-01-01 00:00' in row 1 is written w",
        ),
        (["2023-01-01", "13.01.2023"], "row 2: the time '13.01.2023' is written with the year last"),
        (
            ["13/02/2023", "02/14/2023"],
            "date_format cannot be one for all: the frame, row 1 begins with the day ('13/02/2023') and row 2 with the",
        ),
        (
            ["05/05/2023", "01/02/2023"],
            "date_format '%d/%m/%Y' reads the day first, '%m/%d/%Y' the month: the frame, row 2 has '01/02/2023'",
        ),
    ],
)
def test_what_is_no_time_is_named(times, message):
    assert message in refusal(times)


def test_a_format_decides():
    assert read(["01/02/23", "02/02/23"], date_format="%d/%m/%y") == [at(2023, 2, 1), at(2023, 2, 2)]
    assert read(["31.12.2022 13"], date_format="%d.%m.%Y %H") == [at(2022, 12, 31, 13)]
    assert read(["2023-01-01 +0100"], date_format="%Y-%m-%d %z") == [at(2022, 12, 31, 23)]
    assert "is not written as date_format '%Y' says" in refusal(["2023-01-01"], date_format="%Y")
    with pytest.raises(ConfigError, match="date_format must be written in the letters of strptime"):
        ReadingSettings(date_format="DD.MM.YYYY")


def test_a_zone_is_that_of_times_without_one():
    hours = ["2023-07-01 00:00", "2023-07-01 01:00"]
    assert read(hours, time_zone="Europe/Berlin") == [at(2023, 6, 30, 22), at(2023, 6, 30, 23)]
    zoned = [f"{time}Z" for time in hours]
    assert read(zoned, time_zone="Europe/Berlin") == read(hours)
    typed = pl.Series([at(2023, 7, 1), at(2023, 7, 1, 1)]).dt.replace_time_zone(None)
    assert read(typed, time_zone="Europe/Berlin") == read(hours, time_zone="Europe/Berlin")
    assert read(typed.dt.replace_time_zone("Asia/Tokyo")) == [at(2023, 6, 30, 15), at(2023, 6, 30, 16)]
    with pytest.raises(
        ConfigError, match="time_zone must be a zone by its IANA name, as UTC or Europe/Berlin, not 'CEST'"
    ):
        ReadingSettings(time_zone="CEST")


def test_clocks_that_change_are_named_unless_bars_are_daily():
    gap = ["2023-03-26 01:00", "2023-03-26 02:00", "2023-03-26 03:00"]
    assert "row 2: the time 2023-03-26 02:00:00 does not exist in Europe/Berlin" in refusal(
        gap, time_zone="Europe/Berlin"
    )
    twice = ["2023-10-29 01:00", "2023-10-29 02:00", "2023-10-29 03:00"]
    assert "row 2: the time 2023-10-29 02:00:00 is there twice in" in refusal(twice, time_zone="Europe/Berlin")
    days = ["2018-11-03", "2018-11-04", "2018-11-05"]  # there was no midnight of the fourth
    assert read(days, time_zone="America/Sao_Paulo") == read(days)


@law(15)
@given(
    st.dates(at(2010, 1, 1).date(), at(2025, 1, 1).date()),
    st.integers(2, 500),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Auckland"]),
)
def test_days_that_begin_at_local_midnight_keep_their_dates(first, n_days, zone):
    dates = [first + timedelta(days=day) for day in range(n_days)]
    midnights = pl.Series([at(day.year, day.month, day.day) for day in dates]).dt.replace_time_zone(None)
    moments = midnights.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    kept = [at(day.year, day.month, day.day) for day, moment in zip(dates, moments, strict=True) if moment]
    moments = moments.drop_nulls()
    if len(moments) < 3:
        return
    assert read(moments) == kept
    assert read(moments.dt.strftime("%Y-%m-%d %H:%M:%S%:z")) == kept
    assert read(moments.dt.epoch("s"), time_zone=zone) == kept


def test_bars_of_hours_with_a_zone_are_moments(caplog):
    caplog.set_level("INFO", logger="kallos_data")
    hours = [f"2023-03-26 {hour:02}:00:00+01:00" for hour in range(3)]
    assert read(hours) == [at(2023, 3, 25, 23), at(2023, 3, 26), at(2023, 3, 26, 1)]
    assert "midnight" not in caplog.text
    days = ["2023-03-25 00:00:00+01:00", "2023-03-26 00:00:00+01:00", "2023-03-27 00:00:00+02:00"]
    assert read(days) == [at(2023, 3, day) for day in (25, 26, 27)]
    assert "daily bars keep their local dates" in caplog.text


def test_a_last_row_of_the_moment_leaves_days_what_they_are():
    days = [f"2023-03-{day} 00:00:00+01:00" for day in (21, 22, 23)]
    assert read([*days, "2023-03-24 14:23:11+01:00"]) == [
        *(at(2023, 3, day) for day in (21, 22, 23)),
        at(2023, 3, 24, 14, 23, 11),
    ]
    assert read([days[0], "2023-03-22 14:23:11+01:00", days[2]])[0] == at(2023, 3, 20, 23)


def test_tomorrow_is_that_of_the_clock():
    assert read(["2026-06-02"]) == [at(2026, 6, 2)]
    assert re.search("2026-06-03 00:00 lies outside 1900 and tomorrow", refusal(["2026-06-03"]))


def columns(names: str, *rows: str) -> pl.DataFrame:
    cells = [row.split(",") for row in rows]
    return pl.DataFrame(cells, orient="row", schema=[name or "_" for name in names.split(",")]).rename(
        {"_": ""}, strict=False
    )


PRICES = "open,high,low,close,volume"


@pytest.mark.parametrize(
    ("names", "row"),
    [
        ("time_open,time_period_start", "2023-01-01T09:13:10.858Z,2023-01-01T09:00:00.0000000Z"),
        ("unix,date", "1.6725E+12,2023-01-01 09:00"),
        ("timestamp,open_time", "1672567199,1672563600"),
        ("Date,Time", "2023-01-01,09:00:00"),
        ("<DATE>,<TIME>", "20230101,090000"),
        ("Date,Time", "2023.01.01,9:00 AM"),
        ("Datum,Uhrzeit", "2023-01-01,09:00"),
        ("date,hour", "2023-01-01,9"),
        (",close_time", "2023-01-01 09:00,2023-01-01 09:59:59"),
        ("index,day", "2023-01-01 09:00,1"),
        ("date,time", "2023-01-01,1672563600"),
    ],
)
def test_of_several_columns_the_one_that_reads_as_the_beginning_is_taken(names, row):
    frame = columns(f"{names},{PRICES}", f"{row},1,2,0.5,1.5,10")
    expected = at(2023, 1, 1) if names == "date,time" else at(2023, 1, 1, 9)
    assert clean_ohlcv(frame, now=NOW)["timestamp"].to_list() == [expected]


@pytest.mark.parametrize(
    ("date_format", "message"),
    [
        ("%Y-%m-%d %H:%M %Z", "has %Z, which passes over the name of a zone: write the name as it stands there"),
        ("%m/%d/%Y %I:%M", "has %I, hours up to 12, without %p"),
        ("%m/%d/%Y %H:%M %p", "has %p, AM or PM, without %I"),
        ("%Y-%m-%d %H:%M:%S,%f", "has %f without a point before it"),
    ],
)
def test_formats_that_leave_the_time_open_are_refused(date_format, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        ReadingSettings(date_format=date_format)
    assert caught.value.parameter == "date_format"


def test_parts_of_a_second_are_read_as_python_writes_them():
    times = [at(2023, 1, 1) + place * timedelta(milliseconds=250) for place in range(8)]
    assert read([f"{time:%d/%m/%Y %H:%M:%S.%f}" for time in times], date_format="%d/%m/%Y %H:%M:%S.%f") == times


def test_a_zone_in_letters_is_named_beside_the_format():
    texts = ["2023-01-01 19:00 EST", "2023-01-01 20:00 EST"]
    settings_ = {"date_format": "%Y-%m-%d %H:%M EST", "time_zone": "America/New_York"}
    assert read(texts, **settings_) == [at(2023, 1, 2), at(2023, 1, 2, 1)]


@law(10)
@given(
    st.integers(0, 900),
    st.integers(2, 300),
    st.sampled_from([("America/New_York", 9, 30), ("America/New_York", 16, 0), ("Europe/London", 8, 0)]),
)
@example(668, 148, ("Europe/London", 8, 0))  # one day after the change of clocks
@example(669, 150, ("Europe/London", 8, 0))
@example(814, 5, ("Europe/London", 8, 0))  # one day before it
@example(675, 3, ("America/New_York", 9, 30))
def test_days_that_begin_with_the_session_of_an_exchange_keep_their_dates(first, n_days, place):
    zone, hour, minute = place
    dates = [at(2020, 1, 1) + timedelta(days=first + day) for day in range(n_days)]
    dates = [date for date in dates if date.isoweekday() < 6]
    assume(len(dates) > 1)
    opening = pl.Series([date + timedelta(hours=hour, minutes=minute) for date in dates]).dt.replace_time_zone(None)
    moments = opening.dt.replace_time_zone(zone)
    assert read(opening, time_zone=zone) == dates
    assert read(moments.dt.convert_time_zone("UTC"), time_zone=zone) == dates
    assert read(moments.dt.epoch("s"), time_zone=zone) == dates
    written = [moment.isoformat() for moment in moments]
    assert read(written, time_zone=zone) == dates
    moves = len({moment.utcoffset() for moment in moments}) > 1
    assert read(written) == (dates if moves else moments.dt.convert_time_zone("UTC").to_list())


@law(8)
@given(
    st.dates(at(2010, 1, 1).date(), at(2018, 12, 31).date()),
    st.integers(3, 250),
    st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo"]),
    st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo"]),
    st.sampled_from([0, 8]),
)
@example(at(2023, 1, 1).date(), 30, "UTC", "America/New_York", 0)
@example(at(2023, 1, 1).date(), 30, "Asia/Kolkata", "Asia/Kolkata", 0)
@example(at(2018, 10, 1).date(), 34, "America/Sao_Paulo", "America/Sao_Paulo", 0)  # that day began at one o'clock
@example(at(2012, 9, 1).date(), 51, "America/Sao_Paulo", "Europe/London", 8)
def test_a_row_of_the_moment_changes_no_other(first, n_days, place, zone, hour):
    days = [first + timedelta(days=day) for day in range(n_days)]
    clocks = pl.Series([at(day.year, day.month, day.day, hour) for day in days]).dt.replace_time_zone(None)
    begins = clocks.dt.replace_time_zone(place, ambiguous="earliest", non_existent="null")
    gone = (clocks + timedelta(hours=1)).dt.replace_time_zone(place, ambiguous="earliest", non_existent="null")
    begins = begins.zip_with(begins.is_not_null(), gone).dt.convert_time_zone("UTC")
    last = begins[-1] + timedelta(days=1, hours=5, minutes=23, seconds=11)
    for way, own in (("epoch", "UTC"), ("written", place)):
        clocks = [ZoneInfo(name) for name in (own, "UTC", zone)]
        if all(begins[0].astimezone(clock).time() != begins[-1].astimezone(clock).time() for clock in clocks):
            continue  # at odds with every clock, the last bar is taken for a row of the moment itself
        times = [time.astimezone(ZoneInfo(own)) for time in [*begins, last]]
        times = [epoch(time, 1) if way == "epoch" else time.isoformat() for time in times]
        *others, moment = read(times, time_zone=zone)
        assert others == read(times[:-1], time_zone=zone)
        assert (moment.minute, moment.second) != (0, 0)


def test_bars_of_a_fixed_hour_stay_there_to_the_first_day_of_summer_time():
    days = [at(2022, 2, 1) + timedelta(days=day) for day in range(56)]
    london = ZoneInfo("Europe/London")
    assert days[-1].astimezone(london).utcoffset() != days[-2].astimezone(london).utcoffset()
    assert read([day.astimezone(london).isoformat() for day in days]) == days
    mornings = [day + timedelta(hours=8) for day in days]
    assert read([epoch(time, 1) for time in mornings], time_zone="Europe/London") == mornings
    assert read([time.astimezone(london).isoformat() for time in mornings]) == mornings


def test_days_in_utc_stay_where_they_are_whatever_the_zone():
    days = [at(2023, 1, day) for day in range(1, 20)]
    eve = pl.Series(days).dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
    assert read(eve, time_zone="America/New_York") == days
    mornings = [day + timedelta(hours=3, minutes=45) for day in days]
    assert read(pl.Series(mornings).dt.epoch("s"), time_zone="Asia/Kolkata") == mornings
    hours = pl.Series([at(2023, 3, 20) + timedelta(hours=hour) for hour in range(200)])
    assert read(hours.dt.epoch("s"), time_zone="Europe/Berlin") == hours.to_list()
    assert read(hours[::4].dt.epoch("s"), time_zone="Europe/Berlin") == hours[::4].to_list()
