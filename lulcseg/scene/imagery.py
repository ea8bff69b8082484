"""A scene's imagery: its rasters, clipped to the mapping boundary."""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.grid import Window
from lulcseg.progress import tracked
from lulcseg.scene.file_identity import identities_of_parts
from lulcseg.scene.labels import inside
from lulcseg.scene.raster_opening import open_dataset
from lulcseg.scene.raster_stack import RasterStack
from lulcseg.scene.rasters import RasterSet

_BAND = 1024


class ImageryReader:
    """Reads the imagery of a scene by windows; pixels outside the mapping boundary are invalid.

    Attributes:
        grid: The scene's grid.
        bands: Number of bands.
        dtype: Type of the values.
    """

    def __init__(self, rasters: RasterSet | RasterStack, boundary: Any) -> None:
        self.rasters = rasters
        self.boundary = boundary
        self.grid, self.bands, self.dtype = rasters.grid, rasters.bands, rasters.dtype

    @property
    def itemsize(self) -> int:
        """Bytes of one of its values."""
        return int(self.dtype.itemsize)

    @property
    def band_dtypes(self) -> tuple[str, ...]:
        """Types of the bands in their files, which may be narrower than :attr:`dtype`."""
        return self.rasters.band_dtypes

    def clone(self) -> Self:
        """Return a reader of the same files with its own handles, for another thread."""
        return type(self)(copy.copy(self.rasters), self.boundary)

    def state(self) -> dict[str, Any]:
        """Return what the pixels depend on, as plain Python: the present state of the files, and how they are read.

        Files are identified by name, size and time, or by what their server says of them
        (:func:`lulcseg.scene.file_identity.identity_of`), including sidecar masks and the sources of virtual rasters.
        """
        rasters = self.rasters
        files: list[list[Any]] = []
        for file in rasters.files:
            with open_dataset(file.path) as source:
                names = source.files
            files += identities_of_parts(file.path, names)
            files.append([str(file.facts.colours), file.facts.masked])
        return {
            "files": files,
            **rasters.reading(),
            "grid": asdict(self.grid),
            "dtype": str(self.dtype),
            "boundary": None if self.boundary is None else shapely.to_wkb(self.boundary, hex=True),
        }

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window, which may leave the grid.

        Returns:
            Values (C, h, w), zero where there are none; validity (h, w) bool.
        """
        image, valid = self.rasters.read(window)
        if self.boundary is not None:
            valid &= inside(self.boundary, self.grid, window)
        return image, valid

    def read_sources(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_], list[NDArray[np.bool_]]]:
        """Read a window as :meth:`read` does, and tell where each source has values.

        Returns:
            Values (C, h, w); validity (h, w) bool; where each source of ``rasters.parts`` has a value, whatever the
            boundary, (h, w) bool each.
        """
        image, valid, of_sources = self.rasters.read_sources(window)
        if self.boundary is not None:
            valid = valid & inside(self.boundary, self.grid, window)
        return image, valid, of_sources

    def valid(self, window: Window) -> NDArray[np.bool_]:
        """Return the validity as :meth:`read` does, (h, w) bool, reading as little as possible."""
        if self.always_valid:
            valid = np.zeros((window.height, window.width), dtype=bool)
            valid[window.intersection(self.grid.window).slices_in(window)] = True
        else:
            valid = self.rasters.valid(window)
        if self.boundary is not None:
            valid &= inside(self.boundary, self.grid, window)
        return valid

    def valid_share(self, rows: NDArray[np.int64], cols: NDArray[np.int64], patch: int) -> NDArray[np.float64]:
        """Return the share of valid pixels of patches, (n,) float64.

        Args:
            rows: First row of each patch, (n,).
            cols: First column of each patch, (n,).
            patch: Side of a patch, in pixels.
        """
        windows = [Window(int(r), int(c), patch, patch) for r, c in zip(rows, cols, strict=True)]
        if self.always_valid and self.boundary is None:
            areas = [w.intersection(self.grid.window) for w in windows]
            return np.array([a.height * a.width / patch**2 for a in areas], dtype=np.float64)
        share = np.empty(len(windows), dtype=np.float64)
        # neighbours one after another, so that a tile shared by many patches is decoded once
        nearby = np.lexsort((np.asarray(cols), np.asarray(rows) // _BAND))
        for number in tracked(nearby.tolist(), "Looking for nodata"):
            share[number] = self.valid(windows[number]).mean()
        return share

    @property
    def always_valid(self) -> bool:
        """Whether, by the headers alone, every pixel of the grid is valid (inside the boundary)."""
        return self.rasters.always_valid

    @property
    def optical(self) -> tuple[int, ...] | None:
        """Places of the bands that light makes; None: of all."""
        return self.rasters.optical
