"""Optuna's storage made patient and locked; knows nothing of forecasting."""
