"""Which column of a price table is which, whatever its spelling."""

import re
from collections.abc import Sequence
from typing import Final

from ..errors import DataQualityError, MissingColumnsError
from ..known_columns import EXTRAS
from .origin import Origin
from .spellings import (
    ASSETS,
    DATES,
    IDENTITIES,
    IDENTITY_WORDS,
    INDICATORS,
    MONEY,
    NO_IDENTITY_WORDS,
    ONLY_PRICES,
    TIME_SUFFIXES,
    TIMES,
    TIMES_OF_DAY,
    VALUES,
)

REQUIRED = ("open", "high", "low", "close", "volume")
PRICES: Final = REQUIRED[:4]
MARKET_COLUMNS = REQUIRED + EXTRAS

BINANCE_COLUMNS: Final[tuple[str, ...]] = (
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

_WORD: Final = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")
_TICKER: Final = re.compile(r"[A-Z][A-Z0-9]{1,11}|1[0-9]{2,6}[A-Z]{2,8}")


def recognised(names: Sequence[str]) -> dict[str, int]:
    """Return the place of every column that is known by one of its usual spellings.

    Case, blanks, underscores, other punctuation and a leading number (``1. open``) do not matter. A volume may name
    its currency (``Volume BTC``, ``Volume USDT``): the first that is no money is the volume, the next the quote volume.
    Whatever else follows the word volume (``Volume MA``, ``volume_obv``) makes another thing of it.

    Parameters
    ----------
    names : sequence of str
        The header.

    Returns
    -------
    dict[str, int]
        ``timestamp`` and names of :data:`MARKET_COLUMNS`, as far as they are there. Of several columns that may be the
        time the most usual one, see :func:`time_candidates`.
    """
    times = time_candidates(names)
    found = {"timestamp": times[0][0]} if times else {}
    return found | {column: places[0] for column, places in _values(names).items()}


def required(names: Sequence[str], origin: Origin) -> dict[str, int]:
    """Return the places of the values that :func:`recognised` finds.

    Raises
    ------
    MissingColumnsError
        Where the time, a price or the volume is not among them; ``origin`` says of what.
    DataQualityError
        Where a column that is needed could be either of two.
    """
    found = _values(names)
    missing = [] if time_candidates(names) else ["timestamp"]
    missing += [name for name in REQUIRED if name not in found]
    if missing:
        remedy = (
            f"name the column that holds it {missing[0]!r} in line {origin.header} of the file"
            if origin.header and len(missing) == 1
            else ""
        )
        raise MissingColumnsError(missing, names, where=origin.where, remedy=remedy)
    for column, places in found.items():
        if len(places) > 1:
            listed = " and ".join(repr(names[place]) for place in places)
            raise DataQualityError(
                f"{origin.where} has {len(places)} columns that may be the {column}, {listed}: "
                "rename or remove all but one"
            )
    return {column: found[column][0] for column in MARKET_COLUMNS if column in found}


def time_candidates(names: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the places of columns that may be the beginning of a bar, the most likely first.

    Two places are a date and a time of day, to be joined. An index without a name counts where it stands first or last.
    """
    ranked: list[tuple[float, tuple[int, ...]]] = []
    for place, name in enumerate(names):
        rank = _time_rank(name)
        # Among columns, one without a name is an index at either end only.
        if rank is not None and (_plain(name) or place in (0, len(names) - 1)):
            ranked.append((rank, (place,)))
    dates = [place for place, name in enumerate(names) if _plain(name) in DATES]
    of_day = [place for place, name in enumerate(names) if _plain(name) in TIMES_OF_DAY]
    if dates and of_day:
        ranked.append((TIMES.index("date") - 0.5, (dates[0], of_day[0])))
    return [places for _, places in sorted(ranked)]


def identities(names: Sequence[str]) -> list[int]:
    """Return the places of columns that say of which market a row is."""
    return [place for place, name in enumerate(names) if _plain(name) in IDENTITIES or _has_identity(name)]


def _has_identity(name: str) -> bool:
    """Whether one of a name's words says so, as in coin_name or TickerSymbol."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & IDENTITY_WORDS) and not words & NO_IDENTITY_WORDS


def _time_rank(name: str) -> float | None:
    plain = _plain(name)
    if plain in TIMES:
        # Exchanges write t for the begin of a bar and T for its end.
        return TIMES.index(plain) + (0.1 if name == "T" else 0)
    bare = next((plain.removesuffix(end) for end in TIME_SUFFIXES if plain.endswith(end)), "")
    return TIMES.index(bare) + 0.25 if bare and bare in TIMES else None


def _values(names: Sequence[str]) -> dict[str, list[int]]:
    """Return for every known value the places that it may have: more than one where none is the more likely."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(_plain(name), []).append(place)
    found: dict[str, list[int]] = {}
    for column, spellings in VALUES.items():
        spelling = next((each for each in spellings if each in places), None)
        if spelling is not None:
            # Of one letter, the small one: exchanges write v for the volume and V for the part of takers.
            exact = [place for place in places[spelling] if len(spelling) == 1 and names[place] == spelling]
            found[column] = exact or places[spelling]
    if "close" not in found and all(column in found for column in PRICES[:3]):
        # Beside open, high and low, the price is the last one.
        spelling = next((each for each in ONLY_PRICES if each in places), None)
        found |= {"close": places[spelling]} if spelling is not None else {}
    free = [column for column in ("volume", "quote_asset_volume") if column not in found]
    return found | {column: [place] for column, place in zip(free, _named_volumes(names), strict=False)}


def _named_volumes(names: Sequence[str]) -> list[int]:
    """Return the places of volumes that name what they are counted in, money last."""
    found: list[tuple[bool, int]] = []
    for place, name in enumerate(names):
        spelt = re.fullmatch(r"[\W_]*(?:volume|vol)[\W_]*(.*?)[\W_]*", name, re.IGNORECASE)
        unit = re.sub(r"[\W_]", "", spelt.group(1)) if spelt else ""
        if unit and _is_unit(unit):
            found.append((unit.lower() in MONEY, place))
    return [place for _, place in sorted(found)]


def _is_unit(word: str) -> bool:
    if word.lower() in MONEY | ASSETS:
        return True
    return _TICKER.fullmatch(word) is not None and word.rstrip("0123456789") not in INDICATORS


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower()).lstrip("0123456789") if not name.isdecimal() else name
