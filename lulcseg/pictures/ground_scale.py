"""The scale of a picture on the ground: metres per pixel, and round lengths for scale bars."""

from __future__ import annotations

import math

import numpy as np
from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError

from lulcseg.grid import Grid


def metres_per_pixel(grid: Grid) -> float | None:
    """Return the width on the ground of the pixel at a grid's centre, in metres; None if its CRS has no place on Earth.

    The width is measured along the WGS 84 ellipsoid, so it is true in geographic and in conformal CRSs as well.
    """
    x = grid.left + grid.xres * (grid.width / 2 + np.array([-0.5, 0.5]))
    y = np.full(2, grid.top - grid.yres * grid.height / 2)
    try:
        lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
        metres = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    except ProjError:
        return None
    return float(metres) if math.isfinite(metres) and metres > 0 else None


def round_length(longest: float) -> tuple[float, str]:
    """Return the greatest round length (1, 2 or 5 times a power of ten) up to a length, and its name.

    Args:
        longest: Metres.

    Example:
        >>> round_length(730.0)
        (500.0, '500 m')
        >>> round_length(7_300.0)
        (5000.0, '5 km')
    """
    power = 10.0 ** math.floor(math.log10(longest))
    length = max((factor * power for factor in (1, 2, 5) if factor * power <= longest * (1 + 1e-9)), default=power)
    if length >= 1000:
        return length, f"{length / 1000:,.0f} km"
    return length, f"{length:g} m" if length >= 1 else f"{length * 100:g} cm"
