"""What becomes of the trial of a worker that died."""

import logging
from typing import Final

from ..claims.claims import Claims
from ..errors import DatabaseUnavailableError, LockTimeoutError

logger = logging.getLogger(__name__)

# While it lasts, nobody listens to the other workers.
_ABANDONING_SECONDS: Final = 3.0


def abandon_trial_of(claims: Claims, pid: int) -> None:
    """Abandon what a dead worker was running, so that nobody waits for it to have been silent for long."""
    try:
        claims.abandon_worker(pid, limit_seconds=_ABANDONING_SECONDS)
    except (DatabaseUnavailableError, LockTimeoutError) as error:
        logger.warning("the trial of a dead worker will be abandoned later: %s", error)
