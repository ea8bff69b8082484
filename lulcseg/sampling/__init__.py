"""Sampling: which patches of ground a model is trained on, as a saved plan."""
