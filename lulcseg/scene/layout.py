"""Laying a scene's grid, and choosing its bands, from the headers of its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyproj import CRS
from rasterio.warp import calculate_default_transform, transform_bounds

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.scene.rasters import RasterFile, crs_name

_SNAP = 1e-6


def choose_bands(files: Sequence[RasterFile], wanted: Sequence[int] | None, where: Path) -> list[int]:
    """Return the band numbers to read from every image.

    Args:
        files: The images.
        wanted: Band numbers from 1, or None for all.
        where: The scene file, for errors.

    Raises:
        LulcsegError: Images of different types, or a band that an image lacks.
    """
    types, counts = sorted({f.dtype for f in files}), sorted({f.bands for f in files})
    if len(types) > 1:
        raise LulcsegError(f"its images differ in type ({', '.join(types)})", where=where, remedy="convert them")
    if wanted is None and len(counts) > 1:
        raise LulcsegError(
            f"its images differ in bands ({', '.join(map(str, counts))})",
            where=where,
            remedy="say which to use in imagery.bands",
        )
    chosen = list(range(1, counts[0] + 1)) if wanted is None else list(wanted)
    for f in files:
        if not chosen or min(chosen) < 1 or max(chosen) > f.bands:
            raise LulcsegError(
                f"imagery.bands {chosen} asks for more than the {f.bands} bands there are",
                where=f.path,
                remedy=f"name bands from 1 to {f.bands}",
            )
    return chosen


def lay_grid(files: Sequence[RasterFile], crs: str | None, resolution: float | None, where: Path) -> Grid:
    """Return a scene's grid: the first image's pixels, over the extent of all images.

    Args:
        files: The images.
        crs: CRS to work in, or None for the first image's.
        resolution: Pixel size in metres, or None for the first image's.
        where: The scene file, for errors.

    Raises:
        LulcsegError: The CRS is not projected in metres.
    """
    first = files[0].grid
    chosen = crs_name(crs) if crs else first.crs
    known = CRS.from_user_input(chosen)
    if not known.is_projected or abs(known.axis_info[0].unit_conversion_factor - 1) > _SNAP:
        raise LulcsegError(
            f"its CRS is not in metres ({chosen[:40]})",
            where=where,
            remedy="set crs: to a projected one in metres, such as EPSG:28355; the imagery is warped on the fly",
        )
    extents = [_bounds_in(f, chosen) for f in files]
    if chosen == first.crs and resolution is None:
        base = Grid(chosen, first.left, first.top, first.xres, first.yres, 1, 1)
    else:
        size = resolution or _pixel_size(files[0], chosen)
        base = Grid(chosen, extents[0].left, extents[0].top, size, size, 1, 1)
    windows = [base.window_of(extent) for extent in extents]
    row, col = min(w.row for w in windows), min(w.col for w in windows)
    height, width = max(w.row_end for w in windows) - row, max(w.col_end for w in windows) - col
    return base.crop(Window(row, col, height, width))


def _bounds_in(file: RasterFile, crs: str) -> Bounds:
    bounds = file.grid.bounds()
    return bounds if file.grid.crs == crs else Bounds(*transform_bounds(file.grid.crs, crs, *bounds, densify_pts=21))


def _pixel_size(file: RasterFile, crs: str) -> float:
    """Return the pixel size, in metres of ``crs``, that keeps a file's detail."""
    g = file.grid
    if g.crs == crs:
        return min(g.xres, g.yres)
    transform, _, _ = calculate_default_transform(g.crs, crs, g.width, g.height, *g.bounds())
    return float(transform.a)
