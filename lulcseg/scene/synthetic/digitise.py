"""Polygons as a person draws them over the mosaic, beside the truth."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import Polygon, box

from lulcseg.scene.synthetic.geometry import largest, wander
from lulcseg.scene.synthetic.layout import Date, Layout, Piece
from lulcseg.seeds import keyed

_OFTEN_CONFUSED = {"Tree Crop - Mature": "Tree Crop - Young", "Tree Crop - Young": "Tree Crop - Mature"}
_KEPT = 8
"""Omissions and confusions leave at least this many polygons of a class in each ground, where there are that many."""


def digitise(
    layout: Layout, date: Date, seed: int, *, omitted: float = 0.04, confused: float = 0.06
) -> gpd.GeoDataFrame:
    """Draw a polygon around each crop field.

    The outline wobbles as a hand does: off by about a metre, neighbouring vertices in much the same way, with vertices
    at the corners and every 10 to 20 m between. A few fields are overlooked; some young orchards are taken for mature
    ones and the other way round.

    Args:
        layout: The landscape.
        date: Which date.
        seed: Same seed, same slips.
        omitted: Share of fields overlooked.
        confused: Share of tree crop fields whose age is misjudged.

    Returns:
        Column ``class`` and the outlines in pixels (x right, y down), without CRS.
    """
    fields = layout.crop_fields(date)
    left = Counter((p.land_class(date), p.side) for p in fields)
    view = box(0, 0, layout.scale.size, layout.scale.size)
    names: list[str] = []
    outlines: list[Polygon] = []
    for field in fields:
        rng = keyed(seed, field.key, date)
        name = field.land_class(date)
        slip = rng.random()
        spare = left[name, field.side] > _KEPT or (layout.scale.size < 1500 and left[name, field.side] > 2)
        if spare and slip < omitted:
            left[name, field.side] -= 1
            continue
        if spare and name in _OFTEN_CONFUSED and slip > 1 - confused:
            left[name, field.side] -= 1
            name = _OFTEN_CONFUSED[name]
            left[name, field.side] += 1
        outline = _drawn(field, layout.scale.width, rng)
        seen = largest(outline.intersection(view))
        if seen is not None and seen.area > 12:
            names.append(name)
            outlines.append(seen)
    return gpd.GeoDataFrame({"class": names}, geometry=outlines)


def _drawn(field: Piece, width: float, rng: np.random.Generator) -> Polygon:
    """Draw one field's outline: its corners, points between them, and a hand that strays."""
    plain = field.polygon.simplify(2.0 * width)
    dense = shapely.segmentize(plain, float(rng.uniform(20, 40)) * width)
    xy = shapely.get_coordinates(dense.exterior)[:-1]
    sway = np.column_stack([wander(len(xy), 1.0, rng, closed=True) for _ in range(2)])
    slip = rng.normal(0, 0.7, size=(1, 2))
    drawn = largest(
        Polygon(xy + width * (1.3 * sway + slip)).buffer(float(rng.normal(0.8, 0.8)) * width, join_style="mitre")
    )
    return drawn if drawn is not None else field.polygon
