"""How long things may take while trials are claimed and run."""

from dataclasses import dataclass

from ..storage.engines import STANDSTILL_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSettings:
    """Times of claims, in seconds.

    Attributes
    ----------
    heartbeat_seconds : float
        Between two beats of a running trial.
    grace_seconds : float
        Without a beat for longer, a trial is abandoned.
    database_wait_seconds : float
        For how long a database that cannot be reached, or a lock that others hold, is waited for.
    standstill_seconds : float, default 10
        A worker that stands still for longer in the middle of a claim loses it (on PostgreSQL).
    """

    heartbeat_seconds: float
    grace_seconds: float
    database_wait_seconds: float
    standstill_seconds: float = STANDSTILL_SECONDS
