"""Patches anywhere on a mosaic, wherever there is enough imagery: no labels are needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lulcseg.grid import Window
from lulcseg.scene.scene import Scene

LEAST_VALID = 0.5
"""Least share of a patch's pixels with imagery."""

_ROUNDS = 16


def draw_anywhere(scene: Scene, side: int, number: int, rng: np.random.Generator) -> Iterator[Window]:
    """Draw patches on a mosaic, each place with the same chance, in rounds of a number of places.

    Args:
        scene: The scene.
        side: Of a patch, in pixels.
        number: Places of a round; there are 16 rounds at most, each of which leaves out places without imagery.
        rng: Of the draw.

    Yields:
        Patches, some perhaps more than once; fewer than ``number`` in all, or none, where there is little imagery.
    """
    high, wide = scene.grid.height - side + 1, scene.grid.width - side + 1
    for _ in range(_ROUNDS if min(high, wide) > 0 else 0):
        rows, cols = (rng.integers(0, places, number) for places in (high, wide))
        enough = scene.valid_share(rows, cols, side) >= LEAST_VALID
        for row, col in zip(rows[enough].tolist(), cols[enough].tolist(), strict=True):
            yield Window(row, col, side, side)
