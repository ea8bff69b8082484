"""Houses, sheds, tanks and dams."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from lulcseg.scene.synthetic.geometry import inset, roughen, strip


def farmstead(
    ground: Polygon, angle: float, width: float, rng: np.random.Generator
) -> list[tuple[Polygon, str, float]]:
    """Put a house, sheds and a water tank on a piece of ground.

    Args:
        ground: The yard, pixels.
        angle: Which way the buildings face, radians.
        width: Size relative to real buildings.
        rng: Source of all that is drawn.

    Returns:
        Outline, name in ``USES`` and direction (radians) of the yard, its gravel and its buildings, in painting order.
    """
    parts: list[tuple[Polygon, str, float]] = [(ground, "yard", angle)]
    free = inset(ground, 3.0 * width)
    if free is None:
        return parts
    middle = free.representative_point()
    gravel = inset(strip((middle.x, middle.y), angle, 22 * width, 44 * width).intersection(free), 0.0, 3 * width)
    if gravel is not None:
        parts.append((roughen(gravel, 4.0, 0.8, 6.0, rng), "drive", angle))
    standing: list[Polygon] = []
    sizes = [(26, 15), (34, 17), (18, 12), (14, 9)][: int(rng.integers(2, 5))]
    for length, across in sizes:
        for _ in range(12):
            spot = _somewhere(free, rng)
            turn = angle + (np.pi / 2 if rng.random() < 0.5 else 0.0)
            building = strip(
                (spot.x, spot.y), turn, across * width * rng.uniform(0.85, 1.1), length * width * rng.uniform(0.8, 1.15)
            )
            if building.within(free) and all(building.distance(b) > 4 * width for b in standing):
                standing.append(building)
                parts.append((building, "roof", float(turn)))
                break
    return parts


def dam(paddock: Polygon, width: float, rng: np.random.Generator) -> Polygon:
    """Return the water of a farm dam somewhere in a paddock."""
    largest = 0.16 * np.sqrt(paddock.area)
    radius = min(largest, rng.uniform(10, 26) * width)
    spot = _somewhere(inset(paddock, 1.6 * radius + 6 * width) or paddock, rng)
    ellipse = affinity.rotate(affinity.scale(spot.buffer(radius), 1.0, rng.uniform(0.5, 0.9)), rng.uniform(0, 180))
    return roughen(ellipse, 3.0, 0.08 * radius, 0.6 * radius, rng)


def _somewhere(ground: Polygon, rng: np.random.Generator) -> Point:
    x0, y0, x1, y1 = ground.bounds
    for _ in range(30):
        spot = Point(rng.uniform(x0, x1), rng.uniform(y0, y1))
        if ground.contains(spot):
            return spot
    return ground.representative_point()


def homestead_ground(paddock: Polygon, angle: float, roads: BaseGeometry, width: float) -> Polygon | None:
    """Return room for a house in a paddock, beside the road that runs along it; None where no road does."""
    room = inset(paddock, 3 * width)
    if room is None or room.area < 9000 * width**2:
        return None
    way = shapely.shortest_line(room, roads)
    if way.length > 30 * width:
        return None
    x, y = way.coords[0]
    dx, dy = room.centroid.x - x, room.centroid.y - y
    step = 38 * width / max(float(np.hypot(dx, dy)), 1.0)
    place = strip((x + dx * step, y + dy * step), angle, 64 * width, 84 * width).intersection(room)
    return inset(place, 0.0, 2 * width)
