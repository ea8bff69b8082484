"""Several sources as one raster on one grid: their bands one after another, valid where all required ones are."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window
from lulcseg.scene.band_table import Band, optical_bands
from lulcseg.scene.band_validity import ValidityRule
from lulcseg.scene.file_names import FileName
from lulcseg.scene.raster_headers import RasterFile
from lulcseg.scene.rasters import RasterSet

STACKED = np.dtype(np.float32)
"""Type of sources of several types together."""


@dataclass(frozen=True)
class StackedSource:
    """One of several sources.

    Attributes:
        name: Its name.
        rasters: Its files on the scene's grid.
        bands: Its bands in the stack; with that of its validity, if it isn't required.
        classes: Values that become bands of 0 and 1; None: its own bands are read.
        required: Whether pixels without it are invalid.
        fill: Value where it has none, if it isn't required.
    """

    name: str
    rasters: RasterSet
    bands: tuple[Band, ...]
    classes: tuple[int, ...] | None = None
    required: bool = True
    fill: float = 0.0

    def read(self, window: Window) -> tuple[list[NDArray[Any]], NDArray[np.bool_]]:
        """Read a window.

        Returns:
            Its bands in the stack's order, arrays (n, h, w); and where it has values, (h, w) bool.
        """
        values, valid = self.rasters.read(window)
        if self.classes is not None:
            codes = np.array(self.classes, dtype=np.int64)[:, None, None]
            values = ((values[0] == codes) & valid).astype(np.uint8)
        if self.required:
            return [values], valid
        if self.fill and not valid.all():
            values = np.where(valid, values, np.asarray(self.fill, values.dtype))
        return [values, valid[None]], valid

    def describe(self) -> dict[str, Any]:
        """Return how it is read, as plain Python, for the state of the imagery."""
        return {
            "name": self.name,
            "files": len(self.rasters.files),
            "bands": self.rasters.band_numbers,
            "nodata": None if self.rasters.nodata is None else float(self.rasters.nodata),
            "resampling": self.rasters.resampling.name,
            "validity": [rule.describe() for rule in self.rasters.rules],
            "classes": None if self.classes is None else list(self.classes),
            "required": self.required,
            "fill": self.fill,
        }


class RasterStack:
    """Several sources as one raster, which an :class:`~lulcseg.scene.imagery.ImageryReader` reads as it does one.

    Sources of one type keep it; bands of 0 and 1 (classes, validity) go with any. Of several types, all are float32.

    Args:
        sources: The sources, the first of which is required.

    Attributes:
        grid: The scene's grid.
        dtype: Type of all bands together.
    """

    def __init__(self, sources: Sequence[StackedSource]) -> None:
        self.sources = tuple(sources)
        self.grid: Grid = sources[0].rasters.grid
        types = {source.rasters.dtype for source in sources if source.classes is None}
        self.dtype = types.pop() if len(types) == 1 else STACKED

    def __copy__(self) -> Self:
        """Return the same sources with handles of their own, for another thread."""
        return type(self)([replace(source, rasters=copy.copy(source.rasters)) for source in self.sources])

    @property
    def parts(self) -> list[tuple[str, RasterSet]]:
        """The sources' pixels by name."""
        return [(source.name, source.rasters) for source in self.sources]

    @cached_property
    def table(self) -> tuple[Band, ...]:
        """The bands."""
        return tuple(band for source in self.sources for band in source.bands)

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.table)

    @property
    def band_dtypes(self) -> tuple[str, ...]:
        """Types of the bands in their files, which may be narrower than that of all together."""
        found: list[str] = []
        for source in self.sources:
            own = source.rasters.band_dtypes if source.classes is None else ()
            found += [*own, *["uint8"] * (len(source.bands) - len(own))]  # the others are 0 and 1
        return tuple(found)

    @property
    def optical(self) -> tuple[int, ...] | None:
        """Places of the optical bands; None: all are."""
        found = tuple(optical_bands(self.table))
        return None if len(found) == self.bands else found

    @property
    def files(self) -> list[RasterFile]:
        """Headers of all sources' files."""
        return [file for source in self.sources for file in source.rasters.files]

    @property
    def warped(self) -> list[FileName]:
        """Files of all sources that don't lie on the grid."""
        return [path for source in self.sources for path in source.rasters.warped]

    @property
    def rules(self) -> list[ValidityRule]:
        """What tells the valid pixels of each file."""
        return [rule for source in self.sources for rule in source.rasters.rules]

    @property
    def required(self) -> list[RasterSet]:
        """The sources without which a pixel is invalid."""
        return [source.rasters for source in self.sources if source.required]

    @cached_property
    def footprints(self) -> list[Window]:
        """The ground on which images of all required sources lie, as windows that may overlap."""
        found = [self.grid.window]
        for rasters in self.required:
            common = [one.intersection(other) for one in found for other in rasters.footprints]
            found = list(dict.fromkeys(window for window in common if not window.is_empty))
        return found

    @property
    def always_valid(self) -> bool:
        """Whether, by the headers alone, every pixel of the grid is valid."""
        return all(rasters.always_valid for rasters in self.required)

    def reading(self) -> dict[str, Any]:
        """Return how the files are read, as plain Python, for the state of the imagery."""
        return {"sources": [source.describe() for source in self.sources]}

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window, which may reach outside the grid, as :meth:`lulcseg.scene.rasters.RasterSet.read` does."""
        data, valid, _ = self.read_sources(window)
        return data, valid

    def read_sources(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_], list[NDArray[np.bool_]]]:
        """Read a window as :meth:`read` does, with where each source has values, (h, w) bool each."""
        data = np.empty((self.bands, window.height, window.width), dtype=self.dtype)
        valid = np.ones((window.height, window.width), dtype=bool)
        first, of_sources = 0, []
        for source in self.sources:
            parts, has_value = source.read(window)
            of_sources.append(has_value)
            for part in parts:
                data[first : first + len(part)] = part
                first += len(part)
            if source.required:
                valid &= has_value
        if not valid.all():
            data[:, ~valid] = 0
        return data, valid, of_sources

    def valid(self, window: Window) -> NDArray[np.bool_]:
        """Return the validity as :meth:`read` does, (h, w) bool, reading required sources alone."""
        valid = np.ones((window.height, window.width), dtype=bool)
        for rasters in self.required:
            if not valid.any():
                break
            valid &= rasters.valid(window)
        return valid
