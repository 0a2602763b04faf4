"""When a trial ran, in UTC, and how long."""

from datetime import UTC, datetime

from optuna.trial import FrozenTrial

from .trial_attributes import ENDED, STARTED


def now() -> str:
    """Return this moment by the clock of this machine, as the attributes of a trial keep it."""
    return _in_utc(datetime.now(UTC))


def started(trial: FrozenTrial) -> datetime | None:
    """Return when a trial began, in UTC by the clock of its worker; None where it has not."""
    return _moment(trial, STARTED, trial.datetime_start)


def ended(trial: FrozenTrial) -> datetime | None:
    """Return when a trial ended, in UTC by the clock of whoever recorded it; None where it has not."""
    return _moment(trial, ENDED, trial.datetime_complete)


def seconds_of(trial: FrozenTrial) -> float | None:
    """Return how long a trial took from its claim to its record; None where it has not ended."""
    first, last = started(trial), ended(trial)
    return None if first is None or last is None else max(0.0, (last - first).total_seconds())


def written(moment: datetime | None) -> str | None:
    """Return a moment in UTC to the second, as ISO 8601 has it: 2024-01-01T12:00:00Z."""
    return None if moment is None else _in_utc(moment.replace(microsecond=0))


def _in_utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _moment(trial: FrozenTrial, attribute: str, local: datetime | None) -> datetime | None:
    """Return a moment that a trial keeps itself; else Optuna's, which names no zone: it is taken for the one here."""
    kept = trial.user_attrs.get(attribute)
    if local is None:
        return None
    return datetime.fromisoformat(kept) if isinstance(kept, str) else local.astimezone(UTC)
