"""Checks of a scene before training: imagery, labels and reference points."""
