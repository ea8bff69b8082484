"""From a scene file's sources to their pixels on the scene's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from rasterio.enums import Resampling

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.scene.band_table import Band
from lulcseg.scene.band_validity import check_validity
from lulcseg.scene.imagery_spec import ImagerySpec, SourceSpec
from lulcseg.scene.labels import check_class_rasters
from lulcseg.scene.mosaic_files import choose_bands
from lulcseg.scene.raster_headers import RasterFile, read_header
from lulcseg.scene.raster_stack import RasterStack, StackedSource
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.spec import SceneFile
from lulcseg.scene.stac_item import check_side_by_side, find_images

_ONE_HOT = (0.0, 1.0)


@dataclass(frozen=True)
class SourceFiles:
    """A source's files, before there is a grid to read them on.

    Attributes:
        spec: The source, as the scene file has it; without a name if it is the only one.
        files: Headers of its files.
        bands: Numbers of the bands to read.
        where: The source in the scene file, for errors.
    """

    spec: ImagerySpec
    files: list[RasterFile]
    bands: list[int]
    where: str

    @classmethod
    def read(cls, spec: ImagerySpec, base: Path, where: str, key: str) -> Self:
        """Read the headers of a source's files.

        Args:
            spec: The source.
            base: Folder that relative paths start from.
            where: The scene file, for errors.
            key: The source in it.

        Raises:
            LulcsegError: A file that can't be opened, or files that don't fit together.
        """
        section = f"{where}: {key}"
        named = isinstance(spec, SourceSpec)
        of_classes = isinstance(spec, SourceSpec) and spec.classes is not None
        files = [read_header(path) for path in find_images(spec, base, section)]
        check_side_by_side(spec, files, section)
        if by_colours(spec):
            files = [file.expand(spec.nodata) for file in files]
        if of_classes:
            check_class_rasters(files)
            bands = [files[0].facts.image_bands[0]]
        else:
            bands = choose_bands(files, spec.bands, section if named else where)
        return cls(spec, files, bands, section if named else where)

    def on(self, grid: Grid) -> RasterSet:
        """Return its pixels on a grid.

        Raises:
            LulcsegError: What is to tell the valid pixels isn't there.
        """
        spec = self.spec
        check_validity(spec.valid, spec.nodata, [f.facts for f in self.files], self.where)
        resampling = Resampling.cubic
        if isinstance(spec, SourceSpec):
            chosen = spec.resampling or ("cubic" if spec.classes is None else "nearest")
            resampling = Resampling[chosen]
        return RasterSet(self.files, grid, self.bands, nodata=spec.nodata, valid=spec.valid, resampling=resampling)

    def stacked(self, grid: Grid) -> StackedSource:
        """Return it as one of several sources on a grid.

        Raises:
            LulcsegError: Names that aren't one for each band, a fill that its type doesn't hold, or no ground in common
                with the grid although it is required.
        """
        spec, rasters = self.spec, self.on(grid)
        assert isinstance(spec, SourceSpec)
        if spec.required and all(window.intersection(grid.window).is_empty for window in rasters.footprints):
            raise LulcsegError(
                "it lies nowhere over the first source", where=self.where, remedy="check its coordinates, or its crs"
            )
        classes = None if spec.classes is None else tuple(spec.classes)
        dtype = rasters.dtype
        if dtype.kind != "f" and spec.fill != np.asarray(spec.fill).astype(dtype):
            raise LulcsegError(
                f"fill {spec.fill:g} is no value of {dtype.name}", where=self.where, remedy="use one that it holds"
            )
        bands = [] if spec.required else [Band(f"{spec.name}.valid", "uint8", range=_ONE_HOT)]
        return StackedSource(spec.name, rasters, (*self._named(), *bands), classes, spec.required, spec.fill)

    def _named(self) -> list[Band]:
        spec = self.spec
        assert isinstance(spec, SourceSpec)
        if spec.classes is not None:
            return [Band(f"{spec.name}={code}", "uint8", range=_ONE_HOT) for code in spec.classes]
        names = _numbered(self.bands) if spec.names is None else spec.names
        if len(names) != len(self.bands) or len(set(names)) != len(names) or "valid" in names:
            raise LulcsegError(
                f"names {', '.join(names)} are not a different one for each of its {len(self.bands)} bands",
                where=self.where,
                remedy="name each band once, none of them 'valid'",
            )
        ends = None if spec.range is None else (float(spec.range[0]), float(spec.range[1]))
        fill = None if spec.required else float(spec.fill)
        facts = self.files[0].facts
        dtypes = [facts.dtypes[band - 1] for band in self.bands]
        kind = np.result_type(*dtypes).name
        return [Band(f"{spec.name}.{name}", kind, bool(spec.optical), ends, fill) for name in names]


def _numbered(bands: Sequence[int]) -> list[str]:
    """Return bands' numbers as their names, counted where one is read several times.

    Example:
        >>> _numbered([3, 1, 1])
        ['3', '1', '1_2']
    """
    again = [list(bands[:place]).count(band) + 1 for place, band in enumerate(bands)]
    return [str(band) if count == 1 else f"{band}_{count}" for band, count in zip(bands, again, strict=True)]


def find_sources(file: SceneFile) -> list[SourceFiles]:
    """Return the files of a scene's sources, the first of which sets its grid.

    Raises:
        LulcsegError: A file that can't be opened, or files of a source that don't fit together.
    """
    return [
        SourceFiles.read(
            spec,
            file.path.parent,
            str(file.path),
            f"imagery.{spec.name}" if isinstance(spec, SourceSpec) else "imagery",
        )
        for spec in file.sources or [file.spec.imagery]
    ]


def by_colours(spec: ImagerySpec) -> bool:
    """Whether images of a palette are read as its colours."""
    if spec.palette is not None:
        return spec.palette == "expand"
    return not isinstance(spec, SourceSpec) or bool(spec.optical)


def read_on(grid: Grid, sources: list[SourceFiles]) -> tuple[RasterSet | RasterStack, tuple[Band, ...] | None]:
    """Return the pixels of sources on a grid, and their named bands.

    Args:
        grid: The grid.
        sources: The sources; a single one is read by itself, as fast as if it had no name.

    Returns:
        The pixels; and the bands, None if the only source has no name.

    Raises:
        LulcsegError: As :meth:`SourceFiles.stacked`.
    """
    if not isinstance(sources[0].spec, SourceSpec):
        return sources[0].on(grid), None
    stack = RasterStack([source.stacked(grid) for source in sources])
    return (stack.sources[0].rasters if len(sources) == 1 else stack), stack.table


def describe_warped(rasters: RasterSet | RasterStack) -> list[str]:
    """Return a sentence on images that don't lie on the scene's grid, for each source that has any."""
    found = []
    for name, source in rasters.parts:
        count, of_source = len(source.warped), f" of {name}" if name else ""
        if count:
            images = f"1 image{of_source} off the scene's grid is"
            images = images if count == 1 else f"{count} images{of_source} off the scene's grid are"
            found.append(f"{images} warped on the fly ({source.resampling.name}).")
    return found
