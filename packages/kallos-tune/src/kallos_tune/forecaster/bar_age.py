"""How long ago a bar ended, in words."""

from datetime import datetime, timedelta
from typing import Final

_MINUTES_OF_AN_HOUR, _HOURS_OF_A_DAY = 60, 24
# Of so many of a unit, nobody asks for the smaller one.
_MANY: Final = 10


def bar_in_words(begin: datetime, age: timedelta) -> str:
    """Return a bar with its age: "2023-06-30 00:00Z, ended 1245 days ago".

    Parameters
    ----------
    begin : datetime
        Of the bar, UTC.
    age : timedelta
        Time since its end; negative where it has not ended.
    """
    ended = f"ended {age_in_words(age)} ago" if age >= timedelta(0) else "has not ended yet"
    return f"{begin:%Y-%m-%d %H:%MZ}, {ended}"


def age_in_words(length: timedelta) -> str:
    """Return a length of time in its two largest units, of many of the larger one in that alone."""
    minutes = int(length.total_seconds() // 60)
    hours, minutes = divmod(minutes, _MINUTES_OF_AN_HOUR)
    days, hours = divmod(hours, _HOURS_OF_A_DAY)
    if days:
        return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours and days < _MANY else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes and hours < _MANY else "")
    return f"{minutes} min" if minutes else "less than a minute"
