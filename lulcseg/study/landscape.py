"""The truth of a synthetic landscape: the class of every pixel, and the parts of its ground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.transform import array_bounds
from rasterio.warp import reproject

from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, PAPER_LEGEND, Legend
from lulcseg.maps.classraster import open_raster
from lulcseg.scene.scene import Scene
from lulcseg.study.derived_scenes import REST

ALL = "all"
GROUNDS = ("training", "heldout")
"""Ground that models are trained on, and ground held out from all: the west and the east of a landscape."""


@dataclass(frozen=True, eq=False)
class LandscapeTruth:
    """A scene's truth on its own pixels.

    Attributes:
        landscape: Name of the landscape: version, size and seed, as its folder is called.
        legend: The scene's classes.
        transform: Transform from (col, row) of the truth to map coordinates.
        truth: (H, W) uint8 class index of each pixel.
        grounds: Name of a part of the ground → (H, W) bool.
        rows: (n,) row of each reference point.
        cols: (n,) its column.
        points: (n,) its class index.
    """

    landscape: str
    legend: Legend
    transform: Affine
    truth: NDArray[np.uint8]
    grounds: dict[str, NDArray[np.bool_]]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    points: NDArray[np.int64]

    def pixels(self, mapped: NDArray[np.uint8], ground: str) -> NDArray[np.int64]:
        """Return the confusion matrix of all pixels of a ground, rows = truth; unmapped pixels are left out.

        Args:
            mapped: (H, W) uint8 class indices of a map, 255 where there is no class.
            ground: Name of the ground.
        """
        counted = self.grounds[ground] & (mapped != IGNORE)
        return confusion_matrix(self.truth[counted], mapped[counted], len(self.legend))

    def at_points(self, mapped: NDArray[np.uint8], ground: str) -> NDArray[np.int64]:
        """Return the confusion matrix at the reference points of a ground, like :meth:`pixels`."""
        at_points = mapped[self.rows, self.cols]
        counted = self.grounds[ground][self.rows, self.cols] & (at_points != IGNORE)
        return confusion_matrix(self.points[counted], at_points[counted], len(self.legend))


def has_truth(scene: Scene) -> bool:
    """Return whether the true class of every pixel of a scene is known."""
    image = scene.image_files[0].path
    return isinstance(image, Path) and _truth_of(image).is_file()


def _truth_of(image: Path) -> Path:
    return image.parent / f"truth_{image.stem}.tif"


def read_truth(scene: Scene, *, split: bool) -> LandscapeTruth:
    """Read the truth of a scene of a synthetic landscape.

    Args:
        scene: One date of a landscape, or a scene derived from it (:mod:`lulcseg.study.derived_scenes`).
        split: Whether it is the landscape whose west is trained on; else models are trained on none of it.

    Raises:
        LulcsegError: It isn't a scene of a synthetic landscape, or has no reference points.
    """
    image = scene.image_files[0].path
    truth_file = _truth_of(image) if isinstance(image, Path) else None
    if truth_file is None or not truth_file.is_file():
        raise LulcsegError(
            "its truth isn't known everywhere",
            where=scene.file.path,
            remedy=f"use a synthetic landscape ({truth_file or image})",
        )
    folder = truth_file.parent.resolve()  # of a scene with named sources the path leads there by way of another
    with rasterio.open(truth_file) as file:
        codes, shape, transform = file.read(1), file.shape, file.transform
    grounds = {ALL: np.ones(shape, dtype=np.bool_)}
    if split:
        for name in GROUNDS:
            outline = gpd.read_file(folder / f"{name}_ground.gpkg").geometry
            grounds[name] = rasterize(outline, out_shape=shape, transform=transform, dtype="uint8").astype(np.bool_)
    places = scene.points
    if places is None:
        raise LulcsegError("it has no reference points", where=scene.file.path, remedy="add points:")
    table = _to_legend(scene.legend)
    # on the truth's pixels: the scene itself may be read at another resolution
    cols, rows = ~transform * (places.geometry.x.to_numpy(), places.geometry.y.to_numpy())
    last = np.array(shape) - 1
    return LandscapeTruth(
        folder.name,
        scene.legend,
        transform,
        table[codes],
        grounds,
        np.clip(np.floor(rows).astype(np.int64), 0, last[0]),
        np.clip(np.floor(cols).astype(np.int64), 0, last[1]),
        places["class_index"].to_numpy(dtype=np.int64),
    )


def _to_legend(legend: Legend) -> NDArray[np.uint8]:
    """Return a (256,) table from codes of a truth raster to class indices; classes not in the legend are ``Other``."""
    table = np.full(256, IGNORE, dtype=np.uint8)
    for code, name in zip(PAPER_LEGEND.codes, PAPER_LEGEND.names, strict=True):
        table[code] = legend.names.index(name if name in legend.names else REST)
    return table


def read_map(path: Path, truth: LandscapeTruth) -> NDArray[np.uint8]:
    """Read a whole map on the truth's pixels, as class indices, (H, W) uint8, 255 where there is no class.

    A map of another resolution is resampled by nearest neighbour: each pixel of the truth has the class mapped at its
    centre.

    Raises:
        LulcsegError: The map is missing or damaged, or covers another extent than the truth.
    """
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[list(truth.legend.codes)] = np.arange(len(truth.legend), dtype=np.uint8)
    height, width = truth.truth.shape
    with open_raster(path) as file:
        own = array_bounds(height, width, truth.transform)
        if not np.allclose(file.bounds, own, rtol=0, atol=abs(file.transform.a)):
            raise LulcsegError("it isn't on its landscape's extent", where=path, remedy="map the whole date")
        codes = np.full((height, width), IGNORE, dtype=np.uint8)
        reproject(
            rasterio.band(file, 1), codes, dst_transform=truth.transform, dst_crs=file.crs, dst_nodata=IGNORE,
            resampling=Resampling.nearest,
        )  # fmt: skip
    mapped: NDArray[np.uint8] = table[codes]
    return mapped
