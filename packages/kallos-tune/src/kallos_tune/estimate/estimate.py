"""How long a study will take and how much memory, before it is started."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from ..errors import ConfigError
from ..search_space import defaults_in
from ..settings import TuningSettings
from ..study_data import StudyData
from .configurations import Params, corners, drawn
from .costs import costs_of
from .crew import share_of_core, time_by_workers
from .ranges import seconds_of_study
from .simulation import Costs, Game, Range
from .timing import Timing

_CONFIGURATIONS: Final = 300
# What a trial costs beside its folds (claimed, drawn, told), and what a fold stores.
_TRIAL_SECONDS, _FOLD_SECONDS = 0.15, 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEstimate:
    """What a study will take, as far as that can be told.

    Attributes
    ----------
    n_trials : int
        Trials that it is of: those that are missing.
    workers : int
        Processes that run them.
    pruned, unpruned : (float, float, float)
        Seconds from the start of the study to its end, the least, the median and the most: with trials pruned by
        successive halving, and with every trial run on every fold.
    startup_seconds : float
        How much of that passes before the first trial begins.
    share : float
        The share of its core that a worker got while it was timed: well below 1 where the machine is busy with other
        things, and the ranges are wide.
    memory : (int, int) or None
        Bytes of all workers together, from - to; None where nothing was timed.
    timings : tuple of Timing
        The configurations timed: the median of all workers.
    untimed : mapping of str to str
        Configurations that cannot be trained, with the reason: such trials will fail.
    configurations : mapping of str to mapping
        The hyperparameters of both.
    """

    n_trials: int
    workers: int
    pruned: Range = (0.0, 0.0, 0.0)
    unpruned: Range = (0.0, 0.0, 0.0)
    startup_seconds: float = 0.0
    share: float = 1.0
    memory: tuple[int, int] | None = None
    timings: tuple[Timing, ...] = ()
    untimed: Mapping[str, str] = field(default_factory=dict[str, str])
    configurations: Mapping[str, Params] = field(default_factory=dict[str, Params])

    def to_dict(self) -> dict[str, Any]:
        """Return everything in JSON's own types."""
        return asdict(self)


def estimate_study(data: StudyData, model_name: str, n_trials: int, *, n_finished: int = 0) -> StudyEstimate:
    """Estimate what it takes to run so many trials, by timing a few training batches of three configurations.

    The smallest, a middle and the largest configuration of the search space are timed on the last fold, by as many
    workers at the same time as the study will have (or as many as it has trials), for a few batches and a validation
    pass each. Then studies that might be are played through, and the estimate is from where to where 96 % of their
    durations lie, and the median of them. Assumed is that

    - between the configurations timed, the cost of an epoch follows their sizes
      (:mod:`kallos_tune.estimate.configurations`);
    - the epochs until a training is stopped early are spread as those of studies of simulated markets and of BTC/USDT
      (:mod:`kallos_tune.estimate.epochs`);
    - at each rung, half of the trials that get there go on, the worth of a trial being much the same at all rungs
      (:mod:`kallos_tune.estimate.simulation`);
    - nothing fails and no other process takes part; the machine goes on as it is now, give or take a third, and more
      where it was busy with other things while it was timed.

    Nothing is written, and no study need exist.

    Parameters
    ----------
    data : StudyData
        From :func:`kallos_tune.load_study_data`, settings included.
    model_name : str
        One of :func:`kallos_models.available_models`.
    n_trials : int
        Trials to run; with 0 nothing is timed.
    n_finished : int, default 0
        Trials that the study has already, by which those to come are pruned.

    Returns
    -------
    StudyEstimate

    Raises
    ------
    ConfigError
        Where the study would run on Ray, whose nodes cannot be timed from here, a number of trials is negative, or none
        of the three configurations can be trained.
    WorkerError
        Where a worker is killed, for want of memory say.
    """
    settings = data.settings
    for name, number in {"n_trials": n_trials, "n_finished": n_finished}.items():
        if number < 0:
            raise ConfigError(f"must be 0 or more, not {number}", name)
    if settings.run.engine == "ray":
        raise ConfigError("is ray: how fast the nodes of a cluster are cannot be timed from here", "engine")
    workers = min(settings.run.workers, n_trials)
    if not workers:
        return StudyEstimate(n_trials=0, workers=0)
    configurations = corners(settings.search.space, model_name)
    timed = time_by_workers(data, model_name, configurations, workers)
    if not timed.medians:
        reasons = "; ".join(sorted(set(timed.untimed.values())))
        raise ConfigError(f"has no configuration among the smallest, middle and largest that can be trained: {reasons}")
    rng = np.random.default_rng(settings.training.seed)
    guided = settings.search.sampler == "tpe"
    pool = drawn(settings.search.space, _CONFIGURATIONS, rng)
    if guided:
        pool[0] = {**pool[0], **defaults_in(settings.search.space, model_name)}
    costs = costs_of(pool, timed.medians, configurations, data)
    share = share_of_core(timed.medians, workers * settings.run.threads)
    both = {
        pruning: seconds_of_study(
            _game(settings, costs, workers, n_trials, n_finished, pruning=pruning), timed.startup, share, rng
        )
        for pruning in (True, False)
    }
    return StudyEstimate(
        n_trials=n_trials,
        workers=workers,
        pruned=both[True],
        unpruned=both[False],
        startup_seconds=timed.startup,
        share=share,
        memory=(workers * timed.medians[0].memory, workers * max(each.memory for each in timed.medians)),
        timings=tuple(timed.medians),
        untimed=timed.untimed,
        configurations=configurations,
    )


def _game(
    settings: TuningSettings, costs: Costs, workers: int, n_trials: int, n_finished: int, *, pruning: bool
) -> Game:
    guided = settings.search.sampler == "tpe"
    return Game(
        costs=costs,
        n_trials=n_trials,
        n_before=n_finished,
        workers=workers,
        max_epochs=settings.training.max_epochs,
        patience=settings.training.patience,
        pruning=pruning,
        early_rungs=settings.folds.forecast == "rolling",
        guided=guided,
        begins_with_first=guided,
        seconds_a_trial=_TRIAL_SECONDS,
        seconds_a_fold=_FOLD_SECONDS,
    )
