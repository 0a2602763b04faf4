"""How files and frames of prices are to be read where they leave it open."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from ..errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSettings:
    """What a reader of prices cannot always tell from the values.

    Attributes
    ----------
    time_zone : str or None, default None
        IANA name of the zone of times that name none, as in "Europe/Berlin"; UTC where left out. Daily bars that begin
        at midnight there keep their local date.
    date_format : str or None, default None
        How times are written, in the letters of strptime: "%d.%m.%Y %H:%M". Found where left out, and asked for where
        day and month could be either.
    decimal : {".", ","} or None, default None
        What stands before the decimals; found where left out, and asked for where the values leave it open.
    thousands : {".", ",", " ", "'"} or None, default None
        What stands between thousands; as ``decimal``.
    where : mapping of str to str, default {}
        Columns and the value that a row must have in each to be kept, for files of several assets: {"symbol": "BTC"}.
    repair : bool, default False
        Whether high and low are widened where open or close lie beyond them, instead of refusing the row.

    Raises
    ------
    ConfigError
        Where the zone is unknown, a format leaves the time open, or a separator is none of those or stands for both.
    """

    time_zone: str | None = None
    date_format: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    repair: bool = False

    def __post_init__(self) -> None:
        if self.time_zone is not None and not _is_zone(self.time_zone):
            raise ConfigError(
                f"must be a zone by its IANA name, as UTC or Europe/Berlin, not {self.time_zone!r}", "time_zone"
            )
        if self.date_format is not None and "%" not in self.date_format:
            raise ConfigError(
                f"must be written in the letters of strptime, as %d.%m.%Y %H:%M, not {self.date_format!r}",
                "date_format",
            )
        problem = _problem_of_format(self.date_format or "")
        if problem:
            raise ConfigError(problem, "date_format")
        if self.decimal not in (None, ".", ","):
            raise ConfigError(f"must be . or , and not {self.decimal!r}", "decimal")
        if self.thousands not in (None, ".", ",", " ", "'"):
            raise ConfigError(f"must be one of . , ' or a blank, and not {self.thousands!r}", "thousands")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ConfigError(f"must differ from what stands before decimals, and both are {self.decimal}", "thousands")


def _problem_of_format(date_format: str) -> str | None:
    letters = set(re.findall("%[-_0]?(.)", date_format))
    if "Z" in letters:
        return (
            "has %Z, which passes over the name of a zone: write the name as it stands there (%H:%M EST), and name the "
            "zone as time_zone"
        )
    half = letters & {"p", "P"}
    if letters & {"I", "l"} and not half:
        return "has %I, hours up to 12, without %p: name %p too, or %H for hours up to 23"
    if half and not letters & {"I", "l"}:
        return "has %p, AM or PM, without %I: name %I for the hours"
    if "f" in letters and re.search(r"(?<!\.)%f", date_format):
        return "has %f without a point before it: name .%f for what follows the point of the seconds"
    return None


def _is_zone(name: str) -> bool:
    if name not in available_timezones():
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        return False
    return True
