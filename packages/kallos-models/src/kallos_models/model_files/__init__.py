"""A forecaster in a folder: weights that run no code, a card that says what they are, and a page for people."""
