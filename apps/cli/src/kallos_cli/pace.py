"""How fast a study goes, and when it will be at its end."""

from dataclasses import dataclass, field

_SECONDS_OF_A_MINUTE = 60.0


@dataclass
class Pace:
    """Guesses from how fast trials have been finished since the first of them began.

    Attributes
    ----------
    began : float
        When the study was opened, by whatever clock: models are loaded then.
    n_before, n_trials : int
        Trials that were finished then, and those wanted.
    """

    began: float
    n_before: int
    n_trials: int
    _first: float | None = None
    _ends: float | None = None
    _seconds: list[float] = field(default_factory=list[float])

    def begin(self, now: float) -> None:
        """Take note that a trial begins."""
        if self._first is None:
            self._first = now

    def see(self, seconds: float) -> None:
        """Take note of how long a finished trial of this command took."""
        self._seconds.append(seconds)

    def guess(self, now: float, n_finished: int, under_way: float) -> None:
        """Guess the end anew, where a trial has been finished since it began.

        Parameters
        ----------
        now : float
        n_finished : int
            By whichever process.
        under_way : float
            The shares of running trials that are done, together.
        """
        if n_finished <= self.n_before:
            return
        done = min(float(self.n_trials), n_finished + under_way)
        seconds_each = (now - (self.began if self._first is None else self._first)) / (done - self.n_before)
        self._ends = now + seconds_each * (self.n_trials - done)

    def left(self, now: float) -> float | None:
        """Return the seconds that are left; None while there is nothing to guess from."""
        return None if self._ends is None else max(0.0, self._ends - now)

    def per_minute(self, now: float, n_finished: int) -> float | None:
        """Return how many trials are finished a minute, all processes together; None before the first."""
        seconds = now - (self.began if self._first is None else self._first)
        n_new = n_finished - self.n_before
        return _SECONDS_OF_A_MINUTE * n_new / seconds if n_new > 0 and seconds > 0 else None

    @property
    def seconds_each(self) -> float | None:
        """How long a trial of this command takes, on average; None before the first."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else None
