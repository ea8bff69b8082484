"""Imagery named by a STAC item: its assets as files, after the STAC item specification 1.0 and 1.1."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.scene.file_names import FileName, locate
from lulcseg.scene.imagery_spec import ImagerySpec
from lulcseg.scene.mosaic_files import find_files
from lulcseg.scene.raster_headers import RasterFile, same_crs
from lulcseg.scene.whole_files import read_whole

_RASTERS = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-geotiff")
"""What the media types of assets that are rasters begin with."""


def find_images(spec: ImagerySpec, base: Path, where: str) -> list[FileName]:
    """Return the files of a scene's imagery: those listed, or the assets of a STAC item.

    Args:
        spec: The section of the scene file.
        base: Folder that relative paths start from.
        where: The section, for errors.

    Raises:
        LulcsegError: A file that isn't there, or not a STAC item with such assets.
    """
    if spec.stac is None:
        return find_files(spec.files, base, f"{where}.files")
    item = locate(spec.stac, f"{where}.stac", base)
    assets = _assets(item)
    names = spec.assets or _only_raster(assets, item)
    for name in names:
        if name not in assets:
            raise LulcsegError(f"it has no asset '{name}'", where=item, remedy=did_you_mean(name, assets))
    return [_file_of(assets[name], name, item) for name in names]


def check_side_by_side(spec: ImagerySpec, files: Sequence[RasterFile], where: str) -> None:
    """Check that several assets of an item are tiles, not bands: of images that overlap, the first listed wins.

    Raises:
        LulcsegError: Two of them cover the same ground.
    """
    for (one, first), (other, second) in combinations(zip(spec.assets, files, strict=False), 2):
        alike = first.grid.bounds() == second.grid.bounds() and same_crs(first.grid.crs, second.grid.crs)
        if spec.stac is not None and alike:
            raise LulcsegError(
                f"assets {one} and {other} cover the same ground; they would be taken for images of one mosaic, not "
                "for its bands",
                where=f"{where}.assets",
                remedy="name one asset, list them as sources, or make them one file (gdalbuildvrt -separate)",
            )


def _assets(item: FileName) -> Mapping[str, Any]:
    try:
        content = json.loads(read_whole(item))
    except ValueError as error:
        raise LulcsegError("it is not JSON", where=item, remedy="give a STAC item") from error
    kind = content.get("type") if isinstance(content, dict) else None
    assets = content.get("assets") if kind == "Feature" else None
    if not isinstance(assets, dict) or not all(isinstance(asset, dict) for asset in assets.values()):
        found = f"a STAC {kind}" if kind in {"Collection", "Catalog"} else "not a STAC item"
        raise LulcsegError(f"it is {found}", where=item, remedy="give an item: a GeoJSON Feature with assets")
    return assets


def _only_raster(assets: Mapping[str, Any], item: FileName) -> list[str]:
    rasters = [name for name, asset in assets.items() if str(asset.get("type", "")).startswith(_RASTERS)]
    if len(rasters) != 1:
        raise LulcsegError(
            f"its assets are {', '.join(assets) or 'none'}, of which {len(rasters) or 'none'} say they are rasters",
            where=item,
            remedy="name one in imagery.assets",
        )
    return rasters


def _file_of(asset: Mapping[str, Any], name: str, item: FileName) -> FileName:
    """Return the file that an asset's href leads to, from the place of the item if it is relative."""
    href = asset.get("href")
    where = f"{item}: asset {name}"
    if not isinstance(href, str) or not href:
        raise LulcsegError("it has no href", where=where, remedy="correct the item")
    if isinstance(item, Path):
        return locate(href, where, item.parent)
    return locate(href if href.startswith("/vsi") or "://" in href else item.beside(href), where)
