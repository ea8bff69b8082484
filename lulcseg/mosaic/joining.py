"""Joins finished strips to Cloud Optimized GeoTIFFs, and names a map's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lulcseg.legend import Legend
from lulcseg.maps.writer import Raster
from lulcseg.mosaic.products import CLASSES
from lulcseg.mosaic.strip_store import StripStore


def join_strips(work: StripStore, legend: Legend, tags: Mapping[str, str]) -> dict[str, Path]:
    """Make Cloud Optimized GeoTIFFs of the strips, in the folder where the map is made.

    Args:
        work: The folder; all strips must be done.
        legend: The classes.
        tags: Metadata for the files.

    Returns:
        The files by name of the raster.

    Raises:
        LulcsegError: They can't be written.
    """
    made = {}
    for product in work.products:
        target = target_of(work.target, product.key)
        made[product.key] = work.ready(target)
        raster = Raster(work.grid, product.layout, legend, tags)
        raster.join(work.places(product), made[product.key], target)
    return made


def target_of(out: Path, key: str, suffix: str = ".tif") -> Path:
    """Return what an output is called: the class map's own name, or ``<map>_<key>`` beside it."""
    return out if key == CLASSES else out.with_name(f"{out.stem}_{key}{suffix}")
