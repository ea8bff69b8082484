"""Sampling: which patches of ground a model is trained on, as a plan that is saved with the run."""
