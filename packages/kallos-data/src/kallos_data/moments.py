"""Points in time as people write them, in UTC."""

from datetime import UTC, date, datetime, time

from .errors import ConfigError

Moment = str | date | datetime


def first_moment(value: Moment, *, name: str) -> datetime:
    """Return the first moment that ``value`` means: midnight UTC where it is a day.

    Raises
    ------
    ConfigError
        Where a text is no ISO 8601 date or time; ``name`` says which argument it was.
    """
    return _moment(value, time.min, name)


def last_moment(value: Moment, *, name: str) -> datetime:
    """Return the last moment that ``value`` means: the last microsecond UTC of the day where it is a day.

    Raises
    ------
    ConfigError
        As in :func:`first_moment`.
    """
    return _moment(value, time.max, name)


def _moment(value: Moment, of_a_day: time, name: str) -> datetime:
    parsed = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(parsed, datetime):
        return datetime.combine(parsed, of_a_day, tzinfo=UTC)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _parsed(text: str, name: str) -> date | datetime:
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) <= len("2023-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{name}={text!r} is no date: write 2023-01-31, or 2023-01-31T12:00 for a time (UTC)"
        ) from None
