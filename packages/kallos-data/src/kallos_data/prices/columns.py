"""Which column of a price table is which, whatever its spelling."""

import logging
import re
from collections.abc import Sequence

from ..errors import MissingColumnsError

logger = logging.getLogger(__name__)

REQUIRED = ("open", "high", "low", "close", "volume")
EXTRAS = ("quote_asset_volume", "trades", "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume")
MARKET_COLUMNS = REQUIRED + EXTRAS

BINANCE_COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_asset_volume",
    "number_of_trades",
    "taker_buy_base_asset_volume",
    "taker_buy_quote_asset_volume",
    "ignore",
)
"""Of a Binance kline file without a header."""

# In the order of preference: a bar is known by its opening, and a number of seconds has no zone to guess.
_SPELLINGS = {
    "timestamp": (
        *("opentime", "timeopen", "openingtime", "timestamp", "unix", "unixtime", "unixtimestamp"),
        *("datetime", "date", "time", "snappedat"),
    ),
    "open": ("open", "openprice", "priceopen", "o"),
    "high": ("high", "highprice", "pricehigh", "h"),
    "low": ("low", "lowprice", "pricelow", "l"),
    "close": ("close", "closeprice", "priceclose", "c"),
    "volume": ("volume", "vol", "basevolume", "baseassetvolume", "totalvolume", "v"),
    "quote_asset_volume": ("quoteassetvolume", "quotevolume", "turnover"),
    "trades": ("trades", "numberoftrades", "numtrades", "tradecount", "tradescount", "count"),
    "taker_buy_base_asset_volume": ("takerbuybaseassetvolume", "takerbuybasevolume", "takerbuyvolume"),
    "taker_buy_quote_asset_volume": ("takerbuyquoteassetvolume", "takerbuyquotevolume"),
}
_MONEY = ("usd", "usdt", "usdc", "busd", "fdusd", "tusd", "dai", "eur", "gbp", "jpy", "krw", "try", "currency", "quote")


def recognised(names: Sequence[str]) -> dict[str, int]:
    """Return the place of every column that is known by one of its usual spellings.

    Case, blanks, underscores, other punctuation and a leading number (``1. open``) do not matter. A volume may name
    its currency (``Volume BTC``, ``Volume USDT``): the first that is no money is the volume, the next the quote volume.

    Parameters
    ----------
    names : sequence of str
        The header.

    Returns
    -------
    dict[str, int]
        ``timestamp`` and names of :data:`MARKET_COLUMNS`, as far as they are there.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(_plain(name), place)
    found = {
        column: next(places[spelling] for spelling in spellings if spelling in places)
        for column, spellings in _SPELLINGS.items()
        if any(spelling in places for spelling in spellings)
    }
    of_currency = [name for name in places if name.startswith("volume") and name != "volume"]
    of_currency.sort(key=lambda name: name.removeprefix("volume") in _MONEY)
    free = [column for column in ("volume", "quote_asset_volume") if column not in found]
    return found | {column: places[name] for column, name in zip(free, of_currency, strict=False)}


def required(names: Sequence[str], *, where: str) -> dict[str, int]:
    """Return what :func:`recognised` finds, with a log line about the columns that it leaves out.

    Raises
    ------
    MissingColumnsError
        Where the time, a price or the volume is not among them; ``where`` says of what.
    """
    found = recognised(names)
    missing = [name for name in ("timestamp", *REQUIRED) if name not in found]
    if missing:
        raise MissingColumnsError(missing, names, where=where)
    ignored = [name for place, name in enumerate(names) if place not in found.values()]
    if ignored:
        logger.info("%s: columns left out: %s", where, ", ".join(ignored))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower()).lstrip("0123456789")
