"""Notes on a scene's polygons: repaired, left out, outside the imagery, overlapping."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

from lulcseg.scene.format_quantities import format_count, format_share
from lulcseg.scene.labels import invalid
from lulcseg.scene.overlaps import overlaps


def label_notes(source: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ground: Any) -> list[str]:
    """Describe what was repaired, what lies outside the imagery and how much overlaps, a sentence each.

    Args:
        source: Polygons as they are in the file.
        features: Polygons as they are used: valid, none empty.
        ground: The ground that the imagery covers (shapely).
    """
    notes = []
    broken = len(invalid(source.geometry.to_numpy()))
    if broken:
        notes.append(f"{format_count(broken, 'polygon was', 'polygons were')} invalid and repaired.")
    empty = len(source) - len(features)
    if empty:
        notes.append(f"{format_count(empty, 'polygon without area is', 'polygons without area are')} left out.")
    outside = int((~shapely.intersects(features.geometry.to_numpy(), ground)).sum())
    if outside:
        notes.append(f"{format_count(outside, 'polygon lies', 'polygons lie')} outside the imagery.")
    found = overlaps(features)
    if found.pairs:
        part = format_share(found.area, float(features.geometry.area.sum()))
        pairs = format_count(found.pairs, "pair of polygons overlaps", "pairs of polygons overlap")
        notes.append(f"{pairs}, over {part} of their ground: the smaller one wins.")
    return notes
