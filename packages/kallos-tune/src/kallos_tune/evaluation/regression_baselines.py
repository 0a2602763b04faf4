"""Baselines that learn what the forecasters learn, once, on the training window: ridge regression, boosted trees.

They read the same look-back of the scaled target and the same scaled features, through Darts' regression models. How
strongly they are held back is chosen inside the training window, by splits in the order of time.
"""

from typing import Any, Final, Self

import numpy as np
from darts import TimeSeries
from darts.models import SKLearnModel
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from kallos_data import FoldSeries

from .scoring import Floats

MOST_SAMPLES: Final = 20_000
"""Newest steps of the training window that are learnt from, so that a table of look-backs fits into memory."""
PENALTIES: Final = tuple(10.0**power for power in range(7))
TREES: Final = (10, 30, 100)


class OnWeighted(RegressorMixin, BaseEstimator):
    """A regression on the samples with a weight above 0 alone, so that splits and their scores know only these."""

    def __init__(self, regression: Any) -> None:  # noqa: ANN401 - scikit-learn's estimators have no common type
        self.regression = regression

    def fit(self, X: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:  # noqa: N803
        """Fit the regression to samples ``[N, F]`` and what came of them ``[N]``."""
        kept = slice(None) if sample_weight is None else sample_weight > 0
        self.regression.fit(X[kept].astype(np.float64), y[kept].astype(np.float64))
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:  # noqa: N803
        """Return the regression's forecasts, [N]."""
        return self.regression.predict(X.astype(np.float64))


def ridge_forecasts(fold: FoldSeries, look_back: int) -> Floats:
    """Return the forecasts of a ridge regression, [T_val].

    The penalty is the one of :data:`PENALTIES` with the lowest mean squared error over five splits in the order of
    time. Hoerl, Kennard (1970), "Ridge Regression", Technometrics 12(1).
    """
    splits = TimeSeriesSplit(5, gap=fold.purge)
    return _rolling(RidgeCV(PENALTIES, scoring="neg_mean_squared_error", cv=splits), fold, look_back)


def lightgbm_forecasts(fold: FoldSeries, look_back: int, *, seed: int = 0) -> Floats:
    """Return the forecasts of LightGBM's boosted trees, [T_val]; needs the extra ``kallos-tune[lightgbm]``.

    The number of trees is the one of :data:`TREES` with the lowest mean squared error over three splits in the order
    of time. Ke and others (2017), "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 30.
    """
    from lightgbm import LGBMRegressor  # noqa: PLC0415 - an extra

    # One thread: workers and members of an ensemble may run beside it.
    trees = LGBMRegressor(learning_rate=0.05, num_leaves=15, n_jobs=1, random_state=seed, verbose=-1)
    splits = TimeSeriesSplit(3, gap=fold.purge)
    chosen = GridSearchCV(trees, {"n_estimators": list(TREES)}, scoring="neg_mean_squared_error", cv=splits)
    return _rolling(chosen, fold, look_back)


def _rolling(regression: Any, fold: FoldSeries, look_back: int) -> Floats:  # noqa: ANN401 - as above
    """Fit on the training window, and forecast each validation step from what was known before it."""
    target, covariates = fold.train_series()
    newest = slice(max(0, len(target) - MOST_SAMPLES - look_back - fold.purge), None)
    target, learnt = target[newest], fold.train_observed[newest]
    model = SKLearnModel(
        lags=look_back,
        lags_past_covariates=None if covariates is None else look_back,
        output_chunk_length=1,
        output_chunk_shift=fold.purge,
        model=OnWeighted(regression),
    )
    model.fit(
        target,
        past_covariates=None if covariates is None else covariates[newest],
        sample_weight=TimeSeries.from_times_and_values(target.time_index, learnt.astype(np.float32)[:, None]),
    )
    of_val, val_covariates = fold.val_series(look_back + fold.purge)
    forecasts = model.historical_forecasts(
        of_val,
        past_covariates=val_covariates,
        forecast_horizon=1,
        retrain=False,
        last_points_only=True,
        show_warnings=False,
    )
    assert isinstance(forecasts, TimeSeries)
    return fold.rolling_to_target_unit(forecasts.values(copy=False)[:, 0])
