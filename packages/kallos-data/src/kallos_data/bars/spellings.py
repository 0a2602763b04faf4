"""Names under which exchanges, data shops and programs write the columns of bars."""

from typing import Final

# In the order of preference: a bar is known by the beginning of its period, then by its first trade; a number of
# seconds has no zone to guess. The empty name is that of an index without one.
TIMES: Final = (
    *("timeperiodstart", "periodstart", "barstart", "starttime", "startat", "start", "begin", "from"),
    *("opentime", "opentimestamp", "timeopen", "openingtime", "klineopentime"),
    *("timestamp", "unix", "unixtime", "unixtimestamp", "epoch", "epochtime", "ts", "mts", "t"),
    *("datetime", "dt", "ds", "dateandtime", "zeitstempel", "gmttime", "localtime", "snappedat"),
    *(
        "date",
        "datum",
        "fecha",
        "dates",
        "day",
        "tag",
        "tradedate",
        "asofdate",
        "tradingday",
        "time",
        "zeit",
        "bartime",
    ),
    *("index", "indexlevel0", "level0", "unnamed0", ""),
)
# A unit or zone may follow, as in timestamp_ms, date (UTC).
TIME_SUFFIXES: Final = ("utc", "gmt", "ms", "us", "ns")
DATES: Final = ("date", "datum", "day", "tradedate", "dateutc", "fecha")
TIMES_OF_DAY: Final = ("time", "zeit", "uhrzeit", "hour", "timeutc", "hora", "timeofday")

VALUES: Final = {
    "open": (
        "open",
        "openprice",
        "priceopen",
        "opening",
        "eröffnung",
        "eröffnungskurs",
        "eröffn",
        "erster",
        "apertura",
        "o",
    ),
    "high": ("high", "highprice", "pricehigh", "hoch", "höchst", "höchstkurs", "tageshoch", "max", "máximo", "h"),
    "low": ("low", "lowprice", "pricelow", "tief", "tiefst", "tiefstkurs", "tagestief", "min", "mínimo", "l"),
    "close": ("close", "closeprice", "priceclose", "closing", "closelast", "schluss", "schlusskurs", "cierre", "c"),
    "volume": (
        *("volume", "vol", "basevolume", "baseassetvolume", "volumebase", "volumetraded", "volumefrom", "totalvolume"),
        *("volumen", "v"),
    ),
    "quote_asset_volume": (
        *("quoteassetvolume", "quotevolume", "volumequote", "volumeto", "turnover", "quotevol", "umsatz"),
    ),
    "trades": ("trades", "numberoftrades", "numtrades", "tradecount", "tradescount", "count"),
    "taker_buy_base_asset_volume": ("takerbuybaseassetvolume", "takerbuybasevolume", "takerbuyvolume"),
    "taker_buy_quote_asset_volume": ("takerbuyquoteassetvolume", "takerbuyquotevolume"),
}

# Names of the close where there is an open, a high and a low beside.
ONLY_PRICES: Final = ("price", "last", "lastprice", "zuletzt", "kurs")

# Columns that say of which market a row is.
IDENTITIES: Final = frozenset(
    (
        *("symbol", "ticker", "tic", "pair", "exchange", "exchangeid", "market", "marketid", "coin", "coinid", "asset"),
        *("assetid", "instrument", "instrumentid", "interval", "timeframe", "period", "resolution", "granularity"),
        *(
            "base",
            "quote",
            "baseasset",
            "quoteasset",
            "currency",
            "cryptocurrency",
            "crypto",
            "name",
            "slug",
            "product",
        ),
        *("productid", "symbolid", "contract", "venue", "isin", "wkn", "stock", "tf", "freq", "frequency"),
    )
)

# A word of such a column's name, and words that make something else of it.
IDENTITY_WORDS: Final = frozenset(
    (
        *(
            "symbol",
            "ticker",
            "pair",
            "exchange",
            "coin",
            "crypto",
            "cryptocurrency",
            "asset",
            "instrument",
            "security",
        ),
        *("currency", "company", "isin", "cusip", "ric", "code", "contract", "token", "timeframe", "venue"),
    )
)
NO_IDENTITY_WORDS: Final = frozenset(
    (
        *("cap", "volume", "vol", "price", "supply", "change", "value", "count", "rank", "number", "amount", "date"),
        *("time", "trades", "rate", "return", "buy", "sell", "open", "high", "low", "close", "turnover"),
    )
)

MONEY: Final = frozenset(
    (
        *(
            "usd",
            "usdt",
            "usdc",
            "busd",
            "fdusd",
            "tusd",
            "usdp",
            "gusd",
            "dai",
            "ust",
            "eur",
            "gbp",
            "jpy",
            "krw",
            "try",
        ),
        *("chf", "cad", "aud", "nzd", "cny", "inr", "brl", "rub", "uah", "pln", "mxn", "zar", "hkd", "sgd", "currency"),
        *("quote", "quotecurrency", "dollar", "dollars", "euro"),
    )
)
ASSETS: Final = frozenset(
    (
        *("btc", "xbt", "eth", "xrp", "ltc", "bch", "bsv", "ada", "dot", "link", "bnb", "doge", "sol", "matic", "pol"),
        *("avax", "trx", "xlm", "xmr", "etc", "eos", "shib", "uni", "atom", "near", "fil", "apt", "arb", "op", "icp"),
        *("vet", "algo", "sand", "mana", "aave", "ftm", "grt", "theta", "axs", "xtz", "luna", "lunc", "neo", "qtum"),
        *(
            "dash",
            "zec",
            "zrx",
            "bat",
            "comp",
            "mkr",
            "snx",
            "crv",
            "ksm",
            "waves",
            "pepe",
            "ton",
            "sui",
            "sei",
            "inj",
            "1inch",
        ),
        *("bitcoin", "ether", "ethereum", "base", "basecurrency", "asset", "coin", "coins", "crypto", "contracts"),
    )
)
# In capitals they look like an asset's short name, and mean something computed from volumes.
INDICATORS: Final = frozenset(
    (
        *(
            "MA",
            "SMA",
            "EMA",
            "WMA",
            "RMA",
            "VMA",
            "DEMA",
            "TEMA",
            "HMA",
            "VWMA",
            "VWAP",
            "TWAP",
            "AVG",
            "MEAN",
            "MEDIAN",
        ),
        *("OBV", "ADI", "AD", "ADL", "CMF", "MFI", "EM", "EOM", "FI", "VPT", "PVT", "NVI", "PVI", "RSI", "ROC", "MACD"),
        *(
            "OSC",
            "PVO",
            "KVO",
            "KLINGER",
            "PCT",
            "CHG",
            "CHANGE",
            "DELTA",
            "DIFF",
            "STD",
            "STDEV",
            "VAR",
            "ZSCORE",
            "Z",
        ),
        *("RATIO", "REL", "RVOL", "UP", "DOWN", "BUY", "SELL", "BID", "ASK", "IN", "OUT", "LOG", "RANK", "SUM", "CUM"),
        *(
            "TOTAL",
            "MAX",
            "MIN",
            "HIGH",
            "LOW",
            "H",
            "D",
            "W",
            "M",
            "PROFILE",
            "INDEX",
            "FLAG",
            "SIGNAL",
            "TREND",
            "LAG",
        ),
        *(
            "PREV",
            "NEXT",
            "NORM",
            "SCALED",
            "FORECAST",
            "PRED",
            "USDCHANGE",
            "ATR",
            "ADX",
            "CCI",
            "BB",
            "UPPER",
            "LOWER",
        ),
        *("POC", "VAH", "VAL", "CVD", "TICK", "TICKS", "PERCENT", "SCORE", "WEIGHTED", "AVERAGE", "RETURN", "MOMENTUM"),
        *("LONG", "SHORT", "TAKER", "MAKER", "SPIKE", "OI", "MKT", "CAP", "MARKETCAP", "MCAP", "NET", "FLOW", "VOL"),
    )
)
