"""A map read at the size of its picture: painted pixels, legend with shares or colour ramp, and a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling

from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.areas import class_pixels
from lulcseg.maps.classraster import ClassRaster, open_raster
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.pictures.class_map import ClassMap, read_tags
from lulcseg.pictures.painting import draw_chequers, enlarge, paint_classes
from lulcseg.pictures.sheet import NO_CLASS, Key, format_share
from lulcseg.scene.file_names import FileName
from lulcseg.scene.raster_headers import read_header

_RAMP = "viridis"
_RAMP_ENDS = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Values at which the colour ramp may end; chosen is the least that at most a hundredth of the pixels exceed."""

_MOST_COUNTED = 250_000_000
"""Pixels of a map up to which all are counted, strip by strip; of larger maps those of the picture are counted."""


@dataclass(frozen=True)
class MapContent:
    """A map read at the size of its picture.

    Attributes:
        title: Its file name.
        tags: The file's metadata.
        grid: Its pixel grid.
        pixels: (h, w, 3) uint8.
        keys: Legend of its classes; empty for a map of values.
        ramp: Name of the values that the colour ramp displays; None for a map of classes.
        note: What the figures refer to.
        top: Value at which the colour ramp ends.
    """

    title: str
    tags: dict[str, str]
    grid: Grid
    pixels: NDArray[np.uint8]
    keys: list[Key]
    ramp: str | None
    note: str
    top: float = 1.0


@dataclass(frozen=True)
class _PictureSize:
    """Size at which a raster is pictured: read at (height, width), then enlarged by a whole factor."""

    height: int
    width: int
    factor: int

    @classmethod
    def within(cls, grid: Grid, max_height: int, max_width: int) -> _PictureSize:
        if grid.height <= max_height and grid.width <= max_width:
            return cls(grid.height, grid.width, min(max_height // grid.height, max_width // grid.width))
        scale = max(grid.height / max_height, grid.width / max_width)
        return cls(max(1, round(grid.height / scale)), max(1, round(grid.width / scale)), 1)


def read_classes(path: FileName, fallback: Legend | None, max_height: int, max_width: int) -> MapContent:
    """Read a map of classes; a pixel of a reduced picture is the commonest class of its ground.

    Args:
        path: The map; read through its overviews, if it has any.
        fallback: Legend used if the map carries none.
        max_height: Maximum height of the picture, in pixels.
        max_width: Maximum width, in pixels.

    Raises:
        LulcsegError: The map can't be read, has no legend, or has a code that the legend lacks.
    """
    found = ClassMap.open(path, fallback)
    size = _PictureSize.within(found.grid, max_height, max_width)
    with ClassRaster(path, found.legend) as raster:
        index = raster.overview(size.height, size.width)
    total = found.grid.height * found.grid.width
    if total <= _MOST_COUNTED:
        counts, note = class_pixels(path, found.legend), "Shares of the ground that is mapped"
    else:
        counts, total = np.bincount(index.ravel(), minlength=256)[: len(found.legend)], index.size
        note = "Shares of the mapped ground in this picture, whose pixels are the commonest class of their ground"
    mapped = int(counts.sum())
    note += f"; {format_share(total - mapped, total)} of the extent has no class." if mapped < total else "."
    keys = [Key(c.colour, c.name, format_share(n, mapped)) for c, n in zip(found.legend, counts.tolist(), strict=True)]
    keys += [Key(None, NO_CLASS)] if mapped < total else []
    pixels = paint_classes(enlarge(index, size.factor), found.legend.classes)
    return MapContent(path.name, found.tags, found.grid, pixels, keys, None, note)


def read_values(path: FileName, max_height: int, max_width: int) -> MapContent:
    """Read a map of values 0…1 in steps of 1/250, such as confidence; a pixel of a reduced picture is their mean.

    Args:
        path: The map; read through its overviews, if it has any.
        max_height: Maximum height of the picture, in pixels.
        max_width: Maximum width, in pixels.

    Raises:
        LulcsegError: The map can't be read.
    """
    grid = read_header(path).grid
    with open_raster(path) as data:
        name = data.descriptions[0] or path.stem
        size = _PictureSize.within(grid, max_height, max_width)
        steps = data.read(1, out_shape=(size.height, size.width), resampling=Resampling.average)
    known = steps != IGNORE
    highest = np.percentile(steps[known], 99) / SHARE_STEPS if known.any() else 1.0
    end = min(value for value in _RAMP_ENDS if value >= min(highest, 1.0))
    pixels = enlarge(ramp_colours(np.arange(256) / (SHARE_STEPS * end))[steps], size.factor)
    draw_chequers(pixels, enlarge(~known, size.factor))
    note = "There is no value anywhere."
    if known.any():
        low, high = np.percentile(steps[known], (5, 95)) / SHARE_STEPS
        mean = steps[known].mean() / SHARE_STEPS
        digits = 2 if end == 1.0 else 3
        spread = f"from {low:.{digits}f} to {high:.{digits}f} on nine tenths of the ground that has values"
        note = f"Mean {mean:.{digits}f}; {spread}."
    if not known.all():
        note += f" {format_share(int((~known).sum()), known.size)} of the picture has none."
    return MapContent(path.name, read_tags(path), grid, pixels, [], name, note, end)


def ramp_colours(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colours of shares of the ramp, (n, 3) uint8; beyond its end the last colour."""
    colours: NDArray[np.float64] = mpl.colormaps[_RAMP](np.minimum(shares, 1.0))[:, :3]
    return np.rint(colours * 255).astype(np.uint8)
