"""Price files in their usual shapes, and what is wrong with those that cannot be used."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, MissingColumnsError, read_ohlcv, simulate_market
from kallos_data.bars.columns import recognised
from kallos_data.bars.csv_layout import first_lines
from kallos_data.bars.ohlcv import clean_ohlcv

HEADER = "timestamp,open,high,low,close,volume\n"
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
BINANCE_HEADER = (
    "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    "Taker buy base asset volume,Taker buy quote asset volume,Ignore\n"
)
BINANCE_ROWS = (
    "1577836800000,7195.24,7255.00,7175.15,7200.85,16792.388165,1577923199999,121214452.11,194010,8946.95,64597785.2,0\n"
    "1577923200000,7200.77,7212.50,6924.74,6965.71,31951.483932,1578009599999,225982341.30,302667,15141.61,107060829.0,0\n"
)
BAR = "7195.24,7255.00,7175.15,7200.85,16792.388165"


def file_with(folder: Path, text: str | bytes, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_binance_files_with_and_without_header_and_packed(tmp_path):
    with_header = read_ohlcv(file_with(tmp_path, BINANCE_HEADER + BINANCE_ROWS))
    assert with_header["timestamp"].to_list() == [FIRST, FIRST + timedelta(days=1)]
    assert with_header.row(0)[1:] == (
        *(7195.24, 7255.0, 7175.15, 7200.85, 16792.388165),
        *(121214452.11, 194010.0, 8946.95, 64597785.2),
    )
    assert set(with_header.dtypes[1:]) == {pl.Float64}
    assert read_ohlcv(file_with(tmp_path, BINANCE_ROWS)).equals(with_header)
    packed = gzip.compress((BINANCE_HEADER + BINANCE_ROWS).encode())
    assert read_ohlcv(file_with(tmp_path, packed, "prices.csv.gz")).equals(with_header)


@pytest.mark.parametrize(
    "text",
    [
        "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-01,7195.24,7255.00,7175.15,7200.85,1.5,16792.388165\n",
        (
            "https://www.example.com\nunix,date,symbol,open,high,low,close,Volume USDT,Volume BTC,tradecount\n"
            "1577836800,2020-01-01 00:00:00,BTC/USDT,7195.24,7255.00,7175.15,7200.85,121214452.11,16792.388165,194010\n"
        ),
        (
            f"timeOpen;timeClose;open;high;low;close;volume;timestamp\n2020-01-01T00:00:00.000Z;2020-01-01T23:59:59.999Z;"
            f"{BAR.replace(',', ';')};2020-01-01T23:59:59.999Z\n"
        ),
        f"\ufeffDATE\tOPEN\tHIGH\tLOW\tCLOSE\tVOL\r\n2020-01-01T01:00:00+01:00\t{BAR.replace(',', chr(9))}\r\n",
        f"timestamp,1. open,2. high,3. low,4. close,5. volume\n2020-01-01,{BAR}\n",
        f'"Time","Open Price","High_Price","LOW","close","Volume (BTC)"\n"2020-01-01 00:00:00 UTC",{BAR}\n',
        f"snapped_at,open,high,low,close,total_volume\n1577836800000000,{BAR}\n",
    ],
    ids=["yahoo", "cryptodatadownload", "coinmarketcap", "tabs", "numbered", "quoted", "microseconds"],
)
def test_usual_exports_mean_the_same_bar(tmp_path, text):
    frame = read_ohlcv(file_with(tmp_path, text))
    bar = frame.select("timestamp", "open", "high", "low", "close", "volume").row(0)
    assert bar == (FIRST, 7195.24, 7255.0, 7175.15, 7200.85, 16792.388165)


@law(7)
@given(st.integers(0, 10**6), st.integers(1, 30), st.randoms(use_true_random=False))
def test_any_order_and_any_unit_of_time_give_the_same_frame(seed, n_rows, random):
    market = simulate_market(n_rows, seed=seed, frequency=timedelta(hours=1))
    order = random.sample(range(n_rows), n_rows)
    seconds = market["timestamp"].dt.epoch("s")
    for times in (seconds, seconds * 10**3, seconds * 10**6, seconds * 10**9, seconds.cast(pl.String)):
        assert clean_ohlcv(market.with_columns(times.alias("timestamp"))[order]).equals(market)
    naive = market["timestamp"].dt.replace_time_zone(None)
    for times in (naive, naive.dt.strftime("%Y-%m-%d %H:%M"), market["timestamp"].dt.convert_time_zone("Asia/Tokyo")):
        assert clean_ohlcv(market.with_columns(times.alias("timestamp"))[order]).equals(market)


# What str.splitlines takes for the end of a line and a CSV file does not.
NO_LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def lines_of(text: str) -> list[str]:
    """The slow reference: character by character."""
    lines, line, before = [], "", ""
    for character in text:
        if character == "\n" and before == "\r":
            pass
        elif character in "\r\n":
            lines, line = [*lines, line], ""
        else:
            line += character
        before = character
    return [*lines, line]


@law(30)
@given(st.text(f"ab \r\n,é{NO_LINE_ENDS}", max_size=40))
def test_lines_are_those_of_a_walk_through_the_characters(text):
    found = first_lines(text.encode())
    assert [line for line, _, _ in found] == lines_of(text)[:8]
    for line, start, end in found:
        assert text.encode()[start:end].decode().rstrip("\r\n") == line.rstrip("\r\n")


@law(15)
@given(st.lists(st.text(f"ab é{NO_LINE_ENDS}", max_size=12), max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_titles_above_the_header_change_nothing(titles, line_end):
    rows = BINANCE_HEADER.replace("\n", line_end) + BINANCE_ROWS.replace("\n", line_end)
    with TemporaryDirectory() as folder:
        plain = read_ohlcv(file_with(Path(folder), BINANCE_HEADER + BINANCE_ROWS))
        titled = file_with(Path(folder), "".join(title + line_end for title in titles) + rows)
        assert read_ohlcv(titled).equals(plain)


@pytest.mark.parametrize("place", [0, len(HEADER) + 3, 70_000, -3])
@pytest.mark.parametrize("byte", [0x00, 0x1B, 0x81])
def test_bytes_that_are_no_text_are_never_read_as_something(tmp_path, place, byte):
    data = bytearray((HEADER + f"2020-01-01,{BAR}\n" * 2000).encode())
    data[place] = byte
    with pytest.raises((DataQualityError, MissingColumnsError)):
        read_ohlcv(file_with(tmp_path, bytes(data)))


def test_a_character_cut_by_the_end_of_the_head_is_text(tmp_path):
    header = HEADER.replace("\n", ",note\n")
    for shift in range(3):
        notes = f"2020-01-01,{BAR},{'x' * shift}{'€' * 30_000}\n"
        assert len(read_ohlcv(file_with(tmp_path, header + notes))) == 1


def test_one_long_line_is_no_table(tmp_path):
    with pytest.raises(DataQualityError, match=r"is not a table of prices: its first line '\{\{\{\{"):
        read_ohlcv(file_with(tmp_path, "{" * 300_000))


def test_parquet_and_pandas_are_what_was_written(tmp_path):
    market = simulate_market(20)
    market.write_parquet(tmp_path / "prices.parquet")
    assert read_ohlcv(tmp_path / "prices.parquet").equals(market)
    assert clean_ohlcv(market.to_pandas()).equals(market)
    days = market.with_columns(pl.col("timestamp").dt.date().alias("Date")).drop("timestamp")
    assert clean_ohlcv(days).equals(market)


def test_rows_without_prices_and_unknown_columns_are_left_out_and_said(tmp_path, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    text = (
        "Date,Open,High,Low,Close,Volume,Mood\n2020-01-01,null,null,null,null,null,good\n" + f"2020-01-02,{BAR},bad\n"
    )
    frame = read_ohlcv(file_with(tmp_path, text))
    assert frame["timestamp"].to_list() == [FIRST + timedelta(days=1)]
    assert "rows without any price are left out: 1" in caplog.text
    assert "; left out: Mood" in caplog.text


def test_extras_may_have_holes(tmp_path):
    frame = read_ohlcv(file_with(tmp_path, f"date,open,high,low,close,volume,trades\n2020-01-01,{BAR},\n"))
    assert frame["trades"].to_list() == [None]


def test_the_currency_of_a_volume_says_which_it_is():
    assert recognised(["Volume ETH", "Volume BTC"]) == {"volume": 0, "quote_asset_volume": 1}
    assert recognised(["Volume_(Currency)", "Volume_(BTC)"]) == {"volume": 1, "quote_asset_volume": 0}
    assert recognised(["Volume", "Volume USDT"]) == {"volume": 0, "quote_asset_volume": 1}
    futures = ["open_time", "close_time", "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume"]
    assert recognised(futures) == {
        "timestamp": 0,
        "quote_asset_volume": 2,
        "trades": 3,
        "taker_buy_base_asset_volume": 4,
        "taker_buy_quote_asset_volume": 5,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (HEADER, "has no row with prices"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not text: name a CSV file (UTF-8, UTF-16 or Latin-1"),
        (b"\x1f\x8b broken", "is a gzip archive that is cut short or broken: fetch it again"),
        ("dear diary\ntoday was fine\n", "is not a table of prices: its first line 'dear diary' is neither a header"),
        (HEADER + f"2020-01-01,{BAR},7,8,9\n", "is not a table of 6 columns"),
        (
            HEADER + "2020-01-01,1,2,1,1,5\n2020-01-02,1,2,1,x7,5\n",
            "line 3: close is 'x7', which is not a finite number",
        ),
        (HEADER + '2020-01-01,"1,200",2,1,1,5\n', "thousands , reads open '1,200' as 1200, decimal , as 1.2: "),
        (HEADER + "2020-01-01,inf,2,1,1,5\n", "line 2: open is 'inf', which is not a finite number"),
        (HEADER + "2020-01-01,1,2,1,1,5\n2020-01-02,1,2,,1,5\n", "line 3: low is missing"),
        (HEADER + "2020-01-01,1,2,-1,1,5\n", "line 2: low -1.0 is not positive"),
        (HEADER + "2020-01-01,0,2,1,1,5\n", "line 2: open 0.0 is not positive"),
        (HEADER + "2020-01-01,1,2,1,1,-5\n", "line 2: volume -5.0 is negative"),
        (
            HEADER + "2020-01-02,1,2,3,1,5\n2020-01-01,1,2,3,1,5\n",
            "line 2: high 2.0 is under the low (and in 1 more)",
        ),
        (
            HEADER + "2020-01-02,1,2,1,1,5\n2020-01-01,1,2,1,1,5\n2020-01-02,1,2,1,1,6\n",
            "lines 2 and 4 are both of 2020-01-02 00:00:00 UTC and differ: remove one of them",
        ),
        (HEADER + "soon,1,2,1,1,5\n", "line 2: the time 'soon' cannot be read: write it as 2023-01-31"),
        (HEADER + "20210231,1,2,1,1,5\n", "line 2: the time 20210231 cannot be read"),
        (HEADER + ",1,2,1,1,5\n", "line 2: the time is missing"),
        (HEADER + "inf,1,2,1,1,5\n", "line 2: the time 'inf' cannot be read"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path, text, message):
    with pytest.raises(DataQualityError, match=re.escape(message)) as caught:
        read_ohlcv(file_with(tmp_path, text))
    assert "prices.csv" in str(caught.value)


def test_missing_files_and_columns_say_what_was_looked_for(tmp_path):
    with pytest.raises(ConfigError, match=r"path '.*nowhere\.csv' does not exist: check the path"):
        read_ohlcv(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="is a folder"):
        read_ohlcv(tmp_path)
    with pytest.raises(MissingColumnsError, match="has no column 'low', 'volume': it has 'Date', 'Open', 'High'"):
        read_ohlcv(file_with(tmp_path, "Date,Open,High,Close\n2020-01-01,1,2,1\n"))
    with pytest.raises(MissingColumnsError, match="has no column 'timestamp': it has 'open', 'high'"):
        read_ohlcv(file_with(tmp_path, "open,high,low,close,volume\n1,2,1,1,5\n"))
    with pytest.raises(DataQualityError, match="cannot be read as Parquet"):
        read_ohlcv(file_with(tmp_path, HEADER, "prices.parquet"))


def test_the_real_history_is_read_where_it_lies_beside_the_project():
    path = Path(__file__).parents[4] / "shared" / "data" / "btcusdt_1d.csv"
    if not path.exists():
        pytest.skip("no file of real prices beside the project")
    frame = read_ohlcv(path)
    assert frame.row(0)[:6] == (datetime(2017, 8, 17, tzinfo=UTC), 4261.48, 4485.39, 4200.74, 4285.08, 795.150377)
    assert frame.columns[6:] == ["trades", "taker_buy_base_asset_volume"]
    assert len(frame) == 2144
