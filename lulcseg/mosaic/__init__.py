"""Predicts maps of mosaics of any size."""
