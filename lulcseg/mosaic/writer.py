"""The only writer of rasters: rows into a temporary GeoTIFF, then a Cloud Optimized GeoTIFF, whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # GDAL's own errors, which rasterio lets through when it copies
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window as RasterioWindow

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, Legend
from lulcseg.mosaic.readback import Checksums, checksums_of

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Layout:
    """What a raster holds, and how it is stored. All rasters are uint8 with nodata 255.

    Attributes:
        descriptions: The name of each band.
        overviews: GDAL's name of the resampling for overviews.
        colours: Colour table of a one-band class raster, code to (red, green, blue, alpha).
        scale: What a stored value is multiplied with to give the meant one.
        predictor: GDAL's name of the predictor before compression.
        sidecar: Text of an ``.aux.xml`` to go with it.
    """

    descriptions: tuple[str, ...]
    overviews: str
    colours: Mapping[int, tuple[int, int, int, int]] = field(default_factory=dict)
    scale: float = 1.0
    predictor: str = "NO"
    sidecar: str | None = None


class CogWriter:
    """Writes one raster row by row, from the top, and puts it in place once it is whole.

    Used as a context: rows go to a tiled GeoTIFF in a temporary folder beside the target; :meth:`finish`
    makes the Cloud Optimized GeoTIFF there; :meth:`publish` renames it, its sidecar first. Leaving the
    context removes the folder. Whatever fails before :meth:`publish`, the target is as it was.
    """

    def __init__(self, path: Path, grid: Grid, layout: Layout, *, legend: Legend, tags: Mapping[str, str]) -> None:
        """Keep the settings; nothing is written yet.

        Args:
            path: The target.
            grid: The pixels.
            layout: What the bands are.
            legend: Kept in the file's metadata as JSON under ``LULCSEG_LEGEND``.
            tags: Further metadata, such as checkpoint, scene and date.
        """
        self.path = path
        self._grid = grid
        self._layout = layout
        self._tags = {
            **tags,
            "LULCSEG_VERSION": lulcseg.__version__,
            "LULCSEG_LEGEND": json.dumps(legend.to_plain(), ensure_ascii=False),
        }
        self._written = Checksums(len(layout.descriptions))
        self._folder: Path | None = None
        self._dataset: Any = None

    def __enter__(self) -> Self:
        """Open the temporary file.

        Raises:
            LulcsegError: The target's folder does not exist or can't be written, or the target is a folder.
        """
        if self.path.is_dir():
            raise LulcsegError("is a folder", where=self.path, remedy="give the name of a file in it")
        if not self.path.parent.is_dir():
            raise LulcsegError(
                "the output folder does not exist",
                where=self.path.parent,
                remedy="create it, or write to another folder",
            )
        with self._writing():
            self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", suffix=".part", dir=self.path.parent))
        try:
            with self._writing():
                self._dataset = self._open(self._rows_path)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Remove what is temporary."""
        self._remove()

    def write(self, row: int, values: NDArray[np.uint8]) -> None:
        """Write rows, each call where the last one ended.

        Args:
            row: The first of them.
            values: (bands, h, W) uint8.

        Raises:
            LulcsegError: They can't be written, for instance because the disk is full.
        """
        window = RasterioWindow(0, row, values.shape[2], values.shape[1])
        with self._writing():
            self._dataset.write(values, window=window)
        self._written.add(values)

    def finish(self) -> None:
        """Make the Cloud Optimized GeoTIFF, still in the temporary folder, and read it back.

        Raises:
            LulcsegError: It can't be written, for instance because the disk is full.
        """
        with self._writing():
            dataset, self._dataset = self._dataset, None
            dataset.close()
            # GDAL copies the class names from the sidecar, by version into the TIFF, a sidecar, or both.
            self._write_sidecar(self._rows_path)
            rasterio.shutil.copy(
                self._rows_path,
                self._cog_path,
                driver="COG",
                blocksize=_BLOCK,
                compress="DEFLATE",
                predictor=self._layout.predictor,
                overview_resampling=self._layout.overviews,
                bigtiff="IF_SAFER",
                num_threads="ALL_CPUS",
            )
            self._write_sidecar(self._cog_path)
            self._rows_path.unlink()
            if checksums_of(self._cog_path) != self._written.values:
                raise OSError("what is read back is not what was written")

    def publish(self) -> None:
        """Rename the finished file to its target, with its sidecar (none: an old one goes).

        Raises:
            LulcsegError: It can't be renamed.
        """
        ours, target = _sidecar_of(self._cog_path), _sidecar_of(self.path)
        with self._writing():
            if ours.exists():
                ours.replace(target)
            else:
                target.unlink(missing_ok=True)
            self._cog_path.replace(self.path)

    @property
    def _rows_path(self) -> Path:
        return self._temporary / "rows.tif"

    @property
    def _cog_path(self) -> Path:
        return self._temporary / "cog.tif"

    @property
    def _temporary(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the writer is not open")
        return self._folder

    def _open(self, path: Path) -> Any:
        layout = self._layout
        dataset = rasterio.open(
            path,
            "w",
            driver="GTiff",
            dtype="uint8",
            count=len(layout.descriptions),
            height=self._grid.height,
            width=self._grid.width,
            crs=self._grid.crs,
            transform=Affine(*self._grid.transform),
            nodata=IGNORE,
            tiled=True,
            blockxsize=_BLOCK,
            blockysize=_BLOCK,
            compress="DEFLATE",
            zlevel=1,
            # Without saying so, three or four bands would be taken for red, green, blue and alpha.
            photometric="PALETTE" if layout.colours else "MINISBLACK",
            bigtiff="IF_SAFER",
        )
        dataset.descriptions = layout.descriptions
        dataset.update_tags(**self._tags)
        if layout.colours:
            dataset.write_colormap(1, dict(layout.colours))
        else:
            dataset.scales = [layout.scale] * len(layout.descriptions)
        return dataset

    def _write_sidecar(self, raster: Path) -> None:
        if self._layout.sidecar is not None:
            _sidecar_of(raster).write_text(self._layout.sidecar, encoding="utf-8")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say of a failure to write which file it was."""
        try:
            yield
        except (OSError, RasterioError, CPLE_BaseError) as error:
            reason = getattr(error, "strerror", None) or str(error.__cause__ or error)
            raise LulcsegError(
                f"can't be written ({reason})",
                where=self.path,
                remedy="look at the folder's permissions and the space left on the disk",
            ) from error

    def _remove(self) -> None:
        try:
            if self._dataset is not None:
                # Nobody wants these rows any more: a failure to flush them must not hide why they are given up.
                with suppress(RasterioError, CPLE_BaseError):
                    self._dataset.close()
        finally:
            self._dataset = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)


def _sidecar_of(raster: Path) -> Path:
    return raster.with_name(raster.name + ".aux.xml")
