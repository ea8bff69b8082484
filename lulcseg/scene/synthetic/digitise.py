"""Simulated manual digitisation: polygons as an interpreter would draw them on the mosaic, with errors."""

from __future__ import annotations

from collections import Counter
from typing import cast

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import Polygon, box

from lulcseg.scene.synthetic.geometry import largest, wander
from lulcseg.scene.synthetic.layout import Date, Layout, Piece
from lulcseg.seeds import keyed

_CONFUSED_WITH = {"Tree Crop - Mature": "Tree Crop - Young", "Tree Crop - Young": "Tree Crop - Mature"}
_MIN_POLYGONS = 8
"""Omissions and confusions never reduce a class to fewer polygons per ground than this (2 in small landscapes)."""


def digitise(
    layout: Layout, date: Date, seed: int, *, omitted: float = 0.04, confused: float = 0.06
) -> gpd.GeoDataFrame:
    """Digitise the crop fields with simulated positional and thematic errors.

    Outlines have vertices at the corners and every 10 to 20 m between them, with spatially correlated positional errors
    of about a metre. A few fields are omitted, and some young and mature tree crops are confused with each other.

    Args:
        layout: The landscape.
        date: Date to digitise.
        seed: Seed of the errors.
        omitted: Share of fields that are omitted.
        confused: Share of tree crop fields that are labelled with the wrong age class.

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
        spare = left[name, field.side] > _MIN_POLYGONS or (layout.scale.size < 1500 and left[name, field.side] > 2)
        if spare and slip < omitted:
            left[name, field.side] -= 1
            continue
        if spare and name in _CONFUSED_WITH and slip > 1 - confused:
            left[name, field.side] -= 1
            name = _CONFUSED_WITH[name]
            left[name, field.side] += 1
        outline = _digitise_outline(field, layout.scale.width, rng)
        seen = largest(outline.intersection(view))
        if seen is not None and seen.area > 12:
            names.append(name)
            outlines.append(seen)
    return gpd.GeoDataFrame({"class": names}, geometry=outlines)


def _digitise_outline(field: Piece, width: float, rng: np.random.Generator) -> Polygon:
    """Return a field's outline as digitised: simplified, with vertices between the corners, and displaced at random."""
    plain = field.polygon.simplify(2.0 * width)
    dense = cast(Polygon, shapely.segmentize(plain, float(rng.uniform(20, 40)) * width))
    xy = shapely.get_coordinates(dense.exterior)[:-1]
    sway = np.column_stack([wander(len(xy), 1.0, rng, closed=True) for _ in range(2)])
    slip = rng.normal(0, 0.7, size=(1, 2))
    drawn = largest(
        Polygon(xy + width * (1.3 * sway + slip)).buffer(float(rng.normal(0.8, 0.8)) * width, join_style="mitre")
    )
    return drawn if drawn is not None else field.polygon
