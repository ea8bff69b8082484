"""A scene's images, bands and grid, from the files' headers."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.warp import calculate_default_transform, transform_bounds

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.scene.file_names import FileName, RemoteFile, locate
from lulcseg.scene.raster_headers import RasterFile, crs_name, proj_is_broken, same_crs

_SNAP = 1e-6
_MOST_GROWTH = 50
"""Most pixels of a scene for each of its imagery's own; finer ones hold nothing more, and take hours."""

_LONGEST_SIDE = 2**31 - 1
"""Most rows or columns of a raster in GDAL."""


def find_files(patterns: Sequence[str], base: Path, where: str) -> list[FileName]:
    """Expand file names and globs, in the given order; globs are sorted by name.

    Args:
        patterns: Paths or globs, relative to ``base`` or absolute; or addresses, which are taken as they are.
        base: Folder that relative paths start from.
        where: The place to name in errors.

    Raises:
        LulcsegError: A name or pattern without a file.
    """
    found: list[FileName] = []
    for pattern in patterns:
        named = locate(pattern, where, base)
        if isinstance(named, RemoteFile):
            if "*" in str(named):
                raise LulcsegError(
                    f"'{named}' is a pattern, and files elsewhere can't be listed",
                    where=where,
                    remedy="name each of them, or build a VRT of them (gdalbuildvrt)",
                )
            found += [named] if named not in found else []
            continue
        paths = [str(named)] if named.exists() else _matches(str(named))
        if not paths:
            raise LulcsegError(f"there is no file '{named}'", where=where, remedy="check the path")
        found += [Path(p) for p in paths if Path(p) not in found]
    return found


def _matches(pattern: str) -> list[str]:
    """Return the files of an absolute pattern, by name; brackets of folders that are there are no pattern."""
    there = Path(pattern)
    while not there.exists():
        there = there.parent
    rest = Path(pattern).relative_to(there)
    return sorted(glob.glob(str(Path(glob.escape(str(there))) / rest), recursive=True))  # noqa: PTH207


def choose_bands(files: Sequence[RasterFile], wanted: Sequence[int] | None, where: Path | str) -> list[int]:
    """Return the band numbers to read from every image.

    Args:
        files: The images.
        wanted: Band numbers from 1, or None for all except those declared as alpha.
        where: The scene file, or the source in it, for errors.

    Raises:
        LulcsegError: Images of different types, or a missing band.
    """
    first = files[0]
    for f in files:
        if wanted is None and f.facts.image_bands != first.facts.image_bands:
            raise LulcsegError(
                f"it has bands {_listed(f)} and the first image {first.path.name} {_listed(first)}",
                where=f.path,
                remedy="choose bands in imagery.bands",
            )
    chosen = first.facts.image_bands if wanted is None else list(wanted)
    if not chosen:
        raise LulcsegError("imagery.bands names no band", where=where, remedy="name one, or leave it out")
    for f in files:
        if min(chosen) < 1 or max(chosen) > f.bands:
            raise LulcsegError(
                f"imagery.bands {chosen} names other bands than its {f.bands}",
                where=f.path,
                remedy=f"name bands from 1 to {f.bands}",
            )
        own, others = (describe_types(file, chosen) for file in (f, first))
        if own != others:
            raise LulcsegError(
                f"it is {own} and the first image {first.path.name} {others}",
                where=f.path,
                remedy="convert one of them, or leave it out of imagery.files",
            )
    return chosen


def describe_types(file: RasterFile, bands: Sequence[int]) -> str:
    """Return the type of a file's bands, or which band has which."""
    types = [file.facts.dtypes[band - 1] for band in bands]
    if len(set(types)) == 1:
        return types[0]
    return ", ".join(f"band {band} {dtype}" for band, dtype in zip(bands, types, strict=True))


def _listed(file: RasterFile) -> str:
    return ", ".join(map(str, file.facts.image_bands)) or "none"


def lay_grid(files: Sequence[RasterFile], crs: str | None, resolution: float | None, where: Path) -> Grid:
    """Return a scene's grid: the pixels of the first image, extended over all images.

    Args:
        files: The images.
        crs: CRS of the grid, or None for the first image's.
        resolution: Pixel size in metres, or None for the first image's.
        where: The scene file, for errors.

    Raises:
        LulcsegError: The CRS is unknown, or not projected in metres.
    """
    first = files[0].grid
    try:
        chosen = crs_name(crs) if crs else first.crs
    except CRSError as error:
        raise LulcsegError(f"crs '{crs}' is not known", where=where, remedy="write it as EPSG:28355") from error
    known = CRS.from_user_input(chosen)
    if proj_is_broken():
        raise LulcsegError(
            "GDAL finds no data of PROJ, without which it knows no coordinate reference system",
            where="PROJ_LIB, PROJ_DATA",
            remedy="unset these variables of the environment: they lead to another installation's folder",
        )
    if not known.is_projected or abs(known.axis_info[0].unit_conversion_factor - 1) > _SNAP:
        raise LulcsegError(
            f"its CRS is not in metres ({chosen[:40]})",
            where=where,
            remedy="set crs: to a projected one in metres, such as EPSG:28355; the imagery is warped on the fly",
        )
    extents = [_bounds_in(f, chosen) for f in files]
    if same_crs(chosen, first.crs) and resolution is None:
        base = Grid(chosen, first.left, first.top, first.xres, first.yres, 1, 1)
    else:
        size = resolution or _pixel_size(files[0], chosen)
        base = Grid(chosen, extents[0].left, extents[0].top, size, size, 1, 1)
    for file, extent in zip(files, extents, strict=True):
        _check_size(file, base, extent, where)
    windows = [base.window_of(extent) for extent in extents]
    row, col = min(w.row for w in windows), min(w.col for w in windows)
    height, width = max(w.row_end for w in windows) - row, max(w.col_end for w in windows) - col
    if max(height, width) > _LONGEST_SIDE:
        raise LulcsegError(
            f"its images lie so far apart that its grid would have {height:,} × {width:,} pixels",
            where=where,
            remedy="map them as several scenes",
        )
    return base.crop(Window(row, col, height, width))


def _check_size(file: RasterFile, base: Grid, extent: Bounds, where: Path) -> None:
    """Check how many pixels an image has on a grid, before any is read.

    Raises:
        LulcsegError: Too many, not one of a patch's width, or it has no place on the grid.
    """
    if not all(map(isfinite, extent)):
        raise LulcsegError(
            f"{file.path.name} has no place in {base.crs[:40]}", where=where, remedy="set crs: to one of its region"
        )
    height, width = (extent.top - extent.bottom) / base.yres, (extent.right - extent.left) / base.xres
    own, size = file.grid.height * file.grid.width, f"{base.xres:g} m"
    if max(height, width) > _LONGEST_SIDE or height * width > _MOST_GROWTH * own:
        raise LulcsegError(
            f"at {size} {file.path.name} has {height:,.0f} × {width:,.0f} pixels, {height * width / own:,.0f} times "
            "its own",
            where=where,
            remedy="set a coarser resolution:",
        )
    if max(height, width) < 1 and max(file.grid.height, file.grid.width) > 1:
        raise LulcsegError(
            f"at {size} {file.path.name} is smaller than one pixel", where=where, remedy="set a finer resolution:"
        )


def _bounds_in(file: RasterFile, crs: str) -> Bounds:
    bounds = file.grid.bounds()
    return (
        bounds
        if same_crs(file.grid.crs, crs)
        else Bounds(*transform_bounds(file.grid.crs, crs, *bounds, densify_pts=21))
    )


def _pixel_size(file: RasterFile, crs: str) -> float:
    """Return the pixel size, in metres of ``crs``, that preserves a file's resolution."""
    g = file.grid
    if same_crs(g.crs, crs):
        return min(g.xres, g.yres)
    transform, _, _ = calculate_default_transform(g.crs, crs, g.width, g.height, *g.bounds())
    return float(transform.a)
