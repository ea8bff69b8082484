"""Class indices as pictures, in the colours of their legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster

_CHEQUER_SIDE = 8
_CHEQUER_GREYS = (255, 234)
"""Side in pixels and greys of the chequers drawn where there is no class."""


def paint_classes(index: NDArray[np.uint8], classes: Sequence[LandClass]) -> NDArray[np.uint8]:
    """Paint classes in their colours; pixels without a class are chequered.

    Args:
        index: (h, w) places in ``classes``, 255 where there is no class.
        classes: At most 255.

    Returns:
        (h, w, 3) uint8.

    Example:
        >>> paint_classes(np.array([[0, 1]], dtype=np.uint8),
        ...               [LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333")]).tolist()
        [[[0, 255, 0], [51, 51, 51]]]
    """
    table = np.full((256, 3), 255, dtype=np.uint8)
    table[: len(classes)] = [parse_colour(c.colour) for c in classes]
    picture = table[index]
    draw_chequers(picture, index == IGNORE)
    return picture


def class_picture(index: NDArray[np.uint8], legend: Legend) -> Image.Image:
    """Return class indices as a picture whose palette is the legend's colours.

    Args:
        index: (h, w) uint8 class indices; 255 is transparent.
        legend: The classes.

    Returns:
        A palette image; its pixels are the indices.
    """
    picture = Image.fromarray(index, mode="P")
    palette = np.full((256, 3), 255, dtype=np.uint8)
    palette[: len(legend)] = legend.colours
    picture.putpalette(palette.tobytes())
    picture.info["transparency"] = IGNORE
    return picture


def map_picture(path: Path, legend: Legend, height: int, width: int) -> Image.Image:
    """Return a map file as a palette picture of a given size in pixels, read from its overviews if it has any.

    Raises:
        LulcsegError: The map can't be read, or has a code that the legend lacks.
    """
    with ClassRaster(path, legend) as raster:
        return class_picture(raster.overview(height, width), legend)


def parse_colour(colour: str) -> list[int]:
    """Return red, green and blue of ``#rrggbb``.

    Example:
        >>> parse_colour("#d81b60")
        [216, 27, 96]
    """
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def draw_chequers(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    """Draw chequers over some pixels of a picture, in place.

    Args:
        picture: (h, w, 3) uint8.
        where: (h, w) bool.
    """
    down, across = (np.arange(n) // _CHEQUER_SIDE % 2 == 1 for n in where.shape)
    for grey, chosen in zip(_CHEQUER_GREYS, (down[:, None] == across, down[:, None] != across), strict=True):
        picture[where & chosen] = grey


def enlarge[T: np.generic](pixels: NDArray[T], factor: int) -> NDArray[T]:
    """Return (h, w, …) pixels, each repeated as a square of ``factor`` × ``factor``.

    Example:
        >>> enlarge(np.array([[1, 2]]), 2).tolist()
        [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
