"""Forecasts in a table of the database, one row for each model, asset and time."""
