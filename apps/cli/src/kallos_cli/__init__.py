"""The command line of Kallos. Nothing imports it but its own console script."""
