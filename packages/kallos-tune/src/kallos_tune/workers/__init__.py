"""Processes and Ray tasks that run trials; knows nothing of forecasting."""
