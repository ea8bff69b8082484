"""Patches: from a plan to batches on the device."""
