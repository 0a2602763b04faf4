"""A ridge regression over walk-forward folds, from a database of prices."""

from tempfile import TemporaryDirectory

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kallos_data import (
    calculate_dynamic_wf_kwargs,
    get_walk_forward_splits,
    ingest_frame,
    load_features_from_db,
    simulate_market,
)

FEATURES = ["rsi", "macd_diff", "roc_1", "log_return"]


def main() -> None:
    """Print the error of each fold beside that of a forecast of zero."""
    with TemporaryDirectory() as folder:
        database = {"url": f"sqlite:///{folder}/prices.db"}
        ingest_frame(simulate_market(1200, seed=1), "SIM", database)
        frame = load_features_from_db("SIM", "2022-12-31", database)
    # Tomorrow's return beside what is known today.
    frame = frame.with_columns(tomorrow=frame["log_return"].shift(-1)).drop_nulls([*FEATURES, "tomorrow"])
    # The target looks one step ahead, so the last step of each training window is left out.
    windows = calculate_dynamic_wf_kwargs(frame, target_folds=4, purge=1)
    for train, val in get_walk_forward_splits(frame, **windows):
        model = make_pipeline(StandardScaler(), Ridge(10.0)).fit(train[FEATURES], train["tomorrow"])
        errors = val["tomorrow"].to_numpy() - model.predict(val[FEATURES])
        error, naive = np.sqrt(np.mean(errors**2)), np.sqrt(np.mean(val["tomorrow"].to_numpy() ** 2))
        print(f"{val['timestamp'][0]:%Y-%m-%d} to {val['timestamp'][-1]:%Y-%m-%d}: {error:.5f}, zero {naive:.5f}")


if __name__ == "__main__":
    main()
