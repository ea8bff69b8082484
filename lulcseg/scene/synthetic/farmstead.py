"""Farmsteads (house, sheds, tank) and farm dams."""

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
    """Place a house, sheds and a water tank on a yard.

    Args:
        ground: The yard, pixels.
        angle: Orientation of the buildings, radians.
        width: Size relative to real buildings.
        rng: Random generator.

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
            spot = _draw_point(free, rng)
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
    """Return the outline of a farm dam's water at a random place in a paddock."""
    largest = 0.16 * np.sqrt(paddock.area)
    radius = min(largest, rng.uniform(10, 26) * width)
    spot = _draw_point(inset(paddock, 1.6 * radius + 6 * width) or paddock, rng)
    ellipse = affinity.rotate(affinity.scale(spot.buffer(radius), 1.0, rng.uniform(0.5, 0.9)), rng.uniform(0, 180))
    return roughen(ellipse, 3.0, 0.08 * radius, 0.6 * radius, rng)


def _draw_point(ground: Polygon, rng: np.random.Generator) -> Point:
    """Draw a point in a polygon by rejection sampling; a representative point after 30 failures."""
    x0, y0, x1, y1 = ground.bounds
    for _ in range(30):
        spot = Point(rng.uniform(x0, x1), rng.uniform(y0, y1))
        if ground.contains(spot):
            return spot
    return ground.representative_point()


def homestead_ground(paddock: Polygon, angle: float, roads: BaseGeometry, width: float) -> Polygon | None:
    """Return a site for a farmstead in a paddock, beside an adjoining road.

    Args:
        paddock: The paddock, pixels.
        angle: Orientation of the site, radians.
        roads: All roads, pixels.
        width: Size relative to real farmsteads.

    Returns:
        The site's outline, or None if the paddock is too small or no road is near.
    """
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
