"""Clark and West's test of whether there is a signal that the naive forecast misses."""

from .evidence import Floats
from .mean_test import MeanTest, mean_above_zero


def clark_west_terms(actual: Floats, forecast: Floats, naive: Floats) -> Floats:
    """Return what each step ``[T]`` says for the forecast.

    ``e₀² - (e₁² - (f₀ - f₁)²)`` with the errors e₀ and e₁ of the naive and the model's forecast, f₀ and f₁. That is
    ``2 e₀ (f₁ - f₀)``: where the naive forecast was too low, did the model forecast more?
    """
    return 2 * (actual - naive) * (forecast - naive)


def clark_west_test(actual: Floats, forecast: Floats, naive: Floats, *, horizon: int = 1) -> MeanTest:
    """Test one-sidedly whether a model knows something that the naive forecast, which it contains, does not.

    Where nothing can be foreseen, a model that was fitted has the larger squared error, since it forecasts noise; the
    test takes out what that costs on average. It therefore finds weak signals, and also ones that a forecast
    overstates so far that its errors are larger than the naive one's: whether they are smaller is the skill's matter.
    Clark, West (2007), "Approximately normal tests for equal predictive accuracy in nested models", Journal of
    Econometrics 138(1); with Student's distribution where they have the normal one, which many steps make the same.

    Parameters
    ----------
    actual, forecast, naive : numpy.ndarray, float64, [T]
        Forecasts that look ``horizon`` steps ahead, step after step. Not those of one recursive forecast, whose errors
        hang together over its whole window.
    horizon : int, default 1
    """
    return mean_above_zero(clark_west_terms(actual, forecast, naive), horizon)
