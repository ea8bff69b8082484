"""Vector model of the landscape: all pieces of ground with their land use on both dates, in painting order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from lulcseg.scene.synthetic.country import MARGIN, Country, Paddock, Scale, chords, lay_out_country
from lulcseg.scene.synthetic.farmstead import dam, farmstead, homestead_ground
from lulcseg.scene.synthetic.fields import Field, demand_of, draw_use, lay_out_fields
from lulcseg.scene.synthetic.geometry import compactness, inset, long_edges, polygons, roughen
from lulcseg.scene.synthetic.uses import BROAD, CROP_USES, SMALL, USES
from lulcseg.seeds import keyed

Date = Literal[2018, 2015]

_CLASSES_2015: dict[str, dict[str, float]] = {
    "Banana Plantation": {"Sugarcane Crop": 0.12},
    "Berry Crops": {"Other": 0.15},
    "Sugarcane Crop": {"Banana Plantation": 0.06, "Other": 0.08},
    "Tea Tree Plantation": {"Other": 0.1},
    "Tree Crop - Mature": {"Tree Crop - Young": 0.12},
    "Tree Crop - Young": {"Sugarcane Crop": 0.08, "Other": 0.2},
    "Vineyards": {"Other": 0.12},
    "Other": {
        "Sugarcane Crop": 0.06,
        "Banana Plantation": 0.03,
        "Berry Crops": 0.03,
        "Vineyards": 0.04,
        "Tea Tree Plantation": 0.03,
        "Tree Crop - Young": 0.02,
    },
}
"""Probabilities of the class of a field in 2015 by its class in 2018; otherwise the class is unchanged."""

_LATE_CANE_STAGES = {"cane": 0.4, "cane_ratoon": 0.3, "cane_cut": 0.3}
"""Growth stages of cane late in the harvest season, with their odds."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A polygon with one land use per date.

    Attributes:
        polygon: Outline, pixels.
        uses: Name in ``USES`` in 2018 and in 2015.
        angle: Direction of its rows or its long axis, radians.
        origin: Origin of its row coordinates, pixels (x, y).
        key: Hash key of its textures.
        side: 0 in the training ground, 1 in the held-out ground, -1 if not assigned to one.
        is_field: Whether it is a field, which is digitised if it has a crop class.
    """

    polygon: Polygon
    uses: tuple[str, str]
    angle: float
    origin: tuple[float, float]
    key: int
    side: int = -1
    is_field: bool = False

    def land_class(self, date: Date) -> str:
        """Return the name of its class on a date."""
        return USES[self.uses[0 if date == 2018 else 1]].land_class


@dataclass(frozen=True)
class Layout:
    """All pieces of ground of a landscape.

    Attributes:
        scale: Scale factors.
        pieces: Pieces in painting order: later ones cover earlier ones, and the first covers the whole area.
        grounds: Training and held-out ground, pixels.
    """

    scale: Scale
    pieces: tuple[Piece, ...]
    grounds: tuple[Polygon, Polygon]

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of the pieces' polygons."""
        return shapely.STRtree([p.polygon for p in self.pieces])

    def crop_fields(self, date: Date) -> list[Piece]:
        """Return the fields of the eight crop classes on a date."""
        return [p for p in self.pieces if p.is_field and p.land_class(date) != "Other"]


def lay_out(size: int, seed: int, *, land_use_change: bool = True, other_season: bool = True) -> Layout:
    """Generate the layout of a landscape.

    Args:
        size: Side, pixels.
        seed: Seed of the layout. The two options below change only the uses in 2015.
        land_use_change: Whether some fields have another use in 2015.
        other_season: Whether 2015 was flown in another season, with cane at other growth stages.
    """
    country = lay_out_country(size, keyed(seed, 1))
    fields, farms, rest = lay_out_fields(country, keyed(seed, 2))
    assembly = _LayoutBuilder(country, keyed(seed, 3))
    assembly.paint_open_land(farms, rest)
    earlier = _draw_earlier_uses(fields, country, keyed(seed, 4)) if land_use_change else None
    season = keyed(seed, 5)
    for number, field in enumerate(fields):
        before = field.use if earlier is None else earlier[number]
        stage = draw_use(_LATE_CANE_STAGES, season)
        if other_season and USES[before].land_class == "Sugarcane Crop":
            before = stage
        assembly.add(field.polygon, field.use, before, field.angle, side=field.side, is_field=True)
    assembly.paint_water_and_roads()
    assembly.paint_farmsteads(fields, rest)
    return Layout(country.scale, tuple(assembly.pieces), country.grounds())


def _draw_earlier_uses(fields: list[Field], country: Country, rng: np.random.Generator) -> list[str]:
    """Draw the use of each field in 2015, keeping at least 90 % of the target number of fields per class and ground."""
    uses = [f.use for f in fields]
    wanted = demand_of(country.scale).wanted
    for side in (0, 1):
        here = [k for k, f in enumerate(fields) if f.side == side]
        count = {name: sum(fields[k].land_class == name for k in here) for name in CROP_USES}
        for k in rng.permutation(here):
            now = fields[k].land_class
            if fields[k].use == "yard":
                continue
            odds = _CLASSES_2015.get(now, {})
            before = draw_use({**odds, now: 1 - sum(odds.values())}, rng)
            if before == now:
                if now == "Other" and rng.random() < 0.5:
                    uses[k] = draw_use(SMALL, rng)
                continue
            if now in count:
                if count[now] <= max(1, int(np.ceil(0.9 * wanted[now]))):
                    continue
                count[now] -= 1
            if before in count:
                count[before] += 1
            uses[k] = draw_use(CROP_USES.get(before, SMALL), rng)
        if all(USES[uses[k]].land_class == fields[k].land_class for k in here):
            _swap_crops(uses, fields, here)
    return uses


def _swap_crops(uses: list[str], fields: list[Field], here: list[int]) -> None:
    """Swap the uses of one cane and one banana field, so that even a small landscape contains a change."""
    cane = [k for k in here if fields[k].land_class == "Sugarcane Crop"]
    banana = [k for k in here if fields[k].land_class == "Banana Plantation"]
    if cane and banana:
        uses[cane[0]], uses[banana[0]] = uses[banana[0]], uses[cane[0]]


class _LayoutBuilder:
    """Builds the list of pieces in painting order."""

    def __init__(self, country: Country, rng: np.random.Generator) -> None:
        self.country, self.rng = country, rng
        self.width = country.scale.width
        n = country.scale.size
        self.pieces: list[Piece] = []
        self.add(box(-MARGIN, -MARGIN, n + MARGIN, n + MARGIN), "verge")

    def add(
        self,
        polygon: Polygon,
        use: str,
        before: str | None = None,
        angle: float = 0.0,
        *,
        side: int = -1,
        is_field: bool = False,
    ) -> None:
        """Append a piece with a random key; ``before`` is its use in 2015, by default the same."""
        middle = polygon.centroid
        key = int(self.rng.integers(1, 2**31))
        uses = (use, use if before is None else before)
        self.pieces.append(Piece(polygon, uses, angle, (middle.x, middle.y), key, side, is_field))

    def paint_open_land(self, farms: list[Paddock], rest: list[Paddock]) -> None:
        """Add headlands under the farms, uses of the other paddocks, windbreaks, riparian corridors and dams."""
        for paddock in farms:
            self.add(paddock.polygon, "headland", angle=paddock.angle)
        dams: list[Polygon] = []
        for paddock in rest:
            use = draw_use(BROAD, self.rng)
            polygon = paddock.polygon
            if use in ("forest", "scrub"):
                polygon = self._wooded_part(polygon)
            self.add(polygon, use, angle=paddock.angle)
            self._paint_windbreak(paddock, use)
            if use in ("pasture", "rough_pasture") and self.rng.random() < 0.22 and compactness(polygon) > 0.5:
                dams.append(dam(polygon, self.width, self.rng))
        for corridor in self.country.corridors:
            self.add(roughen(corridor, 5.0, 2.5 * self.width, 10.0, self.rng), "riparian")
        for water in dams:
            self.add(roughen(water.buffer(5 * self.width), 4.0, 1.0, 8.0, self.rng), "bank")
            self.add(water, "dam")

    def paint_water_and_roads(self) -> None:
        """Add the creeks with their banks, the lanes and the main road."""
        for creek in self.country.creeks:
            bed = creek.buffer(4.2 * self.width, quad_segs=4)
            for use, wider in (("bank", 2.6), ("creek", 0.0)):
                for part in polygons(bed.buffer(wider * self.width)):
                    self.add(roughen(part, 4.0, 0.8 * self.width, 7.0, self.rng), use)
        for lane in self.country.lanes:
            self.add(lane.polygon, "lane", angle=lane.angle)
        for chord, angle, _ in chords(self.country.road, 40.0):
            self.add(self._road_section(chord), "road", angle=angle)

    def _wooded_part(self, polygon: Polygon) -> Polygon:
        """Return the wooded part of a paddock, with an irregular outline."""
        reach = min(14 * self.width, 0.12 * np.sqrt(polygon.area))
        wooded = inset(polygon, 0.7 * reach, reach) or polygon
        return roughen(roughen(wooded, 8.0, 0.8 * reach, 3.5 * reach, self.rng), 5.0, 2.2 * self.width, 9.0, self.rng)

    def _paint_windbreak(self, paddock: Paddock, use: str) -> None:
        """Add a windbreak along one of a paddock's long sides, with a probability of 0.3."""
        if use in ("forest", "scrub") or self.rng.random() > 0.3:
            return
        edges = long_edges(paddock.polygon, 60 * self.width)
        if edges:
            edge, angle = edges[int(self.rng.integers(len(edges)))]
            for part in polygons(edge.buffer(7 * self.width).intersection(paddock.polygon), 50.0):
                self.add(part, "windbreak", angle=angle)

    def _road_section(self, chord: LineString) -> Polygon:
        """Return the outline of a straight section of the main road, including its verges."""
        return chord.buffer(self.country.road_half_width, cap_style="square", join_style="bevel")

    def paint_farmsteads(self, fields: list[Field], rest: list[Paddock]) -> None:
        """Add farmsteads on the yards among the fields and on some of the other paddocks."""
        roads = shapely.union_all([self.country.road, *(lane.polygon for lane in self.country.lanes)])
        crops = shapely.STRtree([f.polygon for f in fields])
        for field in fields:
            if field.use == "yard":
                self._paint_farmstead(field.polygon, field.angle, roads, crops, fields)
        for paddock in rest:
            if self.rng.random() < 0.2:
                place = homestead_ground(paddock.polygon, paddock.angle, roads, self.width)
                if place is not None:
                    self._paint_farmstead(place, paddock.angle, roads, crops, fields)

    def _paint_farmstead(
        self, ground: Polygon, angle: float, roads: BaseGeometry, crops: shapely.STRtree, fields: list[Field]
    ) -> None:
        """Add a farmstead, with a track to the nearest road if it is close and the track crosses no field."""
        middle = ground.representative_point()
        way = shapely.shortest_line(middle, roads)
        if 0 < way.length < 260 * self.width:
            drive = way.buffer(4.5 * self.width, cap_style="flat")
            if not any(
                fields[k].polygon.intersects(drive) and fields[k].polygon is not ground for k in crops.query(drive)
            ):
                (x0, y0), (x1, y1) = way.coords[0], way.coords[-1]
                self.add(drive, "track", angle=float(np.arctan2(y1 - y0, x1 - x0)))
        for polygon, use, turn in farmstead(ground, angle, self.width, self.rng):
            self.add(polygon, use, angle=turn)
