"""Crop fields: number and size per class, and the subdivision of farms into fields."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from shapely.geometry import Polygon, box

from lulcseg.scene.synthetic.country import Country, Paddock, Scale, arable
from lulcseg.scene.synthetic.geometry import compactness, halve, inset
from lulcseg.scene.synthetic.uses import CROP_USES, SMALL

TYPICAL: dict[str, tuple[int, float]] = {
    "Banana Plantation": (12, 3300.0),
    "Berry Crops": (10, 1250.0),
    "Forestry Plantation": (10, 3200.0),
    "Sugarcane Crop": (14, 5400.0),
    "Tea Tree Plantation": (10, 1850.0),
    "Tree Crop - Mature": (15, 4200.0),
    "Tree Crop - Young": (12, 2700.0),
    "Vineyards": (10, 1550.0),
}
"""Number of fields per ground in a landscape of 2048 px, and their typical area (px²) at ``Scale.area`` 1, by class."""

_OTHER_AREA = 3500.0
"""Typical area of a field of class Other at ``Scale.area`` 1, px²."""
_GROSS_AREA_FACTOR = 1.3
"""Area of a field including its headlands, relative to its planted area."""
_GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(slots=True)
class Field:
    """A field as planted.

    Attributes:
        polygon: Outline of the planted area, pixels.
        angle: Direction of the rows, radians.
        use: Name in ``USES``.
        land_class: Name of the class in the legend.
        side: 0 in the training ground, 1 in the held-out ground.
    """

    polygon: Polygon
    angle: float
    use: str
    land_class: str
    side: int


@dataclass(slots=True)
class Demand:
    """Number of fields per class in one ground.

    Attributes:
        wanted: Target number by class.
        left: Number still to be laid out by class; starts as ``wanted``.
    """

    wanted: dict[str, int]
    left: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Initialise ``left`` with the targets."""
        self.left = dict(self.wanted)

    def choose(self, rng: np.random.Generator) -> str | None:
        """Draw a class with weight (missing share)²; None if no field is missing."""
        names = [n for n, k in self.left.items() if k > 0]
        if not names:
            return None
        share = np.array([self.left[n] / self.wanted[n] for n in names]) ** 2
        return names[int(rng.choice(len(names), p=share / share.sum()))]


def demand_of(scale: Scale) -> Demand:
    """Return the target number of fields per class in one ground, at least one each."""
    area = sum(count * size for count, size in TYPICAL.values()) * scale.area
    times = scale.crops * scale.size**2 / 2 / area
    return Demand({name: max(1, round(count * times)) for name, (count, _) in TYPICAL.items()})


def draw_use(odds: dict[str, float], rng: np.random.Generator) -> str:
    """Draw a name with probability proportional to its odds."""
    p = np.array(list(odds.values()))
    return list(odds)[int(rng.choice(p.size, p=p / p.sum()))]


def lay_out_fields(country: Country, rng: np.random.Generator) -> tuple[list[Field], list[Paddock], list[Paddock]]:
    """Subdivide paddocks into fields until the target number of each class is reached.

    Args:
        country: The paddocks; those of each ground are used in random order.
        rng: Random generator.

    Returns:
        The fields, the paddocks divided into fields, and the remaining paddocks.
    """
    edge = 10 * country.scale.width
    view = box(-edge, -edge, country.scale.size + edge, country.scale.size + edge)
    fields: list[Field] = []
    farms: list[Paddock] = []
    rest: list[Paddock] = []
    start = rng.random()
    for side, paddocks in enumerate(country.paddocks):
        farmer = _FieldAllocator(country.scale, side, rng, start)
        for k in rng.permutation(len(paddocks)):
            paddock = paddocks[k]
            ground = arable(paddock, view, 7000 * country.scale.area)
            ground = None if ground is None else inset(ground, 2.5 * country.scale.width)
            if ground is None or farmer.demand.choose(rng) is None:
                rest.append(paddock)
                continue
            farms.append(paddock)
            farmer.subdivide_farm(ground, farmer.next_direction())
        farmer.ensure_every_class()
        fields.extend(farmer.fields)
    return fields, farms, rest


class _FieldAllocator:
    """Subdivides the farms of one ground into fields and assigns their classes.

    The farms' directions are the terms of a golden-ratio sequence, any stretch of which covers the quarter circle
    evenly.
    The two grounds of a landscape share its start: a model trained on one has seen the directions of the other.
    """

    def __init__(self, scale: Scale, side: int, rng: np.random.Generator, start: float) -> None:
        self.scale, self.side, self.rng = scale, side, rng
        self.demand = demand_of(scale)
        self._turns = start
        self.fields: list[Field] = []

    def next_direction(self) -> float:
        """Return the direction of the next farm's fields, radians, 0 to π/2."""
        self._turns += _GOLDEN_RATIO
        return float(self._turns % 1.0 * np.pi / 2)

    def subdivide_farm(self, ground: Polygon, angle: float, land_class: str | None = None) -> None:
        """Split a farm recursively until each part fits a group of fields of one class, and add the fields."""
        if land_class is None:
            land_class = self._draw_class()
        size = (TYPICAL[land_class][1] if land_class in TYPICAL else _OTHER_AREA) * self.scale.area * _GROSS_AREA_FACTOR
        left = max(self.demand.left.get(land_class, 1), 1)
        count = min(left, int(self.rng.integers(2, 6)))
        if ground.area > 1.8 * count * size:
            parts, _, _ = halve(ground, angle, 7.0 * self.scale.width, self.rng)
            parts.sort(key=lambda p: p.area, reverse=bool(self.rng.random() < 0.5))
            for k, part in enumerate(parts):
                self.subdivide_farm(part, angle, land_class if k == 0 else None)
            return
        along = angle + (np.pi / 2 if self.rng.random() < 0.5 else 0.0) + float(self.rng.normal(0, 0.03))
        for piece in self._split(ground, angle, round(ground.area / size)):
            planted = inset(piece, 1.0 * self.scale.width, 1.5 * self.scale.width)
            if planted is not None and planted.area >= 0.3 * size / _GROSS_AREA_FACTOR:
                self._add_field(planted, along, land_class)

    def ensure_every_class(self) -> None:
        """Ensure a field of every class: convert a field of class Other or, if none fits, split the largest field."""
        for name, missing in self.demand.left.items():
            if missing < self.demand.wanted[name] or not self.fields:
                continue
            wanted = TYPICAL[name][1] * self.scale.area
            spare = [f for f in self.fields if f.land_class == "Other" and f.polygon.area > 0.4 * wanted]
            use = draw_use(CROP_USES[name], self.rng)
            if spare:
                taken = min(spare, key=lambda f: abs(np.log(f.polygon.area / wanted)))
                taken.land_class, taken.use = name, use
                continue
            taken = max(self.fields, key=lambda f: f.polygon.area)
            parts, _, _ = halve(taken.polygon, taken.angle, 4.5 * self.scale.width, self.rng, ratio=0.5)
            if len(parts) >= 2:
                taken.polygon = parts[0]
                self.fields.append(Field(parts[1], taken.angle, use, name, self.side))

    def _draw_class(self) -> str:
        """Draw the class of the next group of fields; small landscapes have no groups of class Other."""
        if self.scale.size >= 512 and self.rng.random() < 0.22:
            return "Other"
        return self.demand.choose(self.rng) or "Other"

    def _split(self, ground: Polygon, angle: float, count: int) -> list[Polygon]:
        """Split the largest part repeatedly until there are ``count`` parts."""
        pieces = [ground]
        while len(pieces) < count:
            pieces.sort(key=lambda p: p.area)
            parts, _, _ = halve(pieces.pop(), angle, 4.5 * self.scale.width, self.rng)
            pieces.extend(parts)
        return pieces

    def _add_field(self, planted: Polygon, angle: float, land_class: str) -> None:
        """Add a field of the class, or of class Other if none is missing or the polygon is not compact enough."""
        if self.demand.left.get(land_class, 0) > 0 and compactness(planted) > 0.3:
            self.demand.left[land_class] -= 1
            use = draw_use(CROP_USES[land_class], self.rng)
        else:
            land_class = "Other"
            use = "yard" if self.rng.random() < 0.2 else draw_use(SMALL, self.rng)
        self.fields.append(Field(planted, angle, use, land_class, self.side))
