"""Kinds of price files: the same bars from each, and what is broken is named."""

import gzip
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, MissingColumnsError, read_ohlcv, simulate_market
from kallos_data.bars.reading_settings import ReadingSettings

MARKET = simulate_market(60, start="2023-01-01")
NAMES = ("timestamp", "open", "high", "low", "close", "volume")


def as_csv(market: pl.DataFrame = MARKET) -> bytes:
    written = io.BytesIO()
    market.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d")).write_csv(written)
    return written.getvalue()


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(".".join(name.rsplit("_", 1)), data)
    return packed.getvalue()


def in_format(write) -> bytes:
    written = io.BytesIO()
    write(written)
    return written.getvalue()


def klines(market: pl.DataFrame = MARKET, unit: str = "ms") -> list[list[object]]:
    return [list(row) for row in market.with_columns(pl.col("timestamp").dt.epoch(unit)).rows()]


KINDS = {
    "prices.csv": as_csv(),
    "bom.csv": b"\xef\xbb\xbf" + as_csv(),
    "utf16le.csv": b"\xff\xfe" + as_csv().decode().encode("utf-16-le"),
    "utf16be.csv": b"\xfe\xff" + as_csv().decode().encode("utf-16-be"),
    "carriage.csv": as_csv().replace(b"\n", b"\r"),
    "both.csv": as_csv().replace(b"\n", b"\r\n"),
    "bars.csv": as_csv().replace(b",", b"|"),
    "packed.csv.gz": gzip.compress(as_csv()),
    "packed.zip": zipped(prices_csv=as_csv()),
    "with_a_readme.zip": zipped(prices_csv=as_csv(), README_md=b"hello"),
    "twice.zip": zipped(prices_csv_gz=gzip.compress(as_csv())),
    "prices.parquet": in_format(MARKET.write_parquet),
    "no suffix": in_format(MARKET.write_parquet),
    "x[1d]*.parquet": in_format(MARKET.write_parquet),
    "x[1d]?.csv": as_csv(),
    "prices.feather": in_format(MARKET.write_ipc),
    "prices.arrow": in_format(MARKET.write_ipc),
    "packed.parquet.zip": zipped(prices_parquet=in_format(MARKET.write_parquet)),
    "lists.json": json.dumps(klines()).encode(),
    "pretty.json": json.dumps(klines(unit="us"), indent=2).encode(),
    "texts.json": json.dumps([[str(cell) for cell in row] for row in klines()]).encode(),
    "newest_first.json": json.dumps(klines()[::-1]).encode(),
    "objects.json": json.dumps([dict(zip(NAMES, row, strict=True)) for row in klines()]).encode(),
    "letters.json": json.dumps([dict(zip("tohlcv", row, strict=True)) for row in klines()]).encode(),
    "columns.json": json.dumps(dict(zip("tohlcv", map(list, zip(*klines(), strict=True)), strict=True))).encode(),
    "answer.json": json.dumps({"code": 0, "result": {"symbol": "BTCUSDT", "list": klines()}}).encode(),
    "lines.jsonl": b"\n".join(json.dumps(dict(zip(NAMES, row, strict=True))).encode() for row in klines()),
    "named_csv_but_json.csv": json.dumps(klines()).encode(),
    "without_names.csv": as_csv().partition(b"\n")[2],
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_gives_the_same_bars(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(KINDS[name])
    assert read_ohlcv(path).equals(MARKET)


def test_latin_1_is_read_with_a_warning(tmp_path, caplog):
    path = tmp_path / "p.csv"
    path.write_bytes("Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n31.12.2022;1,5;2,5;0,5;1,25;10\n".encode("latin-1"))
    assert read_ohlcv(path).row(0) == (datetime(2022, 12, 31, tzinfo=UTC), 1.5, 2.5, 0.5, 1.25, 10)
    assert "p.csv is not UTF-8: read as Latin-1" in caplog.text
    caplog.clear()
    # Beyond the first lines, too, where the column is one that is needed.
    late = f"timestamp,symbol,open,high,low,close,volume\n2023-01-01,é{'x' * 70_000},1,2,0.5,1.5,1.25\n".encode(
        "latin-1"
    )
    path.write_bytes(late.replace("é".encode("latin-1"), b"x") + late.partition(b"\n")[2].replace(b"01-01", b"01-02"))
    with pytest.raises(DataQualityError, match="where symbol="):
        read_ohlcv(path)
    assert "p.csv is not UTF-8: read as Latin-1" in caplog.text


@pytest.mark.parametrize("name", ["packed.csv.gz", "packed.zip", "prices.parquet", "prices.feather", "lists.json"])
@law(5)
@given(st.data())
def test_a_file_that_is_cut_short_is_refused(tmp_path_factory, name, data):
    whole = KINDS[name]
    path = tmp_path_factory.mktemp("cut") / name
    path.write_bytes(whole[: data.draw(st.integers(1, len(whole) - 2))])
    with pytest.raises(DataQualityError, match=path.name):
        read_ohlcv(path)


@law(15)
@given(st.integers(200, len(as_csv()) - 2))
def test_a_csv_file_that_ends_within_a_row_is_refused_or_lacks_no_cell(tmp_path_factory, end):
    path = tmp_path_factory.mktemp("cut") / "prices.csv"
    path.write_bytes(as_csv()[:end])
    lines = as_csv()[:end].decode().splitlines()
    cells = lines[-1].count(",") + 1
    if 1 < cells < 6:
        with pytest.raises(DataQualityError, match=f"ends within a row: the last, .* has {cells} of 6 cells"):
            read_ohlcv(path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("cut.csv.gz", gzip.compress(as_csv())[:-9], "is a gzip archive that is cut short or broken: fetch it again"),
        ("two.zip", zipped(a_csv=as_csv(), b_csv=as_csv()), "must hold one table, and holds 'a.csv', 'b.csv'"),
        ("none.zip", zipped(), "is not text"),
        ("sheet.zip", zipped(**{"[Content_Types]_xml": b"", "xl": b""}), "is a spreadsheet: export the sheet as CSV"),
        ("cut.json", b"[[1672531200,1,2,0.5,1.5,3],[16", "cannot be read as JSON: .*; it may be cut short"),
        ("empty.json", b"[]", "must hold one array of bars, as exchanges return them, and holds none"),
        ("ragged.json", b"[[1672531200,1,2,0.5,1.5,3],[1672617600,1]]", "holds rows of different lengths"),
        ("old.feather", b"FEA1....", "is Feather of version 1"),
        ("bad.arrow", b"ARROW1..", "cannot be read as Arrow"),
    ],
)
def test_broken_files_say_so(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataQualityError, match=message):
        read_ohlcv(path)


def test_a_zip_archive_of_another_compression_is_not_called_broken(tmp_path):
    path = tmp_path / "newer.zip"
    data = bytearray(zipped(a_csv=as_csv()))
    # Compression method 97 in both headers, which zipfile does not know.
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = data.index(mark) + place
        data[start : start + 2] = (97).to_bytes(2, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(DataQualityError, match=r"a zip archive that cannot be read here \(.*\): unpack it first"):
        read_ohlcv(path)


def test_a_check_sum_beside_a_file_is_compared(tmp_path, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    path = tmp_path / "BTCUSDT-1d.zip"
    path.write_bytes(KINDS["packed.zip"])
    beside = tmp_path / "BTCUSDT-1d.zip.CHECKSUM"
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  BTCUSDT-1d.zip\n")
    assert len(read_ohlcv(path)) == 60
    assert "SHA-256 as in BTCUSDT-1d.zip.CHECKSUM" in caplog.text
    beside.write_text(f"{'0' * 64}  BTCUSDT-1d.zip\n")
    with pytest.raises(DataQualityError, match=r"does not match the checksum in BTCUSDT-1d\.zip\.CHECKSUM"):
        read_ohlcv(path)
    beside.write_text("<html>not found</html>")
    with pytest.raises(DataQualityError, match=r"holds no SHA-256 of BTCUSDT-1d\.zip"):
        read_ohlcv(path)


BAR = [100.0, 102.0, 99.0, 101.0]


@pytest.mark.parametrize(
    "order",
    [(2, 1, 0, 3), (0, 3, 1, 2), (3, 0, 2, 1), (0, 3, 2, 1), (1, 2, 3, 0)],
    ids=["high second", "open close high low", "reversed", "close second", "low last"],
)
def test_rows_without_names_are_bars_by_their_values_or_refused(tmp_path, order):
    path = tmp_path / "rows.json"
    rows = [[1672531200 + 86400 * day, *(BAR[place] + day for place in order), 7.5] for day in range(3)]
    path.write_text(json.dumps(rows))
    with pytest.raises(
        DataQualityError, match="no names for its 6 columns, and which is which is not certain: the first row is 16"
    ):
        read_ohlcv(path)


@pytest.mark.parametrize("separator", [",", "|"])
@pytest.mark.parametrize("more", [[12], [1, 2, 3, 4]])
def test_more_columns_without_names_are_refused_with_what_they_are(tmp_path, separator, more):
    path = tmp_path / "rows.csv"
    rows = [[1672531200 + 86400 * day, *(price + day for price in BAR), 7.5, *more] for day in range(3)]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
    with pytest.raises(DataQualityError, match=r"the first row is 1672531200, 100\.0, 102\.0, 99\.0, 101\.0, 7\.5, 1"):
        read_ohlcv(path)


def test_a_turnover_tells_the_seventh_column(tmp_path):
    path = tmp_path / "rows.json"
    rows = [
        [1672531200000 + 86400000 * day, *(price + day for price in BAR), 7.5, 7.5 * (100 + day)] for day in range(3)
    ]
    path.write_text(json.dumps(rows))
    assert read_ohlcv(path)["quote_asset_volume"].to_list() == [750.0, 757.5, 765.0]


YAHOO = ["Close", "High", "Low", "Open", "Volume"]
CELLS = "1.5,2,0.5,1,10"


@pytest.mark.parametrize(
    "header",
    [
        f"Price,{','.join(YAHOO)}\nTicker,{','.join(['BTC-USD'] * 5)}\nDate,,,,,\n",
        f"Price,{','.join(YAHOO)}\nTicker,{','.join(['BTC-USD'] * 5)}\nDatetime,,,,,\n",
        f",{','.join(YAHOO)}\n,{','.join(['BTC-USD'] * 5)}\nDate,,,,,\n",
        f"Attributes,{','.join(YAHOO)}\nSymbols,{','.join(['BTC-USD'] * 5)}\nDate,,,,,\n",
        f"Ticker,{','.join(['BTC-USD'] * 5)}\nPrice,{','.join(YAHOO)}\nDate,,,,,\n",
        f"Date,{','.join(YAHOO)}\n,{','.join(['BTC-USD'] * 5)}\n",
    ],
)
def test_headers_of_two_levels(tmp_path, header):
    path = tmp_path / "yahoo.csv"
    path.write_text(header + f"2023-01-01,{CELLS}\n2023-01-02,{CELLS}\n")
    first = datetime(2023, 1, 1, tzinfo=UTC)
    assert read_ohlcv(path).rows() == [(first + timedelta(days=day), 1, 2, 0.5, 1.5, 10) for day in range(2)]


@pytest.mark.parametrize("by_ticker", [False, True])
def test_several_tickers_in_the_header_are_named(tmp_path, by_ticker):
    path = tmp_path / "yahoo.csv"
    names = YAHOO * 2
    tickers = ["BTC-USD"] * 5 + ["ETH-USD"] * 5
    levels = [f",{','.join(names)}", f",{','.join(tickers)}"]
    lines = [*(levels[::-1] if by_ticker else levels), f"Date{',' * 10}", f"2023-01-01,{CELLS},3,4,1,2,20"]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataQualityError, match=r"where Ticker=BTC-USD .*yahoo\.csv holds BTC-USD, ETH-USD") as error:
        read_ohlcv(path)
    assert error.value.parameter == "where"
    assert read_ohlcv(path, ReadingSettings(where={"ticker": "ETH-USD"})).row(0)[1:] == (2, 4, 1, 3, 20)


def test_an_exponent_in_a_time_of_json_is_refused_too(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"t":1.6725E+12,"o":1,"h":2,"l":0.5,"c":1.5,"v":1.5e+9}]')
    with pytest.raises(DataQualityError, match=r"row 1: the time '1\.6725E\+12' has lost digits to its exponent"):
        read_ohlcv(path)
    path.write_text('[{"t":1672531200,"o":1e-9,"h":2,"l":1e-9,"c":1.5,"v":1.5e+9}]')
    assert read_ohlcv(path).row(0)[1:] == (1e-9, 2, 1e-9, 1.5, 1.5e9)


def test_no_file_is_no_table(tmp_path):
    with pytest.raises(ConfigError, match="is a folder: name a file in it"):
        read_ohlcv(tmp_path)
    with pytest.raises(ConfigError, match="does not exist"):
        read_ohlcv(tmp_path / "x*.parquet")


def test_cells_beyond_the_last_column_are_no_row_that_may_go(tmp_path):
    path = tmp_path / "prices.csv"
    lines = [f"{line},note" for line in as_csv().decode().splitlines()]
    path.write_text("\n".join([*lines[:20], lines[20] + lines[21], *lines[22:]]) + "\n")
    with pytest.raises(DataQualityError, match="is not a table of 7 columns: a row has more cells"):
        read_ohlcv(path)
    path.write_text("\n".join([lines[0], *(f"{line}," for line in lines[1:])]) + "\n")
    assert read_ohlcv(path).equals(MARKET)


ORDERS = {"as usual": (0, 1, 2, 3), "as yfinance": (3, 1, 2, 0)}


@pytest.mark.parametrize(
    "written", [lambda time: f"{time:%d.%m.%Y}", lambda time: f"{time:%Y-%m-%d}", datetime.timestamp]
)
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_an_open_without_a_name_is_told_from_a_close(tmp_path, order, newest_first, written):
    path = tmp_path / "rows.csv"
    rows = [
        ",".join(map(str, (written(time), *(values[place] for place in ORDERS[order]), values[4])))
        for time, *values in MARKET.sort("timestamp", descending=newest_first).rows()
    ]
    path.write_text("\n".join(rows) + "\n")
    if order == "as usual":
        assert read_ohlcv(path).equals(MARKET)
    else:
        with pytest.raises(DataQualityError, match="which is which is not certain"):
            read_ohlcv(path)


def test_one_row_without_names_does_not_tell_open_from_close(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("[[1672531200, 100, 102, 99, 101, 7.5]]")
    with pytest.raises(DataQualityError, match="which is which is not certain"):
        read_ohlcv(path)


def test_trades_without_a_name_are_no_turnover_where_nothing_is_traded(tmp_path):
    path = tmp_path / "rows.json"
    rows = [[1672531200 + 86400 * day, *(price + day for price in BAR), 0, 0] for day in range(3)]
    path.write_text(json.dumps(rows))
    with pytest.raises(DataQualityError, match="no names for its 7 columns"):
        read_ohlcv(path)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("within", [lambda table: table, lambda table: {"dataset": {"id": 1, **table}}])
def test_names_beside_the_rows_of_json_are_theirs(tmp_path, within, index):
    path = tmp_path / "split.json"
    names = ["Close", "High", "Low", "Open", "Volume"]
    times, rows = [row[0] for row in klines()], [[row[place] for place in (4, 2, 3, 1, 5)] for row in klines()]
    if index:
        table = {"columns": names, "index": times, "data": rows}
    else:
        table = {
            "column_names": ["Date", *names],
            "data": [[time, *row] for time, row in zip(times, rows, strict=True)],
        }
    path.write_text(json.dumps(within(table)))
    assert read_ohlcv(path).equals(MARKET)
    if not index:
        path.write_text(json.dumps([table["column_names"], *table["data"]]))
        assert read_ohlcv(path).equals(MARKET)


@pytest.mark.parametrize("by_ticker", [False, True])
@pytest.mark.parametrize("index", [("Date", ""), "Date"])
def test_two_levels_of_names_in_parquet(tmp_path, index, by_ticker):
    path = tmp_path / "yahoo.parquet"
    levels = {name: ("BTC-USD", name) if by_ticker else (name, "BTC-USD") for name in NAMES[1:]}
    MARKET.rename({"timestamp": str(index), **{name: str(both) for name, both in levels.items()}}).write_parquet(path)
    assert read_ohlcv(path).equals(MARKET)
    other = {str(both): str(both).replace("BTC", "ETH") for both in levels.values()}
    both = pl.concat(
        [pl.read_parquet(path), pl.read_parquet(path, columns=list(other)).rename(other)], how="horizontal"
    )
    both.write_parquet(path)
    with pytest.raises(MissingColumnsError, match="has no column"):
        read_ohlcv(path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("closed_at", [None, 24, 40])
def test_an_open_quotation_mark_swallows_no_rows(tmp_path, closed_at, line_end):
    path = tmp_path / "prices.csv"
    lines = [f"{line},note" for line in as_csv().decode().splitlines()]
    lines[20] = lines[20].replace("note", '"note')
    if closed_at:
        lines[closed_at] = f'{lines[closed_at]}"'
    path.write_bytes(line_end.join([*lines, ""]).encode())
    message = r"line 21: a quotation mark \(\"\) opens a cell that goes on over the rows below, 'note"
    message = message if closed_at else r"a quotation mark \(\"\) opens a cell that goes on to the end, '\"note"
    with pytest.raises(DataQualityError, match=message):
        read_ohlcv(path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("title", [[], ["https://www.CryptoDataDownload.com"]])
@pytest.mark.parametrize("blank", [[], [""]])
def test_errors_name_the_line_of_the_file(tmp_path, title, blank, line_end):
    """The line that an editor shows, whatever stands above the rows and however many lines a row takes."""
    header, *rows = as_csv().decode().splitlines()
    noted = [f'{row},"a, ""note""{line_end}of two lines"' for row in rows[:7]]
    broken = rows[7].rpartition(",")[0] + ",x7,"
    text = line_end.join([*title, f"{header},note", *noted, *blank, broken, ""])
    path = tmp_path / "prices.csv"
    path.write_bytes(text.encode())
    there = next(place for place, line in enumerate(text.split(line_end), 1) if "x7" in line)
    with pytest.raises(DataQualityError, match=rf"prices\.csv, line {there}: volume is 'x7'"):
        read_ohlcv(path)
    path.write_bytes(text.replace("volume", "what").replace(broken, rows[7] + ",").encode())
    with pytest.raises(MissingColumnsError, match=f"holds it 'volume' in line {len(title) + 1} of the file"):
        read_ohlcv(path)


def test_rows_of_a_file_without_lines_stay_rows(tmp_path):
    MARKET.with_columns(close=-pl.col("close")).write_parquet(tmp_path / "prices.parquet")
    with pytest.raises(DataQualityError, match=r"prices\.parquet, row 1: close -"):
        read_ohlcv(tmp_path / "prices.parquet")


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_notes_may_go_over_lines(tmp_path, ending):
    path = tmp_path / "prices.csv"
    lines = [f'{line},"a, ""note""\nof two lines"' for line in as_csv().decode().splitlines()]
    path.write_text("\n".join([as_csv().decode().splitlines()[0] + ",note", *lines[1:]]) + ending)
    assert read_ohlcv(path).equals(MARKET)
    path.write_text("\n".join(f'"{line}"'.replace(",", '","') for line in as_csv().decode().splitlines()) + ending)
    assert read_ohlcv(path).equals(MARKET)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([NAMES], "has no row with prices: name one that has"),
        ([NAMES, [*klines()[0], 1]], "names 6 columns, and its rows have 7"),
        ([[*NAMES, "open"], [*klines()[0], 1]], "names a column twice: timestamp, open"),
        (
            {"index": [1], "columns": ["index", *NAMES], "data": [[0, *klines()[0]]]},
            "names a column twice: index, time",
        ),
    ],
)
def test_names_in_json_must_fit(tmp_path, document, message):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataQualityError, match=message):
        read_ohlcv(path)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-be", "utf-16-be"])
def test_other_widths_of_characters_are_no_text(tmp_path, encoding):
    path = tmp_path / "prices.csv"
    path.write_bytes(as_csv().decode().encode(encoding))
    with pytest.raises(DataQualityError, match=r"is not text: name a CSV file"):
        read_ohlcv(path)
