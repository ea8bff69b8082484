"""Losses: one module each, named in :data:`lulcseg.settings.loss.LOSSES`."""
