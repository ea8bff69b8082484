"""Which band of a map's raster of probabilities holds which class."""

from __future__ import annotations

from pathlib import Path

import rasterio

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend


def probability_bands(
    data: rasterio.DatasetReader, mapped: rasterio.DatasetReader, legend: Legend, *, remedy: str
) -> list[int]:
    """Return the number of each class's band, in the legend's order.

    Args:
        data: The open raster of probabilities: a band for each class, named after it, uint8.
        mapped: The open class map.
        legend: The map's classes.
        remedy: What to do about probabilities that don't fit.

    Raises:
        LulcsegError: It has other pixels or classes than the map.
    """
    path = Path(data.name)
    if (data.shape, data.transform, data.crs) != (mapped.shape, mapped.transform, mapped.crs):
        raise LulcsegError("its pixels are not the map's", where=path, remedy=remedy)
    names = [str(name) for name in data.descriptions]
    if sorted(names) != sorted(legend.names) or data.dtypes[0] != "uint8":
        raise LulcsegError(
            f"its bands ({', '.join(names)}) are not the map's classes ({', '.join(legend.names)})",
            where=path,
            remedy=remedy,
        )
    return [names.index(name) + 1 for name in legend.names]
