"""The scene file's section on imagery."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class ImagerySpec:
    """The imagery: one raster, or tiles."""

    files: list[str] = setting([], "Rasters, VRTs or globs; where they overlap, the first listed wins.")
    stac: str | None = setting(None, "STAC item that names the rasters, instead of files: a path or an address.")
    assets: list[str] = setting([], "Names of the item's assets; empty: its only raster.")
    bands: list[int] | None = setting(None, "Band numbers from 1, in the wanted order; null: all but alpha.")
    nodata: float | None = setting(None, "Value that means no data, over what the files declare.")
    valid: str = setting(
        "auto",
        "What tells the valid pixels: the files' mask, alpha band or nodata values, or nothing (all); auto: the mask "
        "if they have one, else alpha and nodata.",
        choices=("auto", "mask", "alpha", "nodata", "all"),
    )
