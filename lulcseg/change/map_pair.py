"""Two maps read on one grid."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.crs import CRS as GdalCrs  # noqa: N811 (CRS is pyproj's)
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from lulcseg.change.crosswalks import CommonClasses
from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.as_written import checksum
from lulcseg.maps.classraster import ClassRaster
from lulcseg.scene.raster_headers import same_crs
from lulcseg.scene.vectors import describe_crs

type Side = Literal["before", "after"]
"""One of the two dates."""


class MapPair:
    """Two maps of the same ground, open for reading by windows of their common ground; a context manager.

    Maps whose pixels lie on each other are read as they are. Else one is warped to the pixels of the other, by nearest
    neighbour.

    Args:
        before: The map of the first date.
        after: The map of the second date.
        common: The classes of both.
        onto: Which map's pixels to keep.

    Attributes:
        grid: The pixels that both cover.
        shifts: Rows and columns of each map's own pixels at the grid's first; None: it is warped.
        notes: How one was brought onto the other, a sentence each.

    Raises:
        LulcsegError: A map can't be read or differs from its checksum, both are one map, they cover no common ground,
            or their CRS isn't in metres.
    """

    def __init__(self, before: Path, after: Path, common: CommonClasses, *, onto: Side = "after") -> None:
        self._tables = common.tables
        paths = (before, after)
        base = ("before", "after").index(onto)
        other = 1 - base
        with ExitStack() as stack:
            rasters: list[ClassRaster | None] = [None, None]
            opened = stack.enter_context(ClassRaster(paths[base], common.own[base]))
            rasters[base] = opened
            whole = opened.grid
            _check_metres(whole, paths[base])
            plain = stack.enter_context(ClassRaster(paths[other], common.own[other]))
            _check_differ(paths)
            alike = whole.offset_of(plain.grid) if same_crs(whole.crs, plain.crs) else None
            extent = (
                _window_of(plain, whole, paths[other]) if alike is None else Window(*alike, plain.height, plain.width)
            )
            window = whole.window.intersection(extent)
            if window.is_empty:
                raise no_common_ground(paths)
            self.grid = whole.crop(window)
            shifts: list[tuple[int, int] | None] = [(window.row, window.col)] * 2
            self.notes: tuple[str, ...] = ()
            rasters[other] = plain
            if alike is None:
                rasters[other] = stack.enter_context(ClassRaster(paths[other], common.own[other], on=self.grid))
                shifts[other] = None
                self.notes = (_how_warped(paths[other], plain, paths[base], whole),)
            else:
                shifts[other] = (window.row - alike[0], window.col - alike[1])
            self.shifts = shifts[0], shifts[1]
            one, two = rasters
            assert one is not None
            assert two is not None
            self._rasters = one, two
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the pair."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both maps."""
        self._stack.close()

    def read(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the common class indices of both dates, (h, w) uint8 each; 255 in both where either has none.

        Args:
            window: A window of :attr:`grid`; may reach outside, where there is no class.

        Raises:
            LulcsegError: A code is not in a map's legend, or a file is damaged.
        """
        one, two = (
            table[raster.read(shifted(window, shift))]
            for raster, table, shift in zip(self._rasters, self._tables, self.shifts, strict=True)
        )
        inside = np.zeros(one.shape, dtype=np.bool_)
        inside[window.intersection(self.grid.window).slices_in(window)] = True
        none = (one == IGNORE) | (two == IGNORE) | ~inside
        one[none] = two[none] = IGNORE
        return one, two


def shifted(window: Window, shift: tuple[int, int] | None) -> Window:
    """Return a window in a map's own pixels; of a warped map the window itself."""
    return (
        window if shift is None else Window(window.row + shift[0], window.col + shift[1], window.height, window.width)
    )


def no_common_ground(paths: tuple[Path, Path]) -> LulcsegError:
    """Return the error of maps that share no ground."""
    return LulcsegError(
        f"it and {paths[1].name} cover no common ground", where=paths[0], remedy="check the maps' places and CRS"
    )


def _check_metres(grid: Grid, path: Path) -> None:
    crs = CRS.from_user_input(grid.crs)
    if not crs.is_projected or crs.axis_info[0].unit_conversion_factor != 1:
        raise LulcsegError(
            "its CRS is not in metres",
            where=path,
            remedy="compare on the pixels of the other map (--onto) if that is in metres, else warp one (gdalwarp)",
        )


def _check_differ(paths: tuple[Path, Path]) -> None:
    if paths[0].resolve() == paths[1].resolve() or checksum(paths[0]) == checksum(paths[1]):
        raise LulcsegError(
            "it is the same map as the other, so nothing changed", where=paths[1], remedy="give maps of two dates"
        )


def _window_of(other: ClassRaster, whole: Grid, path: Path) -> Window:
    """Return the window of a grid that a map of other pixels may reach into."""
    try:
        bounds = transform_bounds(
            GdalCrs.from_user_input(other.crs), GdalCrs.from_user_input(whole.crs), *other.grid.bounds(), densify_pts=21
        )
    except (RasterioError, ValueError) as error:
        raise LulcsegError("its place can't be found on the other map", where=path, remedy="check its CRS") from error
    if not np.isfinite(bounds).all():
        return Window(0, 0, 0, 0)
    return whole.window_of(Bounds(*bounds))


def _how_warped(path: Path, raster: ClassRaster, base: Path, whole: Grid) -> str:
    if same_crs(whole.crs, raster.crs):
        size, other = (f"{max(grid.xres, grid.yres):g} m" for grid in (whole, raster.grid))
        sizes = f" of {size}" if size == other else f", of {size} instead of {other}"
        return f"{path.name} was read on the pixels of {base.name}{sizes}, by nearest neighbour."
    own, theirs = (describe_crs(CRS.from_user_input(crs)) for crs in (raster.crs, whole.crs))
    pixels = f"the pixels of {base.name}, of {max(whole.xres, whole.yres):g} m in {theirs}"
    return f"{path.name} was warped from {own} to {pixels}, by nearest neighbour."


def describe_ground(grid: Grid, classes: Legend) -> str:
    """Return the size of what is compared, for progress and notes."""
    return f"{grid.height:,} × {grid.width:,} pixels of {max(grid.xres, grid.yres):g} m, {len(classes)} classes"
