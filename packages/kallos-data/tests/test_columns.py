"""Which column is which, what is said about it, and tables that hold several markets."""

from datetime import UTC, datetime

import pandas as pd
import polars as pl
import pytest

from kallos_data import ConfigError, DataQualityError, MissingColumnsError, simulate_market
from kallos_data.bars.columns import recognised
from kallos_data.bars.ohlcv import clean_ohlcv
from kallos_data.bars.reading_settings import ReadingSettings

BAR = {"open": [1.0], "high": [2.0], "low": [0.5], "close": [1.5]}


def frame(n_rows: int = 1, **more) -> pl.DataFrame:
    dates = [f"2023-01-{day:02}" for day in range(1, n_rows + 1)]
    return pl.DataFrame({"date": dates, **{name: values * n_rows for name, values in BAR.items()}, **more})


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Volume MA",
            "Volume MA20",
            "volume_adi",
            "volume_obv",
            "Volume Change %",
            "Volume 24h change",
            "volume_sma_20",
        ),
        *("Volume EMA", "Volume OBV", "VolumeDelta", "volume_zscore", "Volume Rank", "Avg Volume", "Volume RVOL"),
    ],
)
def test_what_is_computed_from_volumes_is_no_volume(name):
    assert "volume" not in recognised(["date", *BAR, name])
    assert recognised(["date", *BAR, name, "Volume"])["volume"] == 6
    with pytest.raises(MissingColumnsError, match="has no column 'volume'"):
        clean_ohlcv(frame(**{name: [5.0]}))


@pytest.mark.parametrize(
    ("names", "volume", "quote"),
    [
        (["Volume BTC", "Volume USDT"], 0, 1),
        (["Volume USD", "Volume FLOKI"], 1, 0),
        (["volume_usdt", "volume_eth"], 1, 0),
        (["Volume 1INCH", "Volume EUR"], 0, 1),
        (["volumefrom", "volumeto"], 0, 1),
        (["Vol (XRP)"], 0, None),
        (["Volume USDT"], 0, None),
        (["v", "V", "q"], 0, None),
        (["Volumen"], 0, None),
    ],
)
def test_a_volume_may_name_an_asset_or_money(names, volume, quote):
    found = recognised(names)
    assert (found.get("volume"), found.get("quote_asset_volume")) == (volume, quote)


def test_other_words_for_prices():
    german = ["Datum", "Eröffnung", "Hoch", "Tief", "Schlusskurs", "Volumen"]
    assert list(recognised(german).values()) == [0, 1, 2, 3, 4, 5]
    assert recognised(["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"])["close"] == 4
    assert recognised(["close_time", "open2", "typical price"]) == {}


def test_what_is_taken_from_which_column_is_said(caplog):
    caplog.set_level("INFO", logger="kallos_data")
    renamed = frame(**{"Volume BTC": [7.0], "Volume MA": [5.0], "Mood": ["good"]}).rename({"date": "Open time"})
    assert clean_ohlcv(renamed)["volume"].to_list() == [7.0]
    assert (
        'the frame: columns: timestamp = "Open time", open = "open", high = "high", low = "low", close = "close", '
        'volume = "Volume BTC"; left out: Volume MA, Mood'
    ) in caplog.text


def test_a_column_that_could_be_either_is_refused():
    with pytest.raises(
        DataQualityError, match="has 2 columns that may be the close, 'close' and 'Close': rename or remove"
    ):
        clean_ohlcv(frame(Close=[1.6], volume=[1.0]))


@pytest.mark.parametrize("name", ["symbol", "Ticker", "exchange", "Interval", "pair"])
def test_several_markets_are_refused_and_one_can_be_chosen(name):
    both = frame(2, volume=[1.0, 2.0], **{name: ["BTC", "ETH"]})
    message = rf"where {name}=BTC \(or another\) keeps one of several: the column '{name}' of the frame is BTC, ETH"
    with pytest.raises(DataQualityError, match=message) as error:
        clean_ohlcv(both)
    assert error.value.parameter == "where"
    assert clean_ohlcv(both, settings=ReadingSettings(where={name: "ETH"}))["volume"].to_list() == [2.0]
    assert clean_ohlcv(both, settings=ReadingSettings(where={name.upper(): "BTC"}))["volume"].to_list() == [1.0]
    with pytest.raises(ConfigError, match=f"where {name}=DOGE keeps no row of the frame: {name} is BTC, ETH"):
        clean_ohlcv(both, settings=ReadingSettings(where={name: "DOGE"}))
    with pytest.raises(ConfigError, match="where names a column 'colour' that the frame does not have: it has 'date'"):
        clean_ohlcv(both, settings=ReadingSettings(where={"colour": "red"}))


def test_rows_kept_have_the_numbers_they_had():
    both = frame(3, volume=[1.0, 2.0, -3.0], symbol=["BTC", "ETH", "ETH"])
    with pytest.raises(DataQualityError, match=r"row 3: volume -3\.0 is negative"):
        clean_ohlcv(both, settings=ReadingSettings(where={"symbol": "ETH"}))


def test_identical_rows_are_dropped_and_said(caplog):
    twice = frame(3, volume=[1.0, 2.0, 3.0])
    again = pl.concat([twice, twice[1:2], twice[1:2]])
    assert clean_ohlcv(again).equals(clean_ohlcv(twice))
    assert "exact repeats of other rows are dropped: 2" in caplog.text


def test_different_rows_of_one_time_are_refused_with_what_tells_them_apart():
    same = pl.concat([frame(2, volume=[1.0, 2.0]), frame(2, volume=[1.0, 9.0])])
    with pytest.raises(
        DataQualityError, match="rows 2 and 4 are both of 2023-01-02 00:00:00 UTC and differ: remove one"
    ):
        clean_ohlcv(same)
    apart = same.with_columns(series=pl.Series(["a", "a", "b", "b"]))
    message = (
        r"where series=a \(or another\) keeps one of several: .*rows 2 and 4 are .* 'series' tells them apart: a, b"
    )
    with pytest.raises(DataQualityError, match=message) as error:
        clean_ohlcv(apart)
    assert error.value.parameter == "where"
    assert len(clean_ohlcv(apart, settings=ReadingSettings(where={"series": "b"}))) == 2


def test_a_number_that_differs_names_no_market():
    same = pl.concat([frame(2, volume=[1.0, 2.0]), frame(2, volume=[1.0, 9.0])])
    for values in ([0.1, 0.2, 0.3, 0.4], ["0.5", "1.5", "2.5", "3.5"], ["a", "b", "c", "d"]):
        with pytest.raises(DataQualityError, match=r"rows 2 and 4 are both .* differ: remove one"):
            clean_ohlcv(same.with_columns(vwap=pl.Series(values)))


@pytest.mark.parametrize(
    ("name", "refused"), [("quote", False), ("interval", True), ("asset_id", True), ("base", False)]
)
def test_numbers_name_markets_in_columns_of_intervals_and_ids_only(name, refused):
    numbered = frame(4, volume=[1.0, 2.0, 3.0, 4.0], **{name: [60, 60, 240, 240]})
    if refused:
        with pytest.raises(DataQualityError, match=f"where {name}=60"):
            clean_ohlcv(numbered)
    else:
        assert len(clean_ohlcv(numbered)) == 4


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("name", [None, "Date"])
def test_the_index_of_a_pandas_frame_is_the_time(zone, name):
    market = simulate_market(30)
    native = market.to_pandas().set_index("timestamp")
    native.index = native.index.tz_localize(None).tz_localize(zone).rename(name)
    assert clean_ohlcv(native).equals(market)
    assert clean_ohlcv(native.reset_index()).equals(market)


def test_an_index_of_periods_of_dates_or_of_two_levels():
    market = simulate_market(30)
    native = market.to_pandas().set_index("timestamp").tz_localize(None)
    assert clean_ohlcv(native.to_period("D")).equals(market)
    assert clean_ohlcv(native.set_axis([time.date() for time in native.index])).equals(market)
    two = pd.concat({"BTC": native, "ETH": native * 2}, names=["symbol", "date"])
    assert clean_ohlcv(two, settings=ReadingSettings(where={"symbol": "BTC"})).equals(market)


def test_a_column_of_another_type_is_no_price():
    for odd in ([[1.0]], [True], [datetime(2023, 1, 1, tzinfo=UTC)]):
        with pytest.raises(DataQualityError, match=r"the frame: open holds values of type .*, which are no numbers"):
            clean_ohlcv(frame(volume=[1.0]).with_columns(open=pl.Series(odd)))


def test_names_of_two_levels_in_pandas():
    market = simulate_market(30)
    native = market.to_pandas().set_index("timestamp")
    native.columns = pd.MultiIndex.from_product([native.columns, ["BTC-USD"]])
    assert clean_ohlcv(native).equals(market)
    with pytest.raises(MissingColumnsError, match="'open BTC', "):
        clean_ohlcv(pd.concat({"BTC": market.to_pandas(), "ETH": market.to_pandas()}, axis=1).swaplevel(axis=1))


def test_row_numbers_are_no_times():
    with pytest.raises(MissingColumnsError, match="has no column 'timestamp'"):
        clean_ohlcv(frame(volume=[1.0]).rename({"date": "close_time"}).with_columns(index=pl.Series([0])))
    numbered = frame(volume=[1.0]).with_columns(index=pl.Series([0]))
    assert clean_ohlcv(numbered)["timestamp"].to_list() == [datetime(2023, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    "name", ["crypto_name", "Coin Name", "TickerSymbol", "base_currency", "exchangeName", "Security"]
)
def test_one_market_after_another_is_two_of_them(name):
    market = simulate_market(60).with_columns(pl.Series(name, ["Bitcoin"] * 30 + ["Ether"] * 30))
    with pytest.raises(DataQualityError, match=rf"{name}=Bitcoin \(or another\) keeps one of several") as caught:
        clean_ohlcv(market)
    assert caught.value.parameter == "where"
    kept = clean_ohlcv(market, settings=ReadingSettings(where={name: "Ether"}))
    assert kept.equals(clean_ohlcv(market[30:].drop(name)))


@pytest.mark.parametrize("name", ["Market Cap", "asset price", "Coin supply", "currency_rate"])
def test_amounts_of_a_market_are_no_names_of_markets(name):
    market = simulate_market(60)
    texts = pl.Series(name, [f"{place}B" for place in range(60)])
    assert clean_ohlcv(market.with_columns(texts)).equals(clean_ohlcv(market))


def test_the_begin_of_a_bar_is_written_small():
    names = ["T", "t", "o", "h", "l", "c", "v"]
    assert recognised(names)["timestamp"] == 1
    assert recognised(["T", *names[2:]])["timestamp"] == 0


@pytest.mark.parametrize("name", ["Price", "Last", "Close/Last", "Zuletzt"])
def test_the_price_beside_open_high_and_low_is_the_close(name):
    assert recognised(["Date", name, "Open", "High", "Low", "Vol."])["close"] == 1
    assert recognised(["Date", name, "Open", "High", "Low", "Vol.", "Close"])["close"] == 6
    with pytest.raises(MissingColumnsError, match="has no column 'open', 'high'"):
        clean_ohlcv(frame(volume=[1.0]).drop("open", "close").rename({"high": name}))
