"""Everything about a study that its nine arguments leave open."""

import math
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from kallos_data import FeatureTables

from .errors import ConfigError
from .search_space import SEARCH_SPACE, Space, longest_look_back

Forecast = Literal["rolling", "recursive"]
Metric = Literal["rmse", "mae"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["halving", "none"]
Resume = Literal["same", "force", "never"]
Window = Literal["expanding", "rolling"]
Device = Literal["cpu", "cuda", "mps", "auto"]
Engine = Literal["processes", "ray"]

_CHOICES = {
    "forecast": Forecast,
    "metric": Metric,
    "sampler": Sampler,
    "pruner": Pruner,
    "resume": Resume,
    "window": Window,
    "device": Device,
    "engine": Engine,
}
_LEAST = {
    "target_folds": 2,
    "purge": 0,
    "max_epochs": 1,
    "patience": 1,
    "max_gap": 0,
    "threads": 1,
    "seed": 0,
    "workers": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """Settings of a study; the defaults are what an expert would begin with.

    Parameters
    ----------
    forecast : {"rolling", "recursive"}, default "rolling"
        ``"rolling"``: each validation step is predicted from what was known the step before. ``"recursive"``: the whole
        validation window at once, by autoregression; the model is then given the covariates of the validation window,
        which a real forecast would not have.
    metric : {"rmse", "mae"}, default "rmse"
        Score of a fold, in the target's own unit; the trial's is the mean over its folds.
    target_folds : int, default 5
        Folds wanted; see :func:`kallos_data.calculate_dynamic_wf_kwargs`.
    val_share : float, default 0.3
        Share of the history that the validation windows together cover.
    purge : int, default 0
        Steps that the target looks ahead: as many are dropped from the end of every training window, and as many lie
        between a forecaster's look-back and the step it predicts. Needs ``forecast="rolling"``.
    window : {"expanding", "rolling"}, default "expanding"
        Whether training starts at the first step in every fold or moves along.
    max_epochs, patience : int, defaults 100 and 5
        Longest training, and epochs without improvement of the validation loss after which it ends.
    seed : int, default 0
        Of the sampler and of every training.
    sampler : {"tpe", "random"}, default "tpe"
        Tree-structured Parzen estimator (Bergstra et al. 2011), which begins with the default hyperparameters as far as
        the space contains them, or random search.
    pruner : {"halving", "none"}, default "halving"
        Which trials are given up before their last fold: those that are not among the better half of all that got as
        far, after epochs 2 and 4 of the first fold and after every fold (asynchronous successive halving, Li et al.
        2020), or none.
    resume : {"same", "force", "never"}, default "same"
        What to do with an existing study of the name: go on if it is about the same, go on even if ``max_epochs``,
        ``patience``, ``seed``, ``sampler`` or ``pruner`` differ, or refuse.
    start_date : str, date, datetime or None, default None
        First step of the history, inclusive; None is the first there is.
    tables : FeatureTables, default the tables that ``kallos_data.ingest_file`` fills
        Where the history lies.
    max_gap : int, default 7
        Longest run of missing steps that is filled forward.
    space : mapping of str to optuna distribution, default SEARCH_SPACE
        What is searched.
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
        Where models are trained; ``"auto"`` takes a GPU where torch sees one.
    threads : int, default 1
        torch threads of each worker. Models of this size train fastest on one.
    workers : int, default 1
        Processes that run trials side by side. One is this process (or one Ray task), and repeats exactly for a seed.
    engine : {"processes", "ray"}, default "processes"
        Where workers run: on this machine, or as tasks on an existing Ray cluster (extra ``kallos-tune[ray]``).
    cpus_per_worker, gpus_per_worker : float, defaults 1 and 0
        What Ray reserves for each worker. Several may share a GPU: 0.25 lets four of them.
    ray_address : str or None, default None
        ``"HOST:PORT"`` of the cluster. None is what the environment variable ``RAY_ADDRESS`` says, else the cluster
        that this machine is a node of.
    heartbeat_seconds, grace_seconds : float, defaults 15 and 120
        Between two signs of life of a running trial, and without one after which it is given up and run again.
    database_wait_seconds : float, default 600
        How long a database that is away (restarted, say) is waited for.

    Raises
    ------
    ConfigError
        Where a value is not one of those, or values contradict one another.
    """

    forecast: Forecast = "rolling"
    metric: Metric = "rmse"
    target_folds: int = 5
    val_share: float = 0.3
    purge: int = 0
    window: Window = "expanding"
    max_epochs: int = 100
    patience: int = 5
    seed: int = 0
    sampler: Sampler = "tpe"
    pruner: Pruner = "halving"
    resume: Resume = "same"
    start_date: str | date | datetime | None = None
    tables: FeatureTables = field(default_factory=FeatureTables)
    max_gap: int = 7
    space: Space = field(default_factory=lambda: SEARCH_SPACE)
    device: Device = "cpu"
    threads: int = 1
    workers: int = 1
    engine: Engine = "processes"
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0
    ray_address: str | None = None
    heartbeat_seconds: float = 15.0
    grace_seconds: float = 120.0
    database_wait_seconds: float = 600.0

    def __post_init__(self) -> None:
        for name, choice in _CHOICES.items():
            allowed: tuple[str, ...] = choice.__args__
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be {least} or more, not {getattr(self, name)}")
        if not 0 < self.val_share < 1:
            raise ConfigError(f"val_share must lie between 0 and 1, not {self.val_share}")
        if not 0 < 2 * self.heartbeat_seconds <= self.grace_seconds:
            raise ConfigError(
                f"grace_seconds={self.grace_seconds} must be at least twice heartbeat_seconds={self.heartbeat_seconds}"
            )
        if self.purge and self.forecast == "recursive":
            raise ConfigError(
                "purge needs forecast='rolling': a recursive forecast feeds on targets that the purge says are unknown"
            )
        _check_resources(self)
        longest_look_back(self.space)


def _check_resources(settings: TuningSettings) -> None:
    """Refuse resources that Ray cannot give, or that would lie idle."""
    cpus, gpus = settings.cpus_per_worker, settings.gpus_per_worker
    for name, amount in (("cpus_per_worker", cpus), ("gpus_per_worker", gpus)):
        if not (math.isfinite(amount) and amount >= 0):
            raise ConfigError(f"{name} must be 0 or more, not {amount}")
    if settings.engine != "ray":
        asked = {"cpus_per_worker": cpus != 1, "gpus_per_worker": gpus != 0, "ray_address": settings.ray_address}
        if name := next((name for name, given in asked.items() if given), None):
            raise ConfigError(f"{name} needs engine='ray'")
        return
    if cpus == gpus == 0:
        raise ConfigError(
            "cpus_per_worker and gpus_per_worker are both 0: Ray would place any number of workers at once"
        )
    if gpus > 1 and not float(gpus).is_integer():
        raise ConfigError(f"gpus_per_worker must be a whole number above 1, not {gpus}")
    if settings.device == "cuda" and gpus == 0:
        raise ConfigError("device='cuda' needs gpus_per_worker above 0: Ray hides all other GPUs from a worker")
    if settings.device in ("cpu", "mps") and gpus > 0:
        raise ConfigError(f"gpus_per_worker={gpus:g} needs device='cuda': they would lie idle")
