"""Reads bands of one raster file with their validity, on its own grid or warped to another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from lulcseg.grid import Grid
from lulcseg.scene.band_validity import ValidityRule
from lulcseg.scene.band_view import open_by, open_view
from lulcseg.scene.file_names import FileName


@dataclass(frozen=True)
class _Group:
    """Bands of one type, and one nodata value if warped, in a dataset that holds them.

    Attributes:
        dataset: The open file, or a warp of it.
        places: Places of the bands in the rule's order.
        bands: Their numbers in the dataset.
        nodata: Their nodata values.
        mark: Number of the band that is 0 where there is no value: alpha, or the one that a warp added.
        nearest: The same warp by nearest neighbour, whose nodata counts too; None where the warp itself tells it.
    """

    dataset: Any
    places: list[int]
    bands: list[int]
    nodata: list[float | None]
    mark: int | None
    nearest: Any = None


class BandSource:
    """Bands of one raster file, open for reading by windows; closed by :meth:`close`.

    Args:
        path: The file.
        rule: Bands to read, and what tells which pixels are valid.
        on: Another grid to warp it to; None: the file's own.
        resampling: How it is warped.

    Attributes:
        dataset: The open dataset, for its size and blocks; of a warped file the warp.
    """

    def __init__(
        self, path: FileName, rule: ValidityRule, on: Grid | None = None, resampling: Resampling = Resampling.cubic
    ) -> None:
        self.rule = rule
        self._opened: list[Any] = []
        alike = _alike(rule, warped=on is not None)
        self._groups = [self._open_group(path, places, on, resampling) for places in alike]
        self.dataset = self._groups[0].dataset

    def close(self) -> None:
        """Close the file and its warps."""
        for dataset in reversed(self._opened):
            dataset.close()

    def read(self, box: Any) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Read a window inside the dataset.

        Args:
            box: The window, in pixels of the dataset (rasterio); None: all of it.

        Returns:
            Values (C, h, w) in the common type of the bands, zero where one is not finite; and their validity,
            (h, w) bool, or None if all are valid.
        """
        parts = [group.dataset.read(group.bands, window=box) for group in self._groups]
        valid = self._marked(box)
        differs = whole = None  # integer bands: one has a value; floating-point bands: all have
        for group, values in zip(self._groups, parts, strict=True):
            of_values = _differ(values, group.nodata)
            if group.nearest is not None:
                of_values = _both(of_values, _differ(group.nearest.read(group.bands, window=box), group.nodata))
            if values.dtype.kind == "f":
                finite = np.isfinite(values).all(axis=0)
                whole = _both(whole, finite)
                valid = _both(valid, None if of_values is None else of_values.all(axis=0))
            elif of_values is not None:
                some = of_values.any(axis=0)
                differs = some if differs is None else differs | some
        valid = _both(_both(valid, differs), whole)
        data = self._stacked(parts)
        if whole is not None and not whole.all():
            data = np.where(whole, data, 0).astype(data.dtype, copy=False)
        return data, None if valid is None or valid.all() else valid

    def valid(self, box: Any) -> NDArray[np.bool_] | None:
        """Return the validity as :meth:`read` does, reading no values unless they tell it."""
        return self.read(box)[1] if self.rule.needs_values else self._marked(box)

    def reduced(self, height: int, width: int, resampling: Resampling) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the first band at another size, from the file's overviews if it has any.

        Returns:
            Values (height, width); and validity, (height, width) bool, by nearest neighbour.
        """
        group, shape = self._groups[0], (height, width)
        values = group.dataset.read(group.bands[0], out_shape=shape, resampling=resampling)
        if group.mark is None:
            masks = group.dataset.read_masks(group.bands[0], out_shape=shape, resampling=Resampling.nearest)
        else:
            masks = group.dataset.read(group.mark, out_shape=shape, resampling=Resampling.nearest)
        return values, np.asarray(masks > 0)

    def _stacked(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        """Return the groups' bands in the rule's order and common type."""
        if len(parts) == 1:
            return parts[0]
        out = np.empty((len(self.rule.bands), *parts[0].shape[1:]), dtype=self.rule.dtype)
        for group, values in zip(self._groups, parts, strict=True):
            out[group.places] = values
        return out

    def _marked(self, box: Any) -> NDArray[np.bool_] | None:
        """Return the validity by mask, alpha band or the warp's own band, (h, w) bool; None without one."""
        if self.rule.mask and all(group.mark is None for group in self._groups):
            return np.asarray(self.dataset.dataset_mask(window=box) > 0)
        marks = [group.dataset.read(group.mark, window=box) > 0 for group in self._groups if group.mark is not None]
        return reduce(_both, marks, None)

    def _open_group(self, path: FileName, places: list[int], on: Grid | None, resampling: Resampling) -> _Group:
        rule = self.rule
        bands, nodata = [rule.bands[k] for k in places], [rule.nodata[k] for k in places]
        if on is None:
            first = not self._opened
            if first:
                self._opened.append(open_by(rule, path))
            return _Group(self._opened[0], places, bands, nodata, rule.alpha if first else None)
        mark = rule.alpha
        if rule.hidden or len(bands) < len(rule.bands):
            source = open_view(path, rule, bands)
            bands, mark = list(range(1, len(bands) + 1)), source.count if rule.alpha is not None else None
        else:
            source = open_by(rule, path)
        self._opened.append(source)
        value = _warp_nodata(rule, places[0])
        options: dict[str, Any] = {"nodata": value, "src_nodata": value} if value is not None else {}
        both = value is not None and mark is not None
        if both:  # GDAL would take for nodata what is nodata in the alpha band too, and never find any
            options["UNIFIED_SRC_NODATA"] = "NO"
        # A mask is lost in a warp, and an added alpha band isn't always declared as one (not for signed types and
        # floats): validity is read from the band itself.
        if value is None and mark is None:
            options = {"add_alpha": True, "nodata": None, "src_nodata": None}
        grid = {"crs": on.crs, "transform": rasterio.Affine(*on.transform), "width": on.width, "height": on.height}
        warped = WarpedVRT(source, resampling=resampling, **grid, **options)
        self._opened.append(warped)
        nearest = None
        if both:  # band by band, a pixel with nodata gets a value from its neighbours
            nearest = WarpedVRT(source, resampling=Resampling.nearest, **grid, nodata=None, src_nodata=None)
            self._opened.append(nearest)
        return _Group(warped, places, bands, nodata, warped.count if "add_alpha" in options else mark, nearest)


def _alike(rule: ValidityRule, *, warped: bool) -> list[list[int]]:
    """Return the places of the bands that are read together: of one type, and warped of one nodata value.

    A floating-point band with nodata is warped by itself: GDAL takes pixels for nodata where all bands hold it.
    """
    groups: dict[Any, list[int]] = {}
    for place, (dtype, nodata) in enumerate(zip(rule.dtypes, rule.nodata, strict=True)):
        alone = warped and _warp_nodata(rule, place) is not None and np.dtype(dtype).kind == "f"
        groups.setdefault((dtype, str(nodata) if warped else None, place if alone else None), []).append(place)
    return list(groups.values())


def _warp_nodata(rule: ValidityRule, place: int) -> float | None:
    """Return what a band's warp leaves out: its nodata value, or NaN, which is never imagery, declared or not.

    Where a mask or an alpha band counts, GDAL weighs pixels by that alone.
    """
    value = rule.nodata[place]
    if value is None and np.dtype(rule.dtypes[place]).kind == "f" and not rule.mask and rule.alpha is None:
        return math.nan
    return value


def _differ(values: NDArray[Any], nodata: list[float | None]) -> NDArray[np.bool_] | None:
    """Return where bands with a nodata value hold another one, (bands with one, h, w) bool; None if none has one."""
    kept = [k for k, value in enumerate(nodata) if value is not None]
    if not kept:
        return None
    if len(kept) == len(nodata) and len({str(value) for value in nodata}) == 1:
        return np.asarray(values != nodata[0])
    return np.stack([values[k] != nodata[k] for k in kept])


def _both(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Return where both are true; None stands for everywhere."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
