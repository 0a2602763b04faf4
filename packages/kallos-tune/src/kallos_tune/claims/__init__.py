"""Who runs which trial; knows nothing of forecasting."""
