"""What a run should say of a scene's polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from lulcseg.scene.check.findings import share
from lulcseg.scene.labels import invalid
from lulcseg.scene.overlaps import overlaps

if TYPE_CHECKING:
    from lulcseg.scene.scene import Scene


def label_notes(scene: Scene) -> list[str]:
    """Say what was repaired, what lies off the imagery and how much overlaps, a sentence each.

    Raises:
        LulcsegError: The polygons can't be used.
    """
    source, features = scene.source_features, scene.features
    if source is None or features is None:
        return []
    notes = []
    broken = len(invalid(source.geometry.to_numpy()))
    if broken:
        notes.append(f"{_polygons(broken, 'was', 'were')} invalid and repaired.")
    empty = len(source) - len(features)
    if empty:
        notes.append(f"{_polygons(empty, 'without area is', 'without area are')} left out.")
    outside = int((~shapely.intersects(features.geometry.to_numpy(), scene.ground)).sum())
    if outside:
        notes.append(f"{_polygons(outside, 'lies', 'lie')} outside the imagery.")
    found = overlaps(features)
    if found.pairs:
        part = share(found.area, float(features.geometry.area.sum()))
        pairs = "1 pair of polygons overlaps" if found.pairs == 1 else f"{found.pairs:,} pairs of polygons overlap"
        notes.append(f"{pairs}, over {part} of their ground: the smaller one wins.")
    return notes


def _polygons(count: int, one: str, many: str) -> str:
    return f"1 polygon {one}" if count == 1 else f"{count:,} polygons {many}"
