"""How fast a study goes, and when it will be at its end."""

from dataclasses import dataclass

_SECONDS_OF_A_MINUTE = 60.0
# Before, how fast the first ones were says little of the others.
_FEWEST = 3


@dataclass
class Pace:
    """Guesses from how fast trials have been finished since the first of them began.

    Nothing is guessed before three of them are: one that was pruned early, or a slow first one, says little.

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
    _seconds_each: float | None = None

    def begin(self, now: float) -> None:
        """Take note that a trial begins."""
        if self._first is None:
            self._first = now

    def guess(self, now: float, n_finished: int, under_way: float) -> None:
        """Guess pace and end anew, where enough trials have been finished since it began.

        Parameters
        ----------
        now : float
        n_finished : int
            By whichever process.
        under_way : float
            The shares of running trials that are done, together.
        """
        if n_finished - self.n_before < min(_FEWEST, self.n_trials - self.n_before):
            return
        done = min(float(self.n_trials), n_finished + under_way)
        seconds = now - (self.began if self._first is None else self._first)
        if done <= self.n_before or seconds <= 0:
            return
        self._seconds_each = seconds / (done - self.n_before)
        self._ends = now + self._seconds_each * (self.n_trials - done)

    def left(self, now: float) -> float | None:
        """Return the seconds that are left; None while there is nothing to guess from."""
        return None if self._ends is None else max(0.0, self._ends - now)

    @property
    def per_minute(self) -> float | None:
        """How many trials a minute, of all processes, as :meth:`left` has it; None before."""
        return None if self._seconds_each is None else _SECONDS_OF_A_MINUTE / self._seconds_each
