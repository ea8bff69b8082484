"""How class maps and shares are stored in rasters."""

from __future__ import annotations

from lulcseg.legend import Legend
from lulcseg.maps.share_encoding import SHARE_SCALE
from lulcseg.maps.sidecar import class_sidecar
from lulcseg.maps.writer import RasterLayout


def class_layout(legend: Legend) -> RasterLayout:
    """Return the layout of a class map: one band of codes, with colour table, class names and mode overviews."""
    colours = {c.code: (int(r), int(g), int(b), 255) for c, (r, g, b) in zip(legend, legend.colours, strict=True)}
    return RasterLayout(("class",), overviews="MODE", colours=colours, sidecar=class_sidecar(legend))


def share_layout(*names: str) -> RasterLayout:
    """Return the layout of a raster of shares, 0…1 in steps of 0.004 (the bands' scale)."""
    return RasterLayout(names, overviews="AVERAGE", scale=SHARE_SCALE, predictor="YES")
