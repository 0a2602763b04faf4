"""Diebold and Mariano's test of whether the errors are smaller, however that came about."""

from scipy.special import stdtr

from ..score_names import Metric
from .accuracy import losses_of
from .evidence import Floats
from .mean_test import MeanTest, mean_above_zero


def diebold_mariano_test(
    actual: Floats, forecast: Floats, naive: Floats, *, metric: Metric, horizon: int = 1
) -> MeanTest:
    """Test one-sidedly whether a model's losses are smaller than the naive forecast's.

    Against a naive forecast that the model contains it says yes too rarely: it is shown beside
    :func:`clark_west_test` and decides nothing. statsmodels' test with Bartlett weights over ``horizon - 1`` lags and
    the correction for small samples: Diebold, Mariano (1995), "Comparing Predictive Accuracy", Journal of Business &
    Economic Statistics 13(3); Harvey, Leybourne, Newbold (1997), International Journal of Forecasting 13(2).

    Parameters
    ----------
    actual, forecast, naive : numpy.ndarray, float64, [T]
    metric : {"rmse", "mae"}
        Whose losses are compared: squared or absolute errors.
    horizon : int, default 1
    """
    gains = losses_of(metric, actual, naive) - losses_of(metric, actual, forecast)
    ours = mean_above_zero(gains, horizon)
    if ours.statistic is None or not gains.any():
        return ours  # no variance to divide by
    from statsmodels.tsa.stattools import diebold_mariano_test as two_sided  # noqa: PLC0415 - takes a second

    criterion = "mse" if metric == "rmse" else "mae"
    result = two_sided(actual, naive, forecast, criterion=criterion, lags=horizon - 1, harvey_adj=True, horizon=horizon)
    statistic = float(result.statistic)
    return MeanTest(statistic, float(stdtr(len(gains) - 1, -statistic)))
