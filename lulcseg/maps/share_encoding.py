"""How shares from 0 to 1 (probabilities, confidence, entropy, disagreement) are stored in rasters of bytes."""

from __future__ import annotations

SHARE_STEPS = 250
"""Stored value of a share of 1: a step is 0.4 %. Higher values hold no share, 255 is nodata."""

SHARE_SCALE = 1 / SHARE_STEPS
"""Share of one stored step: the scale of the rasters' bands."""
