"""Small maps on disk, and where a picture holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend
from tests.conftest import CRS, LEFT, RES, TOP, write_raster
from tests.support.runs import write_map

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#c0c0f0")))


def map_of(path: Path, index: np.ndarray, *, row: int = 0, col: int = 0, legend: Legend = LEGEND, overviews=()) -> Path:
    grid = Grid(CRS, LEFT + col * RES, TOP - row * RES, RES, RES, *index.shape)
    write_map(path, index, grid, legend, overviews)
    return path


def tagged(path: Path, **tags: str) -> Path:
    with rasterio.open(path, "r+") as raster:
        raster.update_tags(**tags)
    return path


def values_of(path: Path, steps: np.ndarray, name: str | None = "confidence") -> Path:
    write_raster(path, steps[None], nodata=IGNORE)
    with rasterio.open(path, "r+") as raster:
        raster.scales = [0.004]
        if name:
            raster.descriptions = (name,)
    return path


def place_of(part: np.ndarray, picture: np.ndarray) -> tuple[int, int]:
    """Return row and column at which a picture holds part of it, pixel for pixel: it must at one place alone."""
    height, width = part.shape[:2]
    far = tuple(np.subtract(picture.shape[:2], part.shape[:2]) + 1)
    could = np.ones(far, dtype=bool)
    for r, c in {(0, 0), (height - 1, width - 1), (0, width - 1), (height - 1, 0), (height // 2, width // 3)}:
        could &= (picture[r : r + far[0], c : c + far[1]] == part[r, c]).all(axis=-1)
    found = [(r, c) for r, c in np.argwhere(could) if (picture[r : r + height, c : c + width] == part).all()]
    assert len(found) == 1, found
    return found[0]


def squares(index: np.ndarray, factor: int) -> np.ndarray:
    return np.kron(index, np.ones((factor, factor), dtype=np.uint8))


def scattered(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([0, 1, 2, IGNORE], dtype=np.uint8), (height, width))
