"""A scene's ground as the population of a simple random sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE
from lulcseg.scene.scene import Scene


class ReferenceGround:
    """The pixels of a scene with imagery, inside its boundary.

    Args:
        scene: The scene.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    @property
    def grid(self) -> Grid:
        """The scene's grid."""
        return self._scene.grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return 0 where there is imagery, 255 elsewhere, (h, w) uint8."""
        return np.where(self._scene.imagery.read(window)[1], 0, IGNORE).astype(np.uint8)
