"""The synthetic landscape: two dates of farmland from the air, with the truth known everywhere."""

VERSION = 1
"""Raised whenever the same size and seed give other pixels, so that no cached landscape is stale."""
