"""What is odd about a history that is taken nevertheless: holes, and closes that jump."""

import logging
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from ..jumps import find_jumps, jumps_in_words
from ..steps import Step

logger = logging.getLogger(__name__)

_LEAST_IN_A_ROW: Final = 5
_LEAST_OF_SHORT_ONES: Final = 30
_HOUR: Final = timedelta(hours=1)


def warn_of_holes(times: pl.Series, step: Step | None, max_gap: int, asset_id: str | int) -> None:
    """Say how many steps are missing among ``times [N]``, and warn where that begins indicators anew."""
    if step is None or len(times) < 2:
        return
    missing = step.positions(times).diff() - 1
    holes, long = (int((missing > limit).sum()) for limit in (0, max_gap))
    if not holes:
        return
    longest = int(missing.arg_max() or 0)
    after = times[longest - 1].strftime("%Y-%m-%d %H:%MZ").removesuffix(" 00:00Z")
    where = f"in one hole after {after}"
    if holes > 1:
        where = f"in {holes} holes, the longest of {missing[longest]} after {after}"
    begin = f": indicators begin anew after {'it' if holes == 1 else f'the {long} of more than {max_gap}'}"
    text = f"{missing.sum()} {'step is' if missing.sum() == 1 else 'steps are'} missing, {where}{begin if long else ''}"
    logger.log(logging.WARNING if long else logging.INFO, "%s: %s", asset_id, text)


def warn_of_longer_bars(times: pl.Series, step: Step | None, asset_id: str | int) -> None:
    """Warn of bars in a row that all lie the same few steps apart, as if they were bars of a longer step."""
    if step is None or len(times) < 2:
        return
    apart = step.positions(times).diff().fill_null(0).rename("apart")
    runs = pl.DataFrame([times.alias("time"), apart, apart.rle_id().alias("run")]).filter(pl.col("apart") > 1)
    found = runs.group_by("run", maintain_order=True).agg(pl.len(), pl.col("time").first(), pl.col("apart").first())
    # In markets where most steps have no trade, a few bars may lie so by accident.
    found = found.filter(pl.col("len") >= (_LEAST_IN_A_ROW if step.length >= _HOUR else _LEAST_OF_SHORT_ONES))
    if len(found):
        longest = found.sort("len", descending=True).row(0, named=True)
        logger.warning(
            "%s: %d bars in a row, from %s on, are %d steps of %s apart: see that they are not bars of a longer step",
            asset_id,
            longest["len"],
            longest["time"].strftime("%Y-%m-%d %H:%MZ"),
            longest["apart"],
            step,
        )


def warn_of_jumps(history: pl.DataFrame, read: pl.Series, asset_id: str | int) -> None:
    """Warn of closes that jump, at the times that were ``read [N]`` alone, of five at most."""
    jumps = [jump for jump in find_jumps(history["timestamp"], history["close"]) if _holds(read, jump.time)]
    for words in jumps_in_words(jumps):
        logger.warning("%s: %s", asset_id, words)


def _holds(times: pl.Series, moment: datetime) -> bool:
    place = int(times.search_sorted(moment))
    return place < len(times) and times[place] == moment
