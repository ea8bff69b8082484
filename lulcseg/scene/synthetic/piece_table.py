"""Rendering parameters of every piece of ground on a date, as arrays indexed by a raster of piece numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.legend import PAPER_LEGEND
from lulcseg.scene.synthetic.crowns import Lattice
from lulcseg.scene.synthetic.geometry import extent_along
from lulcseg.scene.synthetic.hash_noise import hash32, unit
from lulcseg.scene.synthetic.layout import Date, Layout
from lulcseg.scene.synthetic.uses import USES, Crowns, LandUse, Range, Rows

Float = NDArray[np.float32]

SURFACES = ("land", "water", "seal", "gravel", "track", "roof", "tunnel")
_NO_CROWNS = Crowns((1, 1), (1, 1), (0, 0), (0, 0), "#000000", present=(0, 0))
_NO_ROWS = Rows((1, 1), (0, 0), (0, 0), "#000000")


def linear(colour: str) -> Float:
    """Convert ``#rrggbb`` (sRGB, approximated by gamma 2.2) to linear RGB, ``(3,)`` float32."""
    return np.asarray((np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float32) / 255) ** 2.2, np.float32)


@dataclass(frozen=True)
class Table:
    """Parameters of the pieces, one entry per piece: ``(n,)`` float32 unless stated otherwise.

    Attributes:
        code: Class code, uint8.
        surface: Index in ``SURFACES``, uint8.
        key: Hash key of the textures, uint32.
        cosine: Cosine of the direction of the rows.
        sine: Sine of the direction of the rows.
        x: Origin of the row coordinates, x in pixels, float64.
        y: Origin of the row coordinates, y in pixels, float64.
        half: Half the width of a roof across its direction, pixels; 0 for other surfaces.
        cover: Share of the ground under grass.
        green: Greenness of the grass.
        patchy: Unevenness of the grass.
        litter: Share of the ground under litter.
        furrow: Strength of the plough pattern.
        tone: Brightness relative to other pieces of the same use, -1…1.
        strip: Half-width of the bare strip along tree rows, pixels.
        crowns: Lattice parameters of the first and second kind of plant.
        crown_colour: ``(2, n, 3)``, linear RGB.
        has_crowns: ``(2, n)`` bool.
        rows: ``(n, 6)``: across, half-width, height, gaps, bush, grain.
        row_colour: ``(n, 3)``, linear RGB.
        has_rows: Whether the use has closed rows, bool.
        annual: Whether the rows ripen, bool.
        deciduous: Whether the width of the foliage depends on the season, bool.
        width: Width of roads relative to their real width, one number.
    """

    code: NDArray[np.uint8]
    surface: NDArray[np.uint8]
    key: NDArray[np.uint32]
    cosine: Float
    sine: Float
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    half: Float
    cover: Float
    green: Float
    patchy: Float
    litter: Float
    furrow: Float
    tone: Float
    strip: Float
    crowns: tuple[Lattice, Lattice]
    crown_colour: Float
    has_crowns: NDArray[np.bool_]
    rows: Float
    row_colour: Float
    has_rows: NDArray[np.bool_]
    annual: NDArray[np.bool_]
    deciduous: NDArray[np.bool_]
    width: float


def table_of(layout: Layout, date: Date) -> Table:
    """Draw the parameters of every piece; a piece with the same use on both dates has the same parameters on both.

    Args:
        layout: The landscape.
        date: One of its two dates.
    """
    pieces = layout.pieces
    uses = [USES[p.uses[0 if date == 2018 else 1]] for p in pieces]
    key = np.array([p.key for p in pieces], dtype=np.uint32)

    def draw(ranges: list[Range], number: int) -> Float:
        limits = np.array(ranges, dtype=np.float32)
        return limits[:, 0] + (limits[:, 1] - limits[:, 0]) * unit(hash32(key, number))

    codes = {c.name: c.code for c in PAPER_LEGEND}
    rows = [u.rows or _NO_ROWS for u in uses]
    angle = np.array([p.angle for p in pieces])
    return Table(
        code=np.array([codes[u.land_class] for u in uses], dtype=np.uint8),
        surface=np.array([SURFACES.index(u.surface) for u in uses], dtype=np.uint8),
        key=key,
        cosine=np.cos(angle).astype(np.float32),
        sine=np.sin(angle).astype(np.float32),
        x=np.array([p.origin[0] for p in pieces]),
        y=np.array([p.origin[1] for p in pieces]),
        half=np.array(
            [
                _half_width(p.polygon, p.angle) if u.surface == "roof" else 0.0
                for p, u in zip(pieces, uses, strict=True)
            ],
            np.float32,
        ),
        cover=draw([u.cover for u in uses], 1),
        green=draw([u.green for u in uses], 2),
        patchy=np.array([u.patchy for u in uses], np.float32),
        litter=draw([u.litter for u in uses], 3),
        furrow=draw([u.furrow for u in uses], 4),
        tone=2 * unit(hash32(key, 5)) - 1,
        strip=np.array([u.crowns[0].strip if u.crowns else 0.0 for u in uses], np.float32),
        crowns=(_draw_lattice(uses, 0, draw), _draw_lattice(uses, 1, draw)),
        crown_colour=np.stack([[linear(_crowns_of(u, k).colour) for u in uses] for k in (0, 1)]).astype(np.float32),
        has_crowns=np.array([[len(u.crowns) > k for u in uses] for k in (0, 1)]),
        rows=np.column_stack(
            [
                draw([r.across for r in rows], 20),
                draw([r.half_width for r in rows], 21),
                draw([r.height for r in rows], 22),
                draw([r.gaps for r in rows], 23),
                [r.bush for r in rows],
                [r.grain for r in rows],
            ]
        ).astype(np.float32),
        row_colour=np.array([linear(r.colour) for r in rows], np.float32),
        has_rows=np.array([u.rows is not None for u in uses]),
        annual=np.array([r.cycle == "annual" for r in rows]),
        deciduous=np.array([r.cycle == "deciduous" for r in rows]),
        width=layout.scale.width,
    )


def _crowns_of(use: LandUse, which: int) -> Crowns:
    """Return a use's first (0) or second (1) kind of plant, or a placeholder that grows nothing."""
    return use.crowns[which] if len(use.crowns) > which else _NO_CROWNS


def _draw_lattice(uses: list[LandUse], which: int, draw: Callable[[list[Range], int], Float]) -> Lattice:
    """Draw the lattice parameters of the first (0) or second (1) kind of plant of each piece.

    Crowns in a stand with a narrow range of radii are all close to one radius drawn per piece.
    """
    crowns = [_crowns_of(u, which) for u in uses]
    regular = np.array([c.radius[1] - c.radius[0] < 2.0 for c in crowns])
    own = draw([c.radius for c in crowns], 13 + 10 * which)
    low = np.array([c.radius[0] for c in crowns], np.float32)
    high = np.array([c.radius[1] for c in crowns], np.float32)
    return Lattice(
        along=draw([c.along for c in crowns], 11 + 10 * which),
        across=draw([c.across for c in crowns], 12 + 10 * which),
        radius_min=np.where(regular, own * 0.9, low),
        radius_max=np.where(regular, own * 1.06, high),
        height=draw([c.height for c in crowns], 14 + 10 * which),
        jitter=np.array([c.jitter for c in crowns], np.float32),
        present=draw([c.present for c in crowns], 15 + 10 * which),
        star=np.array([c.star for c in crowns], np.float32),
        pointed=np.array([c.pointed for c in crowns], np.float32),
        lumpy=np.array([c.lumpy for c in crowns], np.float32),
    )


def _half_width(polygon: shapely.Polygon, angle: float) -> float:
    """Return half the width of a polygon across a direction (radians), pixels."""
    _, _, low, high = extent_along(polygon, angle)
    return (high - low) / 2
