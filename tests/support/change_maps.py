"""Simulated maps of two dates: truth, and what a classifier with a known error makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import gaussian_filter

from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend

CLASSES = Legend(
    (LandClass(10, "Forest", "#0b5d3b"), LandClass(30, "Cane", "#8fce6a"), LandClass(50, "Other", "#c8c4b7"))
)
GRID = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 2.0, 2.0, 90, 120)


def write_class_map(path: Path, index: np.ndarray, grid: Grid = GRID, legend: Legend | None = CLASSES, **tags) -> Path:
    """Write class indices, 255 for none, as a map of lulcseg's; without a legend as any class raster."""
    codes = (legend or CLASSES).index_to_code()[index]
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": IGNORE, "crs": grid.crs, "tiled": True}
    transform = rasterio.Affine(*grid.transform)
    with rasterio.open(path, "w", height=index.shape[0], width=index.shape[1], transform=transform, **profile) as out:
        out.write(codes, 1)
        if legend is not None:
            out.update_tags(LULCSEG_LEGEND=json.dumps(legend.to_plain()), **tags)
    return path


def write_shares(mapped: Path, shares: np.ndarray, grid: Grid = GRID, legend: Legend = CLASSES) -> Path:
    """Write (K, h, w) probabilities beside a map, in steps of 0.004; not-a-number is nodata."""
    path = mapped.with_name(f"{mapped.stem}_probabilities.tif")
    stored = np.where(np.isnan(shares), IGNORE, np.rint(np.nan_to_num(shares) * 250)).astype(np.uint8)
    profile = {"driver": "GTiff", "count": len(shares), "dtype": "uint8", "nodata": IGNORE, "crs": grid.crs}
    transform = rasterio.Affine(*grid.transform)
    with rasterio.open(path, "w", height=grid.height, width=grid.width, transform=transform, **profile) as out:
        out.write(stored)
        out.descriptions = tuple(legend.names)
    return path


def posterior_of(truth: np.ndarray, classes: int, signal: float, rng, smooth: float = 0.0) -> np.ndarray:
    """Return (K, h, w) probabilities of a calibrated classifier, under equal prior odds of the classes.

    It sees each class's channel as ``signal`` where the class is and 0 elsewhere, with noise of deviation 1; the noise
    may be smooth over some pixels, as errors of maps are.
    """
    noise = rng.normal(size=(classes, *truth.shape))
    if smooth:
        noise = np.stack([gaussian_filter(each, smooth) for each in noise])
        noise /= noise.std(axis=(1, 2), keepdims=True)
    seen = signal * (truth == np.arange(classes)[:, None, None]) + noise
    logits = signal * seen
    shares = np.exp(logits - logits.max(axis=0))
    return shares / shares.sum(axis=0)
