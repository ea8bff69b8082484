"""A set of raster files read as one raster on one grid: the only reader of pixels.

Files on the scene's grid are read by window; others are warped on the fly. Files are opened lazily in
the process that reads; handles are never used across a fork.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.scene.band_source import BandSource
from lulcseg.scene.band_validity import ValidityRule, choose_rule
from lulcseg.scene.file_identity import identity_of
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.network_settings import PASSING
from lulcseg.scene.raster_headers import RasterFile, same_crs
from lulcseg.scene.raster_opening import network_status, reading_error
from lulcseg.scene.web_server import retry_delays

_MOST_HANDLES = 64
_REMOTE_ATTEMPTS = 3
"""How often a window of a file elsewhere is read, where its server answers again after a failure."""


class RasterSet:
    """Several raster files as one raster on one grid; where they overlap, the first listed wins.

    Args:
        files: Headers of the files, in order of precedence.
        grid: The grid to read them on.
        bands: Band numbers from 1, in the requested order.
        nodata: Nodata value, which overrides those of the files.
        valid: What tells the valid pixels, as ``imagery.valid`` of a scene file.
        resampling: How files off the grid are warped: cubic for imagery, nearest for classes.
    """

    def __init__(
        self,
        files: Sequence[RasterFile],
        grid: Grid,
        bands: Sequence[int],
        *,
        nodata: float | None = None,
        valid: str = "auto",
        resampling: Resampling = Resampling.cubic,
    ) -> None:
        self.files = list(files)
        self.grid = grid
        self.band_numbers = list(bands)
        self.nodata, self.valid_by = nodata, valid
        self.resampling = resampling
        self.rules = [choose_rule(f.facts, bands, valid=valid, nodata=nodata) for f in files]
        self.dtype = np.result_type(*(rule.dtype for rule in self.rules))
        self.offsets = [grid.offset_of(f.grid) if same_crs(f.grid.crs, grid.crs) else None for f in files]
        self.footprints = [self._footprint(f, o) for f, o in zip(files, self.offsets, strict=True)]
        ends = [(w.row, w.col, w.row_end, w.col_end) for w in self.footprints]
        self._edges = np.array(ends, dtype=np.int64).T  # (4, n), to find a patch's tiles among hundreds
        self._open: OrderedDict[int, BandSource] = OrderedDict()
        self._pid = os.getpid()
        self._lock = threading.Lock()

    @property
    def bands(self) -> int:
        """Number of bands read."""
        return len(self.band_numbers)

    @property
    def band_dtypes(self) -> tuple[str, ...]:
        """Types of its bands; the files agree in them."""
        return self.rules[0].dtypes

    @property
    def parts(self) -> list[tuple[str, RasterSet]]:
        """Itself as the only source, without a name."""
        return [("", self)]

    @property
    def optical(self) -> None:
        """Places of the optical bands: all are."""

    @property
    def always_valid(self) -> bool:
        """Whether, by the headers alone, every pixel of the grid is valid."""
        return all(rule.always for rule in self.rules) and self.covers_grid

    @property
    def covers_grid(self) -> bool:
        """Whether an image on the grid covers all of it, and none is warped."""
        return any(w.contains(self.grid.window) for w in self.footprints) and not self.warped

    def reading(self) -> dict[str, Any]:
        """Return how the files are read, as plain Python, for the state of the imagery."""
        how = {
            "bands": self.band_numbers,
            "nodata": None if self.nodata is None else float(self.nodata),
            "resampling": self.resampling.name,
        }
        was_read_otherwise = any(map(self._was_read_otherwise, self.files, self.rules))
        return how | ({"validity": [rule.describe() for rule in self.rules]} if was_read_otherwise else {})

    @property
    def warped(self) -> list[FileName]:
        """Files that don't lie on the grid and are warped on the fly."""
        return [f.path for f, offset in zip(self.files, self.offsets, strict=True) if offset is None]

    def __getstate__(self) -> dict[str, Any]:
        """Drop handles and the lock: each process opens its own."""
        return self.__dict__ | {"_open": OrderedDict(), "_lock": None, "_pid": -1}

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window, which may reach outside the grid or the files.

        Args:
            window: Window to read, in pixels of the grid.

        Returns:
            Values (C, h, w) in a common type of all files, zero where there is none; and
            their validity, (h, w) bool.

        Raises:
            LulcsegError: A file can no longer be read.
        """
        shape = (window.height, window.width)
        data: NDArray[Any] | None = None
        valid: NDArray[np.bool_] | None = None
        for number, part in self._parts(window):
            place = part.slices_in(window)
            if valid is not None and valid[place].all():
                continue
            values, has_value = self.read_file(number, part)
            if data is None or valid is None:
                if has_value is None and part == window:
                    return values, np.ones(shape, dtype=bool)  # the usual case: the pixels of one file
                data, valid = np.zeros((self.bands, *shape), dtype=self.dtype), np.zeros(shape, dtype=bool)
            take = ~valid[place] if has_value is None else has_value & ~valid[place]
            np.copyto(data[:, *place], values, where=take)
            valid[place] |= take
        if data is None or valid is None:
            return np.zeros((self.bands, *shape), dtype=self.dtype), np.zeros(shape, dtype=bool)
        return data, valid

    def read_sources(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_], list[NDArray[np.bool_]]]:
        """Read a window, with where each source has values: this one."""
        data, valid = self.read(window)
        return data, valid, [valid]

    def valid(self, window: Window) -> NDArray[np.bool_]:
        """Return the validity as :meth:`read` does, (h, w) bool, reading as little as possible."""
        valid = np.zeros((window.height, window.width), dtype=bool)
        for number, part in self._parts(window):
            place = part.slices_in(window)
            if valid[place].all():
                continue
            has_value = self._valid_of_file(number, part)
            valid[place] |= True if has_value is None else has_value
        return valid

    def _parts(self, window: Window) -> Iterator[tuple[int, Window]]:
        """Yield the files that overlap a window, in order of precedence, each with the overlap."""
        inside = window.intersection(self.grid.window)
        top, left, bottom, right = self._edges
        meets = (top < inside.row_end) & (bottom > inside.row) & (left < inside.col_end) & (right > inside.col)
        for number in np.flatnonzero(meets).tolist() if not inside.is_empty else ():
            part = inside.intersection(self.footprints[number])
            if not part.is_empty:
                yield number, part

    def file_with(self, values: NDArray[Any], window: Window) -> FileName:
        """Return the first file with one of some values in a window, to name it in an error."""
        for number, part in self._parts(window):
            found, valid = self.read_file(number, part)
            if np.isin(found if valid is None else found[:, valid], values).any():
                return self.files[number].path
        return self.files[0].path

    def read_file(self, number: int, part: Window) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Read one file's pixels in a part of its footprint.

        Args:
            number: Index of the file.
            part: Window to read, in pixels of the grid; inside the file's footprint.

        Returns:
            Values (C, h, w), zero where a float is not finite; and their validity, (h, w)
            bool, or None if all are valid.

        Raises:
            LulcsegError: The file can no longer be read.
        """
        values, valid = self._reading(number, part, BandSource.read)
        return values.astype(self.dtype, copy=False), valid

    def _valid_of_file(self, number: int, part: Window) -> NDArray[np.bool_] | None:
        """Return the validity as :meth:`read_file` does, without reading pixels that don't determine it."""
        return self._reading(number, part, BandSource.valid)

    def _reading[T](self, number: int, part: Window, read: Callable[[BandSource, Any], T]) -> T:
        """Return what is read of a window by a file's handle of this process, for this thread alone.

        After a failure a file elsewhere is read again if its server answers and says that it is the same; a file here
        that leads to a server (web tiles, for which GDAL asks once) after a while.
        """
        row, col = self.offsets[number] or (0, 0)
        box = rasterio.windows.Window(part.col - col, part.row - row, part.width, part.height)
        if self._pid != os.getpid():
            self._open, self._lock, self._pid = OrderedDict(), threading.Lock(), os.getpid()
        file = self.files[number].path
        delays = iter([0.0] * (_REMOTE_ATTEMPTS - 1) if isinstance(file, RemoteFile) else retry_delays())
        with self._lock:
            while True:
                try:
                    return read(self._handle(number), box)
                except (RasterioError, CPLE_BaseError) as error:
                    again = isinstance(file, RemoteFile) or network_status(error) in PASSING
                    if again and (delay := next(delays, None)) is not None:
                        time.sleep(delay)
                        self._forget(number)
                        identity_of(file)
                        continue
                    reason = str(error).splitlines()[0]
                    otherwise = LulcsegError(f"it can't be read ({reason})", where=file, remedy="check the file")
                    raise reading_error(file, error, otherwise) from error

    def _forget(self, number: int) -> None:
        """Close a file's handle, if it is open."""
        handle = self._open.pop(number, None)
        if handle is not None:
            handle.close()

    def _handle(self, number: int) -> BandSource:
        """Return the file's open handle, opening it if need be."""
        if number not in self._open:
            if len(self._open) >= _MOST_HANDLES:
                _, old = self._open.popitem(last=False)
                old.close()
            on = self.grid if self.offsets[number] is None else None
            self._open[number] = BandSource(self.files[number].path, self.rules[number], on, self.resampling)
        self._open.move_to_end(number)
        return self._open[number]

    def _was_read_otherwise(self, file: RasterFile, rule: ValidityRule) -> bool:
        """Whether versions before imagery.valid took other pixels for valid: what they kept isn't used again."""
        facts = file.facts
        unseen = rule.alpha is not None and not facts.masked and not rule.needs_values and self.covers_grid
        set_aside = facts.alpha is not None and rule.alpha is None
        return unseen or set_aside or not rule.is_uniform or self.valid_by != "auto"

    def _footprint(self, file: RasterFile, offset: tuple[int, int] | None) -> Window:
        if offset is not None:
            return Window(*offset, file.grid.height, file.grid.width)
        bounds = file.grid.bounds()
        if not same_crs(file.grid.crs, self.grid.crs):
            bounds = Bounds(*transform_bounds(file.grid.crs, self.grid.crs, *bounds, densify_pts=21))
            if not np.isfinite(bounds).all():  # too far away to have a place on the grid
                return Window(0, 0, 0, 0)
        window = self.grid.window_of(bounds)
        return Window(window.row - 1, window.col - 1, window.height + 2, window.width + 2)
