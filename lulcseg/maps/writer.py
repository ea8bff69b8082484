"""Writes rasters: strips as tiled GeoTIFFs, joined to Cloud Optimized GeoTIFFs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # errors of GDAL that rasterio doesn't convert when it copies
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window as RasterioWindow

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.classraster import LEGEND_TAG
from lulcseg.maps.readback import Checksums, checksums_of

BLOCK = 512
"""Block size of all files, in pixels."""


@dataclass(frozen=True, slots=True)
class RasterLayout:
    """What a raster's bands hold, and how they are stored. All rasters are uint8 with nodata 255.

    Attributes:
        descriptions: The name of each band.
        overviews: GDAL's name of the overviews' resampling method.
        colours: Colour table of a one-band class raster, code to (red, green, blue, alpha).
        scale: Factor from stored to actual values.
        predictor: GDAL's name of the compression's predictor.
        sidecar: Text of the raster's ``.aux.xml``.
    """

    descriptions: tuple[str, ...]
    overviews: str
    colours: Mapping[int, tuple[int, int, int, int]] = field(default_factory=dict)
    scale: float = 1.0
    predictor: str = "NO"
    sidecar: str | None = None


@dataclass(frozen=True, slots=True)
class StripSource:
    """A finished strip's file: rows ``start`` to ``stop`` of its raster, with one checksum per band."""

    path: Path
    start: int
    stop: int
    checksums: tuple[int, ...]


class StripFile:
    """Writes a strip of one raster, row by row from the top.

    Args:
        path: The file; incomplete before :meth:`close`.
        bands: Number of bands.
        grid: The strip's pixels.
        target: The raster that it will be part of, named in errors.

    Raises:
        LulcsegError: The file can't be written.
    """

    def __init__(self, path: Path, bands: int, grid: Grid, target: Path) -> None:
        self._path, self._target = path, target
        self._written = Checksums(bands)
        self._next = 0
        with reporting_write_errors(target):
            self._data: Any = rasterio.open(
                path,
                "w",
                driver="GTiff",
                dtype="uint8",
                count=bands,
                height=grid.height,
                width=grid.width,
                crs=grid.crs,
                transform=Affine(*grid.transform),
                nodata=IGNORE,
                tiled=True,
                blockxsize=BLOCK,
                blockysize=BLOCK,
                compress="DEFLATE",
                zlevel=1,
                bigtiff="IF_SAFER",
            )

    def write(self, values: NDArray[np.uint8]) -> None:
        """Write the next rows, (bands, h, W) uint8.

        Raises:
            LulcsegError: They can't be written, for instance because the disk is full.
        """
        height, width = values.shape[1:]
        with reporting_write_errors(self._target):
            self._data.write(values, window=RasterioWindow(0, self._next, width, height))
        self._next += height
        self._written.add(values)

    def close(self) -> tuple[int, ...]:
        """Close the file, read it back, and return its checksums, one per band.

        Raises:
            LulcsegError: It can't be written, or what is read back is not what was written.
        """
        with reporting_write_errors(self._target):
            data, self._data = self._data, None
            data.close()
            if checksums_of(self._path) != [self._written.values]:
                raise OSError("what is read back is not what was written")
        return self._written.values

    def abandon(self) -> None:
        """Close the file, whatever its content."""
        if self._data is not None:
            # These rows are discarded: a failure to flush them must not hide the error that led here.
            with suppress(RasterioError, CPLE_BaseError):
                self._data.close()
            self._data = None


@dataclass(frozen=True, slots=True)
class Raster:
    """A raster that strips are joined to.

    Attributes:
        grid: Its pixels.
        layout: Its bands and how they are stored.
        legend: The classes, stored as JSON in the tag ``LULCSEG_LEGEND``.
        tags: Further metadata, such as checkpoint, scene and date.
    """

    grid: Grid
    layout: RasterLayout
    legend: Legend
    tags: Mapping[str, str]

    def join(self, strips: Sequence[StripSource], cog: Path, target: Path) -> None:
        """Join strips to a Cloud Optimized GeoTIFF with its sidecar, and read it back.

        Args:
            strips: All strips, from the top, in one folder; a temporary ``.vrt`` over them is written there.
            cog: The file to write.
            target: Its final path, named in errors.

        Raises:
            LulcsegError: It can't be written, for instance because the disk is full, or its content is not that of the
                strips.
        """
        joined = strips[0].path.with_name(f"{cog.stem}.vrt")
        with reporting_write_errors(target):
            joined.write_text(self._vrt(strips), encoding="utf-8")
            self._write_sidecar(joined)  # GDAL copies the class names into the TIFF, a sidecar, or both, by version
            try:
                rasterio.shutil.copy(
                    joined,
                    cog,
                    driver="COG",
                    blocksize=BLOCK,
                    compress="DEFLATE",
                    predictor=self.layout.predictor,
                    overview_resampling=self.layout.overviews,
                    bigtiff="IF_SAFER",
                    num_threads="ALL_CPUS",
                )
            finally:
                joined.unlink(missing_ok=True)
                sidecar_of(joined).unlink(missing_ok=True)
            self._write_sidecar(cog)
            if checksums_of(cog, strips[0].stop) != [strip.checksums for strip in strips]:
                raise OSError("what is read back is not what was written")

    def _write_sidecar(self, raster: Path) -> None:
        if self.layout.sidecar is not None:
            sidecar_of(raster).write_text(self.layout.sidecar, encoding="utf-8")

    def _vrt(self, strips: Sequence[StripSource]) -> str:
        """Return the text of GDAL's virtual raster over the strips."""
        grid, layout = self.grid, self.layout
        root = ET.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
        ET.SubElement(root, "SRS").text = CRS.from_user_input(grid.crs).to_wkt()
        ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, Affine(*grid.transform).to_gdal()))
        tags = {
            **self.tags,
            "LULCSEG_VERSION": lulcseg.__version__,
            LEGEND_TAG: json.dumps(self.legend.to_plain(), ensure_ascii=False),
        }
        metadata = ET.SubElement(root, "Metadata")
        for key, value in tags.items():
            ET.SubElement(metadata, "MDI", key=key).text = value
        for number, name in enumerate(layout.descriptions, start=1):
            band = ET.SubElement(
                root,
                "VRTRasterBand",
                dataType="Byte",
                band=str(number),
                blockXSize=str(BLOCK),
                blockYSize=str(BLOCK),
            )
            ET.SubElement(band, "Description").text = name
            ET.SubElement(band, "NoDataValue").text = str(IGNORE)
            # The default interpretation of three or four bands is red, green, blue and alpha.
            ET.SubElement(band, "ColorInterp").text = "Palette" if layout.colours else "Undefined"
            if layout.colours:
                table = ET.SubElement(band, "ColorTable")
                for code in range(256):
                    entry = zip(("c1", "c2", "c3", "c4"), layout.colours.get(code, (0, 0, 0, 0)), strict=True)
                    ET.SubElement(table, "Entry", {key: str(value) for key, value in entry})
            else:
                ET.SubElement(band, "Offset").text = "0"
                ET.SubElement(band, "Scale").text = repr(layout.scale)
            for strip in strips:
                _add_source(band, number, strip, grid.width)
        return ET.tostring(root, encoding="unicode")


def sidecar_of(raster: Path) -> Path:
    """Return the path of a raster's ``.aux.xml``."""
    return raster.with_name(raster.name + ".aux.xml")


@contextmanager
def reporting_write_errors(target: Path) -> Iterator[None]:
    """Raise errors of the block as a LulcsegError that names the file being written.

    Raises:
        LulcsegError: With the reason that GDAL or the system gives.
    """
    try:
        yield
    except (OSError, RasterioError, CPLE_BaseError, SystemError) as error:  # SystemError: from rasterio, unnamed
        reason = getattr(error, "strerror", None) or str(error.__cause__ or error)
        raise LulcsegError(
            f"can't be written ({reason})",
            where=target,
            remedy="check the folder's permissions and the space left on the disk",
        ) from error


def _add_source(band: ET.Element, number: int, strip: StripSource, width: int) -> None:
    height = strip.stop - strip.start
    source = ET.SubElement(band, "SimpleSource")
    ET.SubElement(source, "SourceFilename", relativeToVRT="1").text = strip.path.name
    ET.SubElement(source, "SourceBand").text = str(number)
    ET.SubElement(
        source,
        "SourceProperties",
        RasterXSize=str(width),
        RasterYSize=str(height),
        DataType="Byte",
        BlockXSize=str(BLOCK),
        BlockYSize=str(BLOCK),
    )
    for name, top in (("SrcRect", 0), ("DstRect", strip.start)):
        ET.SubElement(source, name, xOff="0", yOff=str(top), xSize=str(width), ySize=str(height))
