"""How much memory a prediction takes, told before it begins."""

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


def cache_of(setup: PredictionSetup, part: Window, *, bands: int, itemsize: int, layers: int) -> int:
    """Return the bytes of GDAL's block cache that a prediction has use for.

    Patches in a row, of all passes, read the same blocks of the imagery; and blocks that are written fill up
    from a few rows at a time. More would only grow with the mosaic.

    Args:
        setup: How it is predicted.
        part: The part of the mosaic that is mapped.
        bands: Bands of the imagery.
        itemsize: Bytes of one of its values.
        layers: Bands of all rasters that are written.
    """
    read = (2 * setup.patch + 2 * _BLOCK) * (part.width + setup.patch) * bands * itemsize
    return max(_LEAST_CACHE, read + 2 * _BLOCK * part.width * layers)


def memory_of(setup: PredictionSetup, part: Window, *, bands: int, itemsize: int, layers: int) -> tuple[int, int]:
    """Return the bytes that a prediction holds besides the model's own.

    They grow with the mosaic's width, with the patch and the batch, and not with its height.

    Args:
        setup: How it is predicted.
        part: The part of the mosaic that is mapped.
        bands: Bands of the imagery.
        itemsize: Bytes of one of its values.
        layers: Bands of all rasters that are written.

    Returns:
        Bytes on the device: rows in work, rows being finished, a batch of class probabilities. Bytes of
        main memory besides (on a CPU both are there): patches read ahead, rows waiting to be written, and GDAL's
        cache.
    """
    step = setup.plan.step(setup.patch)
    kept = setup.classes + 1 + setup.with_entropy
    rows = min(step, part.height) * part.width * (kept * _FLOAT + 1)
    finishing = min(MOST_ROWS, part.height) * part.width * (2 * kept * _FLOAT + layers)
    batch = setup.batch * setup.patch**2 * (bands * itemsize + 1 + 3 * setup.classes * _FLOAT)
    ahead = setup.ahead * setup.patch**2 * (bands * itemsize + 1)
    waiting = (WAITING + 1) * min(MOST_ROWS, part.height) * part.width * layers
    cache = cache_of(setup, part, bands=bands, itemsize=itemsize, layers=layers)
    return rows + finishing + batch, ahead + waiting + cache


@contextmanager
def limited_cache(size: int) -> Iterator[None]:
    """Keep GDAL's block cache at a size, in bytes, if that is less than it would be.

    Its default is a share of the machine's memory, which a large mosaic fills to no one's use. What the environment
    says (``GDAL_CACHEMAX``) stands over it.
    """
    if "GDAL_CACHEMAX" in os.environ:
        yield
        return
    with rasterio.Env():
        own = get_gdal_config("GDAL_CACHEMAX")
    assert own is not None, "GDAL always has a cache size"
    with rasterio.Env(GDAL_CACHEMAX=min(size, int(own))):
        yield
