"""Estimates the memory that a prediction takes, before it begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import rasterio
from rasterio._env import get_gdal_config

from lulcseg.grid import Window
from lulcseg.mosaic.blend import MOST_ROWS
from lulcseg.mosaic.row_stream import PredictionSetup
from lulcseg.mosaic.strip_writer import WAITING

_FLOAT = 4
_BLOCK = 512
_LEAST_CACHE = 32_000_000


def estimate_cache(setup: PredictionSetup, part: Window, *, bands: int, itemsize: int, layers: int) -> int:
    """Return the size of GDAL's block cache, in bytes, beyond which a prediction doesn't become faster.

    A row of patches, of all passes, reads the same blocks of the imagery, and written blocks fill up a few rows at a
    time.

    Args:
        setup: How the mosaic is predicted.
        part: The part of the mosaic that is mapped.
        bands: Bands of the imagery.
        itemsize: Bytes per value of the imagery.
        layers: Number of bands of all rasters written.
    """
    read = (2 * setup.patch_size + 2 * _BLOCK) * (part.width + setup.patch_size) * bands * itemsize
    return max(_LEAST_CACHE, read + 2 * _BLOCK * part.width * layers)


def estimate_memory(setup: PredictionSetup, part: Window, *, bands: int, itemsize: int, layers: int) -> tuple[int, int]:
    """Return the memory that a prediction needs besides the model's own.

    It grows with the mosaic's width, the patch size and the batch size, not with the mosaic's height.

    Args:
        setup: How the mosaic is predicted.
        part: The part of the mosaic that is mapped.
        bands: Bands of the imagery.
        itemsize: Bytes per value of the imagery.
        layers: Number of bands of all rasters written.

    Returns:
        Bytes on the device (rows being summed, rows being finished, a batch of class probabilities), and further
        bytes of main memory (patches read ahead, rows queued for writing, GDAL's cache). On a CPU both are main
        memory.
    """
    step = setup.plan.step(setup.patch_size)
    kept = setup.classes + 1 + setup.entropies
    rows = min(step, part.height) * part.width * (kept * _FLOAT + 1)
    finishing = min(MOST_ROWS, part.height) * part.width * (2 * kept * _FLOAT + layers)
    shares = 3 + (setup.models > 1)  # logits, probabilities and those of a view; the sum over the models
    batch = setup.batch_size * setup.patch_size**2 * (bands * itemsize + 1 + shares * setup.classes * _FLOAT)
    ahead = setup.ahead * setup.patch_size**2 * (bands * itemsize + 1)
    waiting = (WAITING + 1) * min(MOST_ROWS, part.height) * part.width * layers
    cache = estimate_cache(setup, part, bands=bands, itemsize=itemsize, layers=layers)
    return rows + finishing + batch, ahead + waiting + cache


@contextmanager
def limited_cache(size: int) -> Iterator[None]:
    """Limit GDAL's block cache to a size in bytes, if its own limit is larger.

    GDAL's default is a share of the machine's memory, which a large mosaic would fill without benefit. The environment
    variable ``GDAL_CACHEMAX`` takes precedence.
    """
    if "GDAL_CACHEMAX" in os.environ:
        yield
        return
    with rasterio.Env():
        own = get_gdal_config("GDAL_CACHEMAX")
    assert own is not None, "GDAL always has a cache size"
    with rasterio.Env(GDAL_CACHEMAX=min(size, int(own))):
        yield
