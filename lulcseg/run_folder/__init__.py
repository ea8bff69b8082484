"""A run's folder: its paths, its record, and the processes that create and join it."""
