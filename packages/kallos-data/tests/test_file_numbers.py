"""Numbers in files and frames: read as what they are, asked for where they could be two things, or refused."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, read_ohlcv
from kallos_data.bars.numbers import read_numbers
from kallos_data.bars.ohlcv import clean_ohlcv
from kallos_data.bars.origin import Origin
from kallos_data.bars.reading_settings import ReadingSettings

NAMES = ("open", "high", "low", "close", "volume")


def numbers(texts, *, commas=True, **settings_) -> list[float | None]:
    column = pl.Series(texts, dtype=pl.String)
    rows = pl.int_range(1, len(column) + 1, eager=True)
    (read,) = read_numbers(
        {"open": column}, ReadingSettings(**settings_), origin=Origin("it"), rows=rows, commas=commas
    )
    return read.to_list()


def attempt(texts) -> tuple[list[float | None], DataQualityError | None]:
    try:
        return numbers(texts), None
    except DataQualityError as error:
        return [], error


def refusal(texts, **more) -> str:
    with pytest.raises(DataQualityError) as caught:
        numbers(texts, **more)
    return str(caught.value)


def written(number: int, decimals: int, mark: str, between: str) -> str:
    """The slow reference: a number of so many hundredths or the like, with a mark and between its thousands."""
    whole, rest = divmod(number, 10**decimals)
    text = f"{whole:,}".replace(",", between)
    return f"{text}{mark}{rest:0{decimals}}" if decimals else text


COLUMNS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 6)), min_size=1, max_size=8)
NOTATIONS = st.sampled_from([(".", ""), (".", ","), (".", "'"), (".", " "), (",", ""), (",", "."), (",", " ")])


@law(100)
@given(COLUMNS, NOTATIONS)
def test_numbers_read_back_or_are_asked_for_and_never_become_others(column, notation):
    mark, between = notation
    texts = [written(number, decimals, mark, between) for number, decimals in column]
    expected = [number / 10**decimals for number, decimals in column]
    named = {"decimal": mark, "thousands": between or None}
    assert numbers(texts, **named) == pytest.approx(expected, rel=1e-15)
    found, problem = attempt(texts)
    if problem is None:
        assert found == pytest.approx(expected, rel=1e-15)
    else:
        assert problem.parameter == "thousands" or "which is not a finite number" in problem.problem


@law(20)
@given(st.lists(st.floats(1e-12, 1e15, allow_nan=False), min_size=1, max_size=8))
def test_what_programs_print_reads_back_or_is_asked_for(values):
    found, problem = attempt([repr(value) for value in values])
    assert found == values if problem is None else problem.parameter == "thousands"
    assert numbers([repr(value) for value in values], decimal=".") == values


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["16.500", "0.983"], [16.5, 0.983]),
        (["16.500", "16.51"], [16.5, 16.51]),
        (["1234.567"], [1234.567]),
        (["1.234,56", "1.234"], [1234.56, 1234]),
        (["1,234.56", "1,234"], [1234.56, 1234]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1'234.5", "1\u2019234"], [1234.5, 1234]),
        (["1 234,5", "1\u00a0234", "1\u202f234"], [1234.5, 1234, 1234]),
        (["1 234"], [1234]),
        (["1.5E-9", "1e-9", "+2", ".5", "5."], [1.5e-9, 1e-9, 2, 0.5, 5]),
        (["0,5", "1,125"], [0.5, 1.125]),
        (["", "-", "null", "None", "NaN", "n/a", " 1.5 "], [None] * 6 + [1.5]),
        (["16500", "962"], [16500, 962]),
    ],
)
def test_what_is_certain_is_read(texts, values):
    assert numbers(texts) == values


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["100", "16.500"], "thousands . reads open '16.500' as 16500, decimal . as 16.5: it, row 2; no number"),
        (["16,500"], "thousands , reads open '16,500' as 16500, decimal , as 16.5: it, row 1"),
        (["1,5", "1.5"], "it, row 2 has open '1.5' with a decimal point, row 1 open '1,5' with a decimal comma"),
        (["1.5", "1,23,456"], "it, row 2: open is '1,23,456', which is not a finite number"),
        (["1.5", "$2"], "it, row 2: open is '$2', which is not a finite number: write it as 1234.5, without units"),
        (["1.5", "10.5K"], "it, row 2: open is '10.5K'"),
        (["1.5", "inf"], "it, row 2: open is 'inf'"),
        (["1.5", "1.2.3"], "it, row 2: open is '1.2.3'"),
    ],
)
def test_what_is_not_is_asked_for_or_refused(texts, message):
    assert message in refusal(texts)


def test_names_of_characters_decide():
    assert numbers(["16.500"], thousands=".") == [16500]
    assert numbers(["16.500"], decimal=".") == [16.5]
    assert numbers(["16,500"], decimal=",") == [16.5]
    assert numbers(["16,500", "1.5"], thousands=",") == [16500, 1.5]
    assert "open is '1.50', which is not" in refusal(["1.50"], thousands=".")
    assert "open is '1.50', which is not" in refusal(["1.50"], thousands=" ", decimal=",")
    assert "open is '1,50', which is not" in refusal(["1,50"], thousands=" ", decimal=".")
    with pytest.raises(ConfigError, match="thousands must differ from what stands before decimals, and both are ,"):
        ReadingSettings(decimal=",", thousands=",")
    with pytest.raises(ConfigError, match=r"decimal must be . or , and not ';'"):
        ReadingSettings(decimal=";")


def test_a_decimal_comma_is_taken_from_files_that_commas_do_not_separate(tmp_path):
    path = tmp_path / "p.csv"
    for separator in ";\t|":
        row = ("13.01.2023", "1,5", "2,5", "0,25", "1,5", "1.085,5")
        path.write_text(separator.join(("Datum", *NAMES)) + "\n" + separator.join(row) + "\n")
        assert read_ohlcv(path).row(0)[1:] == (1.5, 2.5, 0.25, 1.5, 1085.5)
    path.write_text('date,open,high,low,close,volume\n2023-01-01,"1,5","2,5","0,25","1,5","10"\n')
    with pytest.raises(
        DataQualityError, match=r"decimal , reads open '1,5' of .*p\.csv, line 2 with a decimal comma"
    ) as error:
        read_ohlcv(path)
    assert error.value.parameter == "decimal"
    assert read_ohlcv(path, ReadingSettings(decimal=",")).row(0)[1:] == (1.5, 2.5, 0.25, 1.5, 10)
    path.write_text("date,open,high,low,close,volume\n2023-01-01,1,5,2,5,0,25,1,5,10\n")
    with pytest.raises(
        DataQualityError, match=r"a row has more cells; if commas stand before decimals, separate cells by"
    ):
        read_ohlcv(path)


def frame(*rows) -> pl.DataFrame:
    return pl.DataFrame(
        [(f"2023-01-{day:02}", *row) for day, row in enumerate(rows, 1)], orient="row", schema=["date", *NAMES]
    )


def test_thousands_are_asked_for_whatever_the_separator(tmp_path):
    path = tmp_path / "p.csv"
    for separator in ",;":
        path.write_text(
            separator.join(("date", *NAMES))
            + f"\n{separator.join(('2023-01-01', '16.500', '16.522', '16.082', '16.237', '962'))}\n"
        )
        with pytest.raises(DataQualityError, match=r"thousands \. reads open '16\.500' as 16500") as error:
            read_ohlcv(path)
        assert error.value.parameter == "thousands"
        assert read_ohlcv(path, ReadingSettings(thousands=".")).row(0)[1:] == (16500, 16522, 16082, 16237, 962)
        assert read_ohlcv(path, ReadingSettings(decimal=".")).row(0)[1:] == (16.5, 16.522, 16.082, 16.237, 962)


def test_open_and_close_lie_within_or_the_row_is_refused(caplog):
    good, above, under = (1.0, 2.0, 0.5, 1.5, 10.0), (1.0, 2.0, 0.5, 2.5, 10.0), (0.25, 2.0, 0.5, 1.5, 10.0)
    for bad, message in (
        (above, "row 2: close 2.5 is above the high 2.0"),
        (under, "row 2: open 0.25 is under the low 0.5"),
    ):
        with pytest.raises(DataQualityError, match=message) as error:
            clean_ohlcv(frame(good, bad, good))
        assert error.value.parameter == "repair"
    repaired = clean_ohlcv(frame(good, above, under), settings=ReadingSettings(repair=True))
    assert repaired["high"].to_list() == [2.0, 2.5, 2.0]
    assert repaired["low"].to_list() == [0.5, 0.5, 0.25]
    assert "rows whose high and low were widened to hold open and close: 2" in caplog.text
    with pytest.raises(DataQualityError, match=r"high 1.0 is under the low"):
        clean_ohlcv(frame((1.0, 1.0, 2.0, 1.5, 10.0)), settings=ReadingSettings(repair=True))


def test_a_last_printed_digit_contradicts_nothing():
    rounded = frame((100.16, 100.2, 99.1, 100.18, 1.0), (100.16, 100.1, 99.1, 100.14, 1.0))
    assert len(clean_ohlcv(rounded)) == 2
    assert len(clean_ohlcv(frame((100.0, 100.3, 99.0, 100.30000000000001, 1.0)))) == 1
    with pytest.raises(DataQualityError, match=r"close 2\.5 is above the high 2\.0"):
        clean_ohlcv(frame((2.0, 2.0, 1.0, 2.5, 1.0)))


def test_a_missing_volume_is_null_and_a_missing_price_is_refused():
    assert clean_ohlcv(frame((1, 2, 0.5, 1.5, None)))["volume"].to_list() == [None]
    assert clean_ohlcv(frame(("1", "2", "0.5", "1.5", "-")))["volume"].to_list() == [None]
    with pytest.raises(DataQualityError, match="row 2: close is missing"):
        clean_ohlcv(frame((1, 2, 0.5, 1.5, 1), (1, 2, 0.5, None, 1)))


@law(20)
@given(
    st.lists(st.tuples(st.integers(1, 99_999), st.sampled_from(["", "K", "M", "B", "T"])), min_size=1), st.booleans()
)
def test_volumes_may_be_written_in_thousands_and_millions(volumes, comma):
    mark = "," if comma else "."
    texts = [f"{number / 100:.2f}{suffix}".replace(".", mark) for number, suffix in volumes]
    column = pl.Series(texts, dtype=pl.String)
    rows = pl.int_range(1, len(column) + 1, eager=True)
    (read,) = read_numbers({"volume": column}, ReadingSettings(), origin=Origin("it"), rows=rows, commas=True)
    size = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
    assert read.to_list() == pytest.approx([number * size[suffix] / 100 for number, suffix in volumes], rel=1e-14)


def test_prices_and_other_letters_have_no_size():
    assert "open is '12.3K', which is not a finite number" in refusal(["12.3K"])
    with pytest.raises(DataQualityError, match=r"volume is '12\.3X'"):
        read_numbers(
            {"volume": pl.Series(["12.3X"])}, ReadingSettings(), origin=Origin("it"), rows=pl.Series([1]), commas=False
        )
    with pytest.raises(DataQualityError, match="thousands , reads volume '12,345' as 12345"):
        read_numbers(
            {"volume": pl.Series(["12,345K"])},
            ReadingSettings(),
            origin=Origin("it"),
            rows=pl.Series([1]),
            commas=False,
        )


def test_a_file_of_investing_com(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(
        '"Date","Price","Open","High","Low","Vol.","Change %"\n'
        '"Mar 13, 2023","24,197.5","22,163.8","24,584.3","21,918.1","133.94K","9.18%"\n'
        '"Mar 12, 2023","22,163.9","20,628.1","22,187.7","20,448.6","","7.45%"\n'
    )
    market = read_ohlcv(path)
    assert market.rows()[1][1:] == (22163.8, 24584.3, 21918.1, 24197.5, 133940.0)
    assert market["volume"].to_list() == [None, 133940.0]
