"""How much memory a prediction takes, told before it begins."""

from __future__ import annotations

from lulcseg.grid import Window
from lulcseg.mosaic.blend import MOST_ROWS
from lulcseg.mosaic.stream import Setup
from lulcseg.mosaic.strips import WAITING

_FLOAT = 4


def memory_of(setup: Setup, part: Window, *, bands: int, itemsize: int, layers: int) -> tuple[int, int]:
    """Return the bytes that a prediction holds besides the model's own and GDAL's block cache.

    They grow with the mosaic's width, with the patch and the batch, and not with its height.

    Args:
        setup: How it is predicted.
        part: The part of the mosaic that is mapped.
        bands: Bands of the imagery.
        itemsize: Bytes of one of its values.
        layers: Bands of all rasters that are written.

    Returns:
        Bytes on the device: rows in work, rows being finished, a batch of class probabilities. Bytes of
        main memory besides (on a CPU both are there): patches read ahead, and rows waiting to be written.
    """
    step = setup.plan.step(setup.patch)
    kept = setup.classes + 1 + setup.with_entropy
    rows = min(step, part.height) * part.width * (kept * _FLOAT + 1)
    finishing = min(MOST_ROWS, part.height) * part.width * (2 * kept * _FLOAT + layers)
    batch = setup.batch * setup.patch**2 * (bands * itemsize + 1 + 3 * setup.classes * _FLOAT)
    ahead = setup.ahead * setup.patch**2 * (bands * itemsize + 1)
    waiting = (WAITING + 1) * min(MOST_ROWS, part.height) * part.width * layers
    return rows + finishing + batch, ahead + waiting
