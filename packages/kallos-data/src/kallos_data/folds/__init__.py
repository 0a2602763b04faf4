"""Walk-forward folds of a frame, and their scaled series."""
