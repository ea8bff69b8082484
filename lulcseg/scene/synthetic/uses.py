"""Land uses and their appearance: grass, rows, crowns and hard surfaces.

Lengths are in pixels of 50 cm, colours are sRGB of the sunlit surface. A pair is a range from which each piece of
ground draws its own value. Classes differ by pattern and height more than by colour, and several uses of class Other
resemble a crop class on purpose (maize and cane, ploughed ground with weeds and young vines, sheds and polytunnels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Range = tuple[float, float]
Surface = Literal["land", "water", "seal", "gravel", "track", "roof", "tunnel"]


@dataclass(frozen=True, slots=True)
class Crowns:
    """Plants with separate crowns, on a lattice aligned with the rows.

    Attributes:
        along: Distance between plants along the row, pixels.
        across: Distance between rows, pixels.
        radius: Crown radius, pixels.
        height: Height of the crown's top, pixels of 50 cm.
        colour: sRGB of sunlit leaves.
        jitter: Range of the random displacement from the lattice, as a share of its spacing.
        present: Share of lattice cells that contain a plant.
        star: Depth of the rays in a star-shaped outline, 0…1.
        pointed: Crown shape, from 0 (dome) to 1 (cone).
        lumpy: Irregularity of the outline, 0…1.
        strip: Half-width of the bare or mulched strip along the row, pixels.
    """

    along: Range
    across: Range
    radius: Range
    height: Range
    colour: str
    jitter: float = 0.06
    present: Range = (0.96, 1.0)
    star: float = 0.0
    pointed: float = 0.0
    lumpy: float = 0.12
    strip: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Plants that form closed rows, or planted beds.

    Attributes:
        across: Distance between rows, pixels.
        half_width: Half the width of the foliage, pixels.
        height: Height of the foliage, pixels of 50 cm.
        colour: sRGB of sunlit leaves.
        gaps: Share of the row's length without plants.
        bush: Distance between bushes along the row, pixels; 0 for a continuous row.
        grain: Strength of the leaf texture.
        cycle: Response to the season: annuals ripen to straw, deciduous foliage changes its width.
    """

    across: Range
    half_width: Range
    height: Range
    colour: str
    gaps: Range = (0.0, 0.03)
    bush: float = 0.0
    grain: float = 0.12
    cycle: Literal["evergreen", "annual", "deciduous"] = "evergreen"


@dataclass(frozen=True, slots=True)
class LandUse:
    """Appearance of one land use.

    Attributes:
        land_class: Name of the class in the paper's legend.
        cover: Share of the ground under grass; the rest is bare soil.
        green: Greenness of the grass in the wet season, from 0 (straw) to 1 (lush).
        patchy: Unevenness of the grass cover.
        crowns: Plants on a lattice, tallest first, at most two kinds.
        rows: Plants in closed rows.
        surface: Type of surface; all except ``land`` are painted over the ground.
        furrow: Strength of the plough pattern along the rows, 0…1.
        litter: Share of the ground under straw-coloured litter or cane trash.
    """

    land_class: str
    cover: Range = (0.9, 1.0)
    green: Range = (0.4, 0.8)
    patchy: float = 0.25
    crowns: tuple[Crowns, ...] = ()
    rows: Rows | None = None
    surface: Surface = "land"
    furrow: Range = (0.0, 0.0)
    litter: Range = (0.0, 0.0)


_PADDOCK_TREES = Crowns((30, 44), (30, 44), (5, 9.5), (10, 20), "#5f6e45", jitter=0.9, present=(0.02, 0.16), lumpy=0.32)
_GARDEN_TREES = Crowns((16, 22), (16, 22), (3, 7), (5, 13), "#56703a", jitter=0.9, present=(0.25, 0.45), lumpy=0.3)
_EMERGENT = Crowns((17, 21), (17, 21), (7, 10.5), (22, 27), "#647049", jitter=0.85, present=(0.4, 0.6), lumpy=0.32)

USES: dict[str, LandUse] = {
    # --- the eight crop classes -----------------------------------------------------------------------------------
    "banana": LandUse(
        "Banana Plantation",
        cover=(0.25, 0.6),
        green=(0.5, 0.8),
        litter=(0.15, 0.4),
        crowns=(
            Crowns((5.0, 5.8), (7.0, 8.4), (3.6, 4.3), (6, 8), "#829a4c", jitter=0.12, present=(0.94, 0.99), star=0.5),
        ),
    ),
    "berry": LandUse("Berry Crops", cover=(0.5, 0.8), green=(0.5, 0.8), surface="tunnel"),
    "forestry": LandUse(
        "Forestry Plantation",
        cover=(0.4, 0.7),
        green=(0.2, 0.5),
        litter=(0.3, 0.6),
        crowns=(
            Crowns(
                (5.4, 6.2), (6.6, 7.6), (3.2, 3.9), (17, 24), "#4e663f", jitter=0.08, present=(0.95, 0.99), pointed=0.75
            ),
        ),
    ),
    "cane": LandUse(
        "Sugarcane Crop",
        cover=(0.1, 0.3),
        litter=(0.3, 0.5),
        rows=Rows((3.0, 3.3), (1.45, 1.6), (5, 6.5), "#91a15c", gaps=(0.0, 0.02), grain=0.1),
    ),
    "cane_ratoon": LandUse(
        "Sugarcane Crop",
        cover=(0.05, 0.15),
        litter=(0.5, 0.8),
        rows=Rows((3.0, 3.3), (0.8, 1.1), (1.2, 2.4), "#86a050", gaps=(0.02, 0.06), grain=0.14),
    ),
    "cane_cut": LandUse(
        "Sugarcane Crop",
        cover=(0.0, 0.1),
        litter=(0.8, 0.95),
        furrow=(0.25, 0.4),
        rows=Rows((3.0, 3.3), (0.5, 0.7), (0.4, 0.6), "#a8a060", gaps=(0.2, 0.35), grain=0.2),
    ),
    "teatree": LandUse(
        "Tea Tree Plantation",
        cover=(0.15, 0.4),
        litter=(0.1, 0.3),
        rows=Rows((3.9, 4.4), (1.25, 1.5), (2.6, 3.6), "#71875c", gaps=(0.01, 0.05), bush=2.6, grain=0.16),
    ),
    "mature": LandUse(
        "Tree Crop - Mature",
        cover=(0.85, 1.0),
        green=(0.5, 0.9),
        crowns=(Crowns((11.5, 14), (15, 18), (5.4, 6.6), (8, 12), "#557038", jitter=0.05, lumpy=0.16, strip=3.0),),
    ),
    "young": LandUse(
        "Tree Crop - Young",
        cover=(0.8, 0.95),
        green=(0.5, 0.85),
        crowns=(Crowns((9.5, 12), (14, 17), (1.7, 2.9), (2.2, 4.5), "#66833f", jitter=0.04, lumpy=0.12, strip=2.2),),
    ),
    "vines": LandUse(
        "Vineyards",
        cover=(0.55, 0.95),
        green=(0.4, 0.8),
        rows=Rows((5.6, 6.6), (0.75, 1.05), (2.8, 3.6), "#6f8a42", gaps=(0.02, 0.12), grain=0.2, cycle="deciduous"),
    ),
    # --- Other: large areas -------------------------------------------------------------------------------------
    "verge": LandUse("Other", cover=(0.8, 0.95), green=(0.35, 0.6), patchy=0.45, crowns=(_PADDOCK_TREES,)),
    "pasture": LandUse("Other", cover=(0.97, 1.05), green=(0.4, 0.9), patchy=0.16, crowns=(_PADDOCK_TREES,)),
    "rough_pasture": LandUse("Other", cover=(0.86, 0.98), green=(0.15, 0.5), patchy=0.36, crowns=(_PADDOCK_TREES,)),
    "hay": LandUse("Other", cover=(0.95, 1.0), green=(0.3, 0.7), patchy=0.1, furrow=(0.12, 0.2)),
    "scrub": LandUse(
        "Other",
        cover=(0.75, 0.95),
        green=(0.2, 0.5),
        patchy=0.5,
        crowns=(
            Crowns((14, 18), (14, 18), (3.5, 7.5), (7, 18), "#66734c", jitter=0.95, present=(0.4, 0.7), lumpy=0.32),
        ),
    ),
    "forest": LandUse(
        "Other",
        cover=(0.6, 0.9),
        green=(0.2, 0.5),
        patchy=0.4,
        crowns=(
            _EMERGENT,
            Crowns((9, 11), (9, 11), (4, 7), (12, 20), "#5a6a42", jitter=0.9, present=(0.85, 0.97), lumpy=0.3),
        ),
    ),
    "riparian": LandUse(
        "Other",
        cover=(0.7, 0.95),
        green=(0.4, 0.7),
        patchy=0.4,
        crowns=(
            Crowns((15, 18), (15, 18), (6, 9.5), (18, 25), "#55693c", jitter=0.85, present=(0.5, 0.7), lumpy=0.32),
            Crowns((9, 10), (9, 10), (3.5, 6.5), (8, 16), "#4c6236", jitter=0.9, present=(0.75, 0.95), lumpy=0.3),
        ),
    ),
    # --- Other: cultivated land ----------------------------------------------------------------------------------
    "maize": LandUse(
        "Other",
        cover=(0.1, 0.3),
        litter=(0.1, 0.3),
        rows=Rows((2.3, 2.6), (0.95, 1.15), (3.4, 4.6), "#92a054", gaps=(0.0, 0.03), grain=0.1, cycle="annual"),
    ),
    "fallow": LandUse("Other", cover=(0.02, 0.2), green=(0.4, 0.7), patchy=0.5, furrow=(0.15, 0.4)),
    "fallow_weeds": LandUse(
        "Other",
        cover=(0.1, 0.5),
        green=(0.4, 0.7),
        furrow=(0.2, 0.4),
        rows=Rows((5.4, 6.8), (0.45, 0.75), (0.3, 0.6), "#858f55", gaps=(0.25, 0.45), grain=0.2, cycle="annual"),
    ),
    "vegetables": LandUse(
        "Other",
        cover=(0.0, 0.1),
        furrow=(0.1, 0.2),
        rows=Rows((3.4, 4.0), (0.8, 1.2), (0.6, 1.0), "#7d9f4a", gaps=(0.02, 0.15), grain=0.12, cycle="annual"),
    ),
    "stubble": LandUse("Other", cover=(0.1, 0.3), green=(0.1, 0.3), litter=(0.5, 0.8), furrow=(0.1, 0.25)),
    # --- Other: farmstead, water, roads -----------------------------------------------------------------------------
    "headland": LandUse("Other", cover=(0.45, 0.85), green=(0.4, 0.7), patchy=0.6),
    "yard": LandUse("Other", cover=(0.85, 0.97), green=(0.6, 0.95), patchy=0.3, crowns=(_GARDEN_TREES,)),
    "drive": LandUse("Other", cover=(0.0, 0.25), green=(0.3, 0.5), patchy=0.5, surface="gravel"),
    "track": LandUse("Other", cover=(0.85, 1.0), green=(0.4, 0.7), patchy=0.3, surface="track"),
    "lane": LandUse("Other", cover=(0.8, 0.95), green=(0.35, 0.65), patchy=0.4, surface="track"),
    "windbreak": LandUse(
        "Other",
        cover=(0.8, 0.95),
        green=(0.3, 0.6),
        patchy=0.4,
        crowns=(Crowns((7, 10), (7, 8), (3.4, 5), (11, 20), "#516741", jitter=0.35, present=(0.75, 0.97), lumpy=0.35),),
    ),
    "road": LandUse("Other", cover=(0.8, 0.95), green=(0.4, 0.7), patchy=0.4, surface="seal"),
    "roof": LandUse("Other", surface="roof"),
    "bank": LandUse("Other", cover=(0.15, 0.4), green=(0.3, 0.6), patchy=0.6),
    "creek": LandUse("Other", surface="water"),
    "dam": LandUse("Other", surface="water"),
}

BROAD = {
    "pasture": 0.42,
    "rough_pasture": 0.2,
    "hay": 0.09,
    "forest": 0.14,
    "scrub": 0.08,
    "maize": 0.04,
    "fallow": 0.03,
}
"""Uses of paddocks that are not divided into fields, with their odds."""

SMALL = {
    "fallow_weeds": 0.24,
    "fallow": 0.15,
    "maize": 0.2,
    "vegetables": 0.14,
    "stubble": 0.1,
    "hay": 0.07,
    "pasture": 0.1,
}
"""Uses of fields of class Other, with their odds."""

CROP_USES: dict[str, dict[str, float]] = {
    "Banana Plantation": {"banana": 1.0},
    "Berry Crops": {"berry": 1.0},
    "Forestry Plantation": {"forestry": 1.0},
    "Sugarcane Crop": {"cane": 0.7, "cane_ratoon": 0.2, "cane_cut": 0.1},
    "Tea Tree Plantation": {"teatree": 1.0},
    "Tree Crop - Mature": {"mature": 1.0},
    "Tree Crop - Young": {"young": 1.0},
    "Vineyards": {"vines": 1.0},
}
"""Uses of each crop class, with their odds."""
