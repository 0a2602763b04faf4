"""Walk-forward folds as a splitter of scikit-learn."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, InsufficientDataError
from ..frames import times_of_rows
from .splits import Window, require_increasing, walk_forward_positions


@dataclass(frozen=True, slots=True)
class WalkForwardSplit:
    """Folds that train on the past and validate on what came next, for ``cv=`` of scikit-learn.

    The last ``val_share`` of the rows, cut into ``n_splits`` windows of the same length, is validated, oldest first;
    every fold trains on rows before its window alone.

    Parameters
    ----------
    n_splits : int, default 5
        Folds, at least 2.
    val_share : float, default 0.3
        Share of the rows that all validation windows together cover, above 0 and below 1.
    purge : int, default 0
        Rows between a training and its validation window that belong to neither: the number of steps that the target
        looks ahead.
    window : {"expanding", "rolling"}, default "expanding"
        Whether training begins at the first row in every fold, or moves along with it.

    Raises
    ------
    ConfigError
        Where a value lies outside its bounds.

    Examples
    --------
    >>> for train, val in WalkForwardSplit(n_splits=2, val_share=0.4, purge=1).split(range(10)):
    ...     print(train.tolist(), val.tolist())
    [0, 1, 2, 3, 4] [6, 7]
    [0, 1, 2, 3, 4, 5, 6] [8, 9]
    """

    n_splits: int = 5
    val_share: float = 0.3
    purge: int = 0
    window: Window = "expanding"

    def __post_init__(self) -> None:
        if self.n_splits < 2:
            raise ConfigError(f"must be 2 or more, not {self.n_splits}", "n_splits")
        if not 0 < self.val_share < 1:
            raise ConfigError(f"must be more than 0 and less than 1, not {self.val_share}", "val_share")

    def split(self, X: Sized, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:  # noqa: ANN401, ARG002, N803 - scikit-learn's protocol
        """Yield the row numbers of each fold's training and validation window.

        Parameters
        ----------
        X : array or frame, [T, F]
            One row a step, oldest first. Where it has times (a column ``timestamp``, or times, days or periods as the
            index of anything of pandas) that is checked.
        y : optional
            Its times are checked likewise; nothing else of it is looked at.
        groups : optional
            Not looked at.

        Yields
        ------
        tuple of numpy.ndarray, int

        Raises
        ------
        ConfigError
            Where ``purge`` or ``window`` is impossible.
        DataQualityError
            Where the times do not strictly increase.
        InsufficientDataError
            Where there are too few rows for a validation window in each fold and a training window beside the purge.
        """
        for times in map(times_of_rows, (X, y)):
            if times is not None:
                require_increasing(times)
        n_rows = len(X)
        train_length, val_length = self._lengths(n_rows)
        if not self._fits(n_rows):
            raise InsufficientDataError(
                next(enough for enough in count(n_rows + 1) if self._fits(enough)),
                n_rows,
                purpose=f"a walk-forward of {self.n_splits} folds",
                remedy="give more rows, or ask for fewer folds or a shorter purge",
            )
        positions = walk_forward_positions(
            n_rows, train_length=train_length, val_length=val_length, purge=self.purge, window=self.window
        )
        for fold in positions:
            yield np.arange(fold.train_start, fold.train_stop), np.arange(fold.val_start, fold.val_stop)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ANN401, ARG002, N803
        """Return the number of folds, whatever the data."""
        return self.n_splits

    def _lengths(self, n_rows: int) -> tuple[int, int]:
        val_length = int(n_rows * self.val_share) // self.n_splits
        return n_rows - self.n_splits * val_length, val_length

    def _fits(self, n_rows: int) -> bool:
        train_length, val_length = self._lengths(n_rows)
        return val_length > 0 and train_length > self.purge
