"""Whether a study's models beat a naive forecast out of sample: the walk-forward choice, its tests, their wording."""
