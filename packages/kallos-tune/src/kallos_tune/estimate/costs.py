"""From the configurations that were timed to all others, fold by fold."""

from collections.abc import Mapping, Sequence

import numpy as np

from kallos_models import Hyperparameters

from ..evaluation.scoring import Floats
from ..study_data import StudyData
from .configurations import Params, cost_index
from .epochs import log_median
from .simulation import Costs
from .timing import Timing

_DEFAULTS = Hyperparameters()
# With the weights of the best epoch, and with those of the epoch chosen before.
_FORECASTS = 2


def costs_of(
    pool: Sequence[Params], timings: Sequence[Timing], configurations: Mapping[str, Params], data: StudyData
) -> Costs:
    """Return what the configurations of a pool cost on every fold of a study.

    The logarithms of what was timed are interpolated along :func:`kallos_tune.estimate.configurations.cost_index`.

    Parameters
    ----------
    pool : sequence of mapping
    timings : sequence of Timing
        At least one.
    configurations : mapping of str to mapping
        Those that were timed, by name.
    data : StudyData
    """
    place = np.array([cost_index(params) for params in pool])
    known = np.array([cost_index(configurations[each.name]) for each in timings])
    batch = np.array([params.get("batch_size", _DEFAULTS.batch_size) for params in pool], dtype=np.float64)
    rate = np.array([params.get("learning_rate", _DEFAULTS.learning_rate) for params in pool], dtype=np.float64)
    look_back = np.array([params["input_chunk_length"] for params in pool], dtype=np.float64)

    def along(values: Sequence[float]) -> Floats:
        order = np.argsort(known)
        logs = np.log(np.maximum(np.array(values)[order], 1e-9))
        return np.exp(np.interp(place, known[order], logs))

    # Of an epoch what is timed is a step; per sample it can be compared between sizes of batches.
    sample = along([each.step / _batch(configurations[each.name]) for each in timings])
    validation, forecast = along([each.validation for each in timings]), along([each.forecast for each in timings])
    overhead = along([each.overhead for each in timings])
    n_train = np.array([len(train) for train, _ in data.splits], dtype=np.float64)
    n_val = np.array([len(val) for _, val in data.splits], dtype=np.float64)
    samples = np.maximum(1.0, n_train[None, :] - look_back[:, None] - data.settings.folds.purge)
    batches = np.ceil(samples / batch[:, None])
    return Costs(
        epoch=samples * sample[:, None] + n_val[None, :] * validation[:, None],
        fixed=overhead[:, None] + _FORECASTS * n_val[None, :] * forecast[:, None],
        log_best=log_median(rate[:, None], batches),
    )


def _batch(params: Params) -> float:
    return float(params.get("batch_size", _DEFAULTS.batch_size))
