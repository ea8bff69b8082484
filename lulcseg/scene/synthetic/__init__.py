"""The synthetic landscape: two dates of farmland from the air, with the truth known everywhere."""

VERSION = 2
"""Raised whenever the same size and seed give other files, so that no cached landscape is stale."""
