"""Everything about a study that its nine arguments leave open, in five parts.

========== ================================ ==========================================
part       class                            decides
========== ================================ ==========================================
history    :class:`HistorySettings`         what is read
folds      :class:`FoldSettings`            how it is cut, forecast and scored
training   kallos_models.TrainingSettings   how a model is trained
search     :class:`SearchSettings`          which hyperparameters are tried, and how far
run        :class:`RunSettings`             by whom, and what happens when something fails
========== ================================ ==========================================

Each field's default, bounds and one-line meaning stand here or in :mod:`kallos_models.settings` and nowhere else: the
command line reads them from the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

from kallos_data import FeatureTables, TargetTransformChoice
from kallos_models import TrainingSettings, check_settings, document_settings, setting

from .errors import ConfigError
from .score_names import Metric, ScoreName, judged_metric_of, score_name_of

if TYPE_CHECKING:
    from .search_space import Space
else:
    # What a space is made of is Optuna's, which the command line's help spares.
    Space = Mapping

Forecast = Literal["rolling", "recursive"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["halving", "none"]
Resume = Literal["same", "force", "never"]
Window = Literal["expanding", "rolling"]
Engine = Literal["processes", "ray"]


def _searched_by_default() -> Space:
    from .search_space import SEARCH_SPACE  # noqa: PLC0415 - imports Optuna

    return SEARCH_SPACE


@document_settings
@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """What is read of an asset.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or lies outside its bounds; so do the other parts.
    kallos_data.ConfigError
        Where the frequency is no step.
    """

    start_date: str | date | datetime | None = setting(
        None, "First step of the history, ISO 8601 in UTC, inclusive; by default the first there is."
    )
    tables: FeatureTables = setting(FeatureTables(), "Tables that the history lies in.")
    max_gap: int = setting(7, "Longest run of missing steps that is filled forward; a longer one is an error.", least=0)
    frequency: str = setting(
        "auto",
        "Step from bar to bar: 15min, 1h, 4h, 1d, 1w, or B for working days; auto takes the most common one, and "
        "working days where week-ends never have a bar.",
    )

    def __post_init__(self) -> None:
        check_settings(self, error=ConfigError)
        if self.frequency != "auto":
            from kallos_data import Step  # noqa: PLC0415 - imports polars, which the command line's help spares

            Step.of(self.frequency)


@document_settings
@dataclass(frozen=True, slots=True, kw_only=True)
class FoldSettings:
    """How a history is cut into folds, and how each is forecast and scored.

    With a ``purge`` of k steps, as many are dropped from the end of every training window, and as many lie between a
    forecaster's look-back and the step it predicts. A recursive forecast is given the covariates of the validation
    window, which a real forecast would not have.
    """

    target_folds: int = setting(5, "Walk-forward folds; fewer where the history is short.", least=2)
    val_share: float = setting(
        0.3, "Share of the history that the validation windows together cover.", above=0, below=1
    )
    purge: int = setting(
        0, "Steps that the target looks ahead: as many are dropped from the end of every training window.", least=0
    )
    window: Window = setting(
        "expanding", "Whether training starts at the first step in every fold, or moves along with it."
    )
    forecast: Forecast = setting(
        "rolling", "Each step from what was known the step before, or the whole window at once by autoregression."
    )
    target_transform: TargetTransformChoice = setting(
        "auto",
        "What is learnt of the target: its values, its change or its log change since the last value known; forecasts "
        "are put back into the target. auto learns the (log) change of what moves like a random walk, else the values.",
    )
    metric: Metric = setting(
        "rmse",
        "Error of a fold, in the target's own unit; a trial's score is the mean over folds. Of quantiles the score is "
        "the pinball loss, whatever the metric.",
    )

    def __post_init__(self) -> None:
        check_settings(self, error=ConfigError)
        if self.purge and self.forecast == "recursive":
            raise ConfigError(
                "needs rolling forecasts: a recursive forecast feeds on targets that the purge says are unknown",
                "purge",
            )


@document_settings
@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """Which hyperparameters are tried, and which trials are pruned.

    ``"tpe"`` is the tree-structured Parzen estimator (Bergstra et al. 2011), which begins with the default
    hyperparameters as far as the space contains them. ``"halving"`` is asynchronous successive halving (Li et al.
    2020): it prunes what is not among the better half of all trials that got as far, after epochs 2 and 4 of the first
    fold and after every fold.
    """

    sampler: Sampler = setting(
        "tpe", "How parameters are chosen: by a Parzen estimator that learns from earlier trials, or at random."
    )
    pruner: Pruner = setting(
        "halving",
        "Which trials are pruned before their last fold: those not among the better half of all that got as far, early "
        "in the first fold and after each; or none.",
    )
    space: Space = setting(default_factory=_searched_by_default, meaning="Hyperparameters searched, and their ranges.")

    def __post_init__(self) -> None:
        from .search_space import longest_look_back  # noqa: PLC0415 - imports Optuna

        check_settings(self, error=ConfigError)
        longest_look_back(self.space)


@document_settings
@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Who runs the trials, and what happens when something fails.

    One worker is this process (or one Ray task), and repeats a study exactly for a seed. ``cpus_per_worker``,
    ``gpus_per_worker`` and ``ray_address`` are for Ray alone. A trial whose worker gives no sign of life for
    ``grace_seconds`` is abandoned and its parameters run again.
    """

    resume: Resume = setting(
        "same",
        "Resume an existing study only if nothing that defines it differs; with force also if epochs, patience, seed, "
        "sampler or pruner do; or never.",
    )
    workers: int = setting(1, "Processes that run trials side by side, each with its own threads.", least=1)
    threads: int = setting(1, "Threads of each worker; models of this size train fastest on one.", least=1)
    engine: Engine = setting(
        "processes",
        "Where workers run: on this machine, or as tasks on an existing Ray cluster (needs kallos-tune[ray]).",
    )
    cpus_per_worker: float = setting(1.0, "CPUs that Ray reserves for each worker, fractions allowed.", least=0)
    gpus_per_worker: float = setting(
        0.0, "GPUs that Ray reserves for each worker; with 0.25, four share one. Goes with CUDA.", least=0
    )
    ray_address: str | None = setting(
        None,
        "The Ray cluster, HOST:PORT; where left out, what the environment variable RAY_ADDRESS says, else the one this "
        "machine belongs to.",
    )
    heartbeat_seconds: float = setting(15.0, "Seconds between two signs of life of a running trial.", above=0)
    grace_seconds: float = setting(
        120.0, "Seconds without a sign of life after which a trial is abandoned and its parameters run again.", above=0
    )
    database_wait_seconds: float = setting(
        600.0, "Seconds to wait for a database that cannot be reached, or for a lock on it.", least=0
    )

    def __post_init__(self) -> None:
        check_settings(self, error=ConfigError)
        if self.grace_seconds < 2 * self.heartbeat_seconds:
            raise ConfigError(
                f"must be at least two heartbeats, {2 * self.heartbeat_seconds:g} s, not {self.grace_seconds:g}",
                "grace_seconds",
            )
        if self.engine == "ray":
            self._check_resources()
            return
        asked = {
            "cpus_per_worker": self.cpus_per_worker != 1,
            "gpus_per_worker": self.gpus_per_worker != 0,
            "ray_address": self.ray_address is not None,
        }
        if name := next((name for name, given in asked.items() if given), None):
            raise ConfigError("is for workers on Ray: choose the engine ray, or leave it out", name)

    def _check_resources(self) -> None:
        """Refuse what Ray cannot reserve."""
        if self.cpus_per_worker == self.gpus_per_worker == 0:
            raise ConfigError(
                "is 0 and so are the GPUs of a worker: Ray would place any number of workers at once", "cpus_per_worker"
            )
        if self.gpus_per_worker > 1 and not float(self.gpus_per_worker).is_integer():
            raise ConfigError(f"must be a whole number above 1, not {self.gpus_per_worker:g}", "gpus_per_worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """Settings of a study; the defaults are what an expert would begin with.

    Parameters
    ----------
    history : HistorySettings, optional
    folds : FoldSettings, optional
    training : kallos_models.TrainingSettings, optional
        Its seed is also the sampler's.
    search : SearchSettings, optional
    run : RunSettings, optional

    Raises
    ------
    ConfigError
        Where values of several parts contradict one another.

    Examples
    --------
    >>> TuningSettings.of(max_epochs=20, target_folds=3) == TuningSettings(
    ...     training=TrainingSettings(max_epochs=20), folds=FoldSettings(target_folds=3)
    ... )
    True
    """

    history: HistorySettings = field(default_factory=HistorySettings)
    folds: FoldSettings = field(default_factory=FoldSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        if self.training.likelihood == "quantile" and self.folds.forecast == "recursive":
            raise ConfigError(
                "needs rolling forecasts: a recursive forecast feeds on its own medians, and how far its later steps "
                "spread is in none of its quantiles; choose rolling, or no quantiles",
                "likelihood",
            )
        if self.run.engine != "ray":
            return
        device, gpus = self.training.device, self.run.gpus_per_worker
        if device == "cuda" and gpus == 0:
            raise ConfigError("must be above 0 for CUDA: Ray hides all other GPUs from a worker", "gpus_per_worker")
        if device in ("cpu", "mps") and gpus > 0:
            raise ConfigError(f"is {gpus:g} and models train on {device}: the GPUs would lie idle", "gpus_per_worker")

    @property
    def score_name(self) -> ScoreName:
        """What a trial's score is: the metric, or the pinball loss of quantiles."""
        return score_name_of(self.folds.metric, self.training.likelihood)

    @property
    def judged_metric(self) -> Metric:
        """What verdicts measure skill by; see :func:`kallos_tune.score_names.judged_metric_of`."""
        return judged_metric_of(self.folds.metric, self.training.likelihood)

    @classmethod
    def of(cls, **values: Any) -> Self:  # noqa: ANN401 - each part checks its own
        """Return settings from values by name, whichever part each belongs to.

        Raises
        ------
        ConfigError
            Where no part has a setting of that name, or a value is impossible.
        kallos_models.ConfigError
            Where a value of the training is.
        """
        return cls().changed(**values)

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - each part checks its own
        """Return the same settings with some values replaced, whichever part each belongs to.

        Raises
        ------
        ConfigError, kallos_models.ConfigError
            As in :meth:`of`.
        """
        of_part: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if name not in parts_of_settings():
                raise ConfigError(f"{name!r} is not a setting: there are {', '.join(parts_of_settings())}")
            of_part.setdefault(parts_of_settings()[name], {})[name] = value
        return replace(self, **{part: replace(getattr(self, part), **new) for part, new in of_part.items()})


PARTS: Mapping[str, type] = {
    "history": HistorySettings,
    "folds": FoldSettings,
    "training": TrainingSettings,
    "search": SearchSettings,
    "run": RunSettings,
}


@cache
def parts_of_settings() -> Mapping[str, str]:
    """Return the name of the part that each setting belongs to."""
    return {each.name: part for part, cls in PARTS.items() for each in fields(cls)}
