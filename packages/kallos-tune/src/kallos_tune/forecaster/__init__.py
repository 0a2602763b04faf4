"""What becomes of a study's parameters: trials run again, models trained, judged and used for forecasts."""
