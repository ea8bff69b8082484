"""Joins finished strips to Cloud Optimized GeoTIFFs, and names a map's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lulcseg.legend import Legend
from lulcseg.maps.writer import Raster
from lulcseg.mosaic.products import CLASSES
from lulcseg.mosaic.strip_store import StripStore


def join_strips(store: StripStore, legend: Legend, tags: Mapping[str, str]) -> dict[str, Path]:
    """Join strips to Cloud Optimized GeoTIFFs, staged in the store.

    Args:
        store: The store; all its strips must be done.
        legend: The classes.
        tags: Metadata for the files.

    Returns:
        The staged files by name of the raster.

    Raises:
        LulcsegError: They can't be written.
    """
    joined = {}
    for product in store.products:
        target = output_path(store.target, product.key)
        joined[product.key] = store.staged(target)
        raster = Raster(store.grid, product.layout, legend, tags)
        raster.join(store.strip_sources(product), joined[product.key], target)
    return joined


def output_path(out: Path, key: str, suffix: str = ".tif") -> Path:
    """Return the path of an output: the class map's own, or ``<map>_<key>`` beside it."""
    return out if key == CLASSES else out.with_name(f"{out.stem}_{key}{suffix}")
