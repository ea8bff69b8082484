"""The synthetic landscape: simulated aerial mosaics of farmland on two dates, with the true class of every pixel."""

VERSION = 3
"""Generator version, part of the cache key: increase it whenever the output for a given size and seed changes."""
