"""Framework of the landscape: the main road, the creeks, and the land between them subdivided into paddocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from lulcseg.scene.synthetic.geometry import compactness, extent_along, halve, polygons

MARGIN = 64
"""Margin by which the layout extends beyond the image, pixels, so that no polygon ends at the image's edge."""
_PADDOCK_AREA = 46_000.0
"""Typical area of a paddock at ``Scale.area`` 1, square pixels."""
_ESTATE_PADDOCKS = 5.0
"""Largest area of an estate, whose paddocks have one direction, in paddocks."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Scale factors as a function of the landscape's size.

    Small landscapes have small fields, so that every class fits; in larger ones, fields approach their real size.

    Attributes:
        size: Side of the landscape, pixels.
        area: Scale factor for the area of fields and paddocks.
        width: Width of roads, creeks and headlands relative to their real width.
        crops: Target share of the land under the eight crop classes.
    """

    size: int
    area: float
    width: float
    crops: float

    @classmethod
    def of(cls, size: int) -> Scale:
        """Return the scale of a landscape of ``size`` × ``size`` pixels."""
        octave = np.log2(size)
        area = np.exp(
            np.interp(
                octave, [7, 8, 9, 10, 11, 12, 13, 14, 15], np.log([0.16, 0.33, 0.55, 0.6, 0.88, 2.2, 5.2, 12.5, 17])
            )
        )
        return cls(
            size=size,
            area=float(area),
            width=float(np.interp(octave, [7, 8, 9, 10, 11, 12], [0.35, 0.45, 0.6, 0.75, 0.85, 1.0])),
            crops=float(np.interp(octave, [7, 8, 9, 10, 11, 12, 13], [0.33, 0.24, 0.18, 0.14, 0.122, 0.096, 0.088])),
        )


@dataclass(slots=True)
class Paddock:
    """A parcel of land bounded by lanes and fences.

    Attributes:
        polygon: Outline, pixels.
        angle: Orientation of its sides, radians.
    """

    polygon: Polygon
    angle: float


@dataclass(slots=True)
class Lane:
    """A straight section of unsealed road: its outline including the verges (pixels), and its direction (radians)."""

    polygon: Polygon
    angle: float


@dataclass(slots=True)
class Country:
    """The framework within which fields are laid out.

    Attributes:
        scale: Scale factors.
        road: Centre line of the main road, from north to south. It separates the training ground (west) from the
            held-out ground (east).
        creeks: Centre lines of the creeks.
        corridors: Wooded riparian corridors along the creeks.
        paddocks: The remaining land, subdivided; those west and those east of the road.
        lanes: Unsealed roads.
    """

    scale: Scale
    road: LineString
    creeks: list[LineString] = field(default_factory=list)
    corridors: list[Polygon] = field(default_factory=list)
    paddocks: tuple[list[Paddock], list[Paddock]] = field(default_factory=lambda: ([], []))
    lanes: list[Lane] = field(default_factory=list)

    @property
    def road_half_width(self) -> float:
        """Half the width of the main road including its verges, pixels."""
        return 15.0 * self.scale.width

    def grounds(self) -> tuple[Polygon, Polygon]:
        """Return the training and the held-out ground, in pixels: the areas west and east of the road."""
        n = self.scale.size
        line = shapely.get_coordinates(self.road)
        west = Polygon([(-2.0 * n, line[0, 1]), *line, (-2.0 * n, line[-1, 1])])
        whole = box(0, 0, n, n)
        return polygons(whole & west)[0], polygons(whole - west)[0]


def lay_out_country(size: int, rng: np.random.Generator) -> Country:
    """Generate the road and the creeks, and subdivide the land between them into paddocks.

    Args:
        size: Side of the landscape, pixels.
        rng: Random generator.
    """
    scale = Scale.of(size)
    country = Country(scale, _main_road(scale, rng))
    creeks = 1 + size // 6000 if size >= 200 else 0
    for number in range(creeks):
        creek = _creek(scale, (number + rng.uniform(0.35, 0.65)) / creeks, rng)
        country.creeks.append(creek)
        country.corridors.extend(_corridor(creek, scale, rng))
    everything = box(-MARGIN, -MARGIN, size + MARGIN, size + MARGIN)
    road = country.road.buffer(country.road_half_width)
    open_land = everything - road - shapely.union_all(country.corridors)
    west = Polygon([(-9e6, -9e6), *shapely.get_coordinates(country.road), (-9e6, 9e6)])
    for sector in polygons(open_land, 30.0):
        side = 0 if sector.representative_point().within(west) else 1
        _cut_into_paddocks(sector, country, side, rng)
    return country


def _main_road(scale: Scale, rng: np.random.Generator) -> LineString:
    """Generate the centre line of the main road: a smooth curve from north to south, slightly east of the middle."""
    n = scale.size
    knots = np.linspace(-0.25, 1.25, 7)
    bend = CubicSpline(knots, rng.normal(0.535, 0.022, size=7))
    y = np.linspace(-MARGIN - 40, n + MARGIN + 40, max(16, int(n // 48)))
    return LineString(np.column_stack([n * bend(y / n), y]))


def _creek(scale: Scale, level: float, rng: np.random.Generator) -> LineString:
    """Generate a meandering line from west to east: a sum of sine waves whose amplitudes grow with wavelength."""
    n = scale.size
    x = np.arange(-MARGIN - 60, n + MARGIN + 60, 4.0)
    fall = rng.uniform(-0.25, 0.25)
    y = n * (level + fall * (x / n - 0.5))
    wavelength = n / 1.3
    sideways = np.zeros_like(x)
    while wavelength > 45 * scale.width:
        phase, tilt = rng.uniform(0, 2 * np.pi, 2)
        swing = wavelength * rng.uniform(0.03, 0.06)
        y += swing * np.sin(2 * np.pi * x / wavelength + phase)
        if wavelength < 500:
            sideways += 0.9 * swing * np.sin(4 * np.pi * x / wavelength + tilt)
        wavelength /= rng.uniform(1.7, 2.3)
    return LineString(np.column_stack([x + sideways, y]))


def _corridor(creek: LineString, scale: Scale, rng: np.random.Generator) -> list[Polygon]:
    """Return the wooded corridor along a creek, of varying width."""
    steps = np.linspace(0, creek.length, max(8, int(creek.length / (30 * scale.width))))
    width = (
        30
        * scale.width
        * np.exp(0.35 * np.cumsum(rng.normal(0, 0.5, steps.size)) / np.sqrt(1 + np.arange(steps.size) * 0.1))
    )
    width = np.clip(width, 14 * scale.width, 62 * scale.width)
    beads = [creek.interpolate(s).buffer(w, quad_segs=6) for s, w in zip(steps, width, strict=True)]
    hulls = [shapely.convex_hull(a.union(b)) for a, b in pairwise(beads)]
    return polygons(shapely.union_all(hulls).buffer(6 * scale.width).buffer(-6 * scale.width), 20.0)


def _cut_into_paddocks(sector: Polygon, country: Country, side: int, rng: np.random.Generator) -> None:
    """Split a sector recursively into paddocks, leaving lanes and fence lines between them.

    The paddocks of an estate, a few together, share their direction; another estate has another.
    """
    width, target = country.scale.width, _PADDOCK_AREA * country.scale.area
    waiting = [(sector, _any_direction(rng))]
    while waiting:
        polygon, angle = waiting.pop()
        u0, u1, v0, v1 = extent_along(polygon, angle)
        drawn_out = max(u1 - u0, v1 - v0) > 3.2 * polygon.area / max(u1 - u0, v1 - v0)
        if polygon.area < target * np.exp(rng.normal(0, 0.45)) and not (drawn_out and polygon.area > target / 2):
            country.paddocks[side].append(Paddock(polygon, angle))
            continue
        with_lane = polygon.area > 5 * target and rng.random() < 0.75
        parts, between, direction = halve(polygon, angle, (17.0 if with_lane else 3.0) * width, rng)
        if with_lane:
            country.lanes.extend(Lane(p, direction) for p in polygons(between, 40.0))
        estate = polygon.area < _ESTATE_PADDOCKS * target
        waiting.extend((part, angle if estate else _any_direction(rng)) for part in parts)


def _any_direction(rng: np.random.Generator) -> float:
    """Draw the direction of a rectangle's sides: uniform over the quarter circle, radians."""
    return float(rng.uniform(0, np.pi / 2))


def arable(paddock: Paddock, view: BaseGeometry, smallest: float) -> Polygon | None:
    """Return the largest part of a paddock in ``view``; None if it is a sliver or not above ``smallest`` px²."""
    parts = polygons(paddock.polygon.intersection(view), smallest)
    best = max(parts, key=lambda p: p.area, default=None)
    return best if best is not None and compactness(best) > 0.3 else None


def chords(line: LineString, length: float) -> list[tuple[LineString, float, NDArray[np.float64]]]:
    """Cut a line into sections of about ``length`` pixels.

    Returns:
        For each section: the line, the direction of its chord (radians) and the chord's midpoint, ``(2,)`` pixels.
    """
    count = max(1, round(line.length / length))
    cuts = np.linspace(0, line.length, count + 1)
    pieces = []
    for a, b in pairwise(cuts):
        piece = cast(LineString, substring(line, a, b))
        xy = shapely.get_coordinates(piece)
        d = xy[-1] - xy[0]
        pieces.append((piece, float(np.arctan2(d[1], d[0])), (xy[0] + xy[-1]) / 2))
    return pieces
