"""Points in time, as people write them and as databases store them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_data import ConfigError, DataQualityError, in_utc, simulate_market
from kallos_data.timestamps import (
    as_epoch,
    epoch_ranges,
    epoch_unit,
    first_moment,
    last_moment,
    utc_times,
)

NEW_YEAR = datetime(2023, 1, 1, tzinfo=UTC)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Milliseconds before 1973 are as small as seconds are today.
moments = st.datetimes(datetime(1973, 4, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it


@pytest.mark.parametrize(
    "day", ["2023-01-01", " 2023-01-01 ", "20230101", date(2023, 1, 1)], ids=["text", "blanks", "compact", "date"]
)
def test_a_day_is_the_whole_day(day):
    assert first_moment(day, name="x") == NEW_YEAR
    assert last_moment(day, name="x") == NEW_YEAR + timedelta(days=1, microseconds=-1)


@given(moment=moments, zone=zones, separator=st.sampled_from("T "))
def test_a_time_is_itself_in_every_zone_and_spelling(moment, zone, separator):
    local = moment.astimezone(zone)
    naive = moment.replace(tzinfo=None)
    spellings = [local, naive, local.isoformat(separator), naive.isoformat(separator), f"{naive.isoformat()}Z"]
    for written in spellings:
        assert first_moment(written, name="x") == last_moment(written, name="x") == moment
    assert utc_times(spellings).to_list() == [moment] * 5


@given(moment=moments)
def test_numbers_count_from_1970_in_the_unit_that_their_size_tells(moment):
    whole = moment.replace(microsecond=0)
    seconds = int(whole.timestamp())
    numbers = [seconds, float(seconds), seconds * 10**3, seconds * 10**6, seconds * 10**9]
    assert utc_times(numbers).to_list() == [whole] * 5
    assert [epoch_unit(number) for number in numbers] == [1, 1, 10**3, 10**6, 10**9]


def test_a_missing_time_stays_missing():
    assert utc_times([None, date(2023, 1, 1), None]).to_list() == [None, NEW_YEAR, None]
    assert utc_times([]).is_empty()


@pytest.mark.parametrize("text", ["", "tomorrow", "2023-02-29", "01/02/2023", "2023-01-01T25:00", "2023-1-1"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ConfigError) as caught:
        last_moment(text, name="end_date")
    assert str(caught.value) == (
        f"end_date must be a date as 2023-01-31, or a time (UTC) as 2023-01-31T12:00, not {text!r}"
    )
    with pytest.raises(DataQualityError, match="a stored time cannot be read: must be a date"):
        utc_times([NEW_YEAR, text])


@pytest.mark.parametrize("value", [None, 20230101, 1.5, True])
def test_what_is_no_text_or_date_is_refused(value):
    with pytest.raises(ConfigError, match=rf"^end_date must be a date as .*, not {value}$"):
        first_moment(value, name="end_date")


def test_a_time_that_utc_cannot_hold_is_refused():
    with pytest.raises(ConfigError, match="end_date must lie in the years 1 to 9999 in UTC, not at 9999-12-31"):
        last_moment("9999-12-31T23:59:59-05:00", name="end_date")
    for value in (float("inf"), 1e30):
        with pytest.raises(DataQualityError, match="a stored time cannot be read"):
            utc_times([value])


def test_the_simulator_names_its_own_argument():
    with pytest.raises(ConfigError, match=r"start must be a date as .*, not 'soon'"):
        simulate_market(start="soon")


moments = st.integers(-90_000, 90_000).map(lambda days: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days, 7.000001))


@given(moments, st.none() | moments, moments, st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_ranges_hold_the_numbers_of_all_times_between_two_moments_and_hardly_more(moment, start, end, unit):
    number = as_epoch(moment, unit)
    if epoch_unit(number) != unit:
        return  # read in another unit
    found = any(low <= number < high for low, high in epoch_ranges(start, end))
    slack = timedelta(seconds=1)
    if (start is None or start <= moment) and moment <= end:
        assert found
    elif moment > end + slack or (start is not None and moment < start - slack):
        assert not found


def test_ranges_reach_to_the_ends_of_the_calendar():
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert epoch_ranges(first, last)[0] == (-62135596800, 10**11)


@given(moment=moments, zone=zones)
def test_a_moment_is_written_in_utc_and_read_as_the_same(moment, zone):
    written = in_utc(moment.astimezone(zone))
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == moment
