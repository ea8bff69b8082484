"""Metres per pixel and round lengths of scale bars."""

from __future__ import annotations

import pytest

from lulcseg.grid import Grid
from lulcseg.pictures.ground_scale import metres_per_pixel, round_length


@pytest.mark.parametrize(
    ("crs", "step", "metres"),
    [
        ("EPSG:28355", 0.5, 0.5),
        ("EPSG:4326", 1e-4, 9.840),  # 28° south: cos φ · a / √(1 − e² sin² φ) · π / 180 · 10⁻⁴
        ("EPSG:3857", 10.0, 10 * 0.8844),  # Web Mercator's metres are long at 28° south
    ],
)
def test_the_scale_is_that_of_the_ground(crs: str, step: float, metres: float) -> None:
    x, y = {"EPSG:28355": (500_000, 8_000_000), "EPSG:4326": (153, -28), "EPSG:3857": (17e6, -3_248_973)}[crs]
    grid = Grid(crs, x - 5 * step, y + 5 * step, step, step, 10, 10)
    assert metres_per_pixel(grid) == pytest.approx(metres, rel=2e-3)


def test_a_plan_without_a_place_on_earth_has_no_scale() -> None:
    wkt = 'LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
    assert metres_per_pixel(Grid(wkt, 0, 0, 1, 1, 10, 10)) is None


def test_scale_bars_have_round_lengths() -> None:
    lengths = [round_length(m) for m in (0.07, 0.99, 1.0, 4.99, 5.0, 199.9, 200.0, 999.9, 1000, 7_300, 123_456)]
    assert [name for _, name in lengths] == [
        "5 cm", "50 cm", "1 m", "2 m", "5 m", "100 m", "200 m", "500 m", "1 km", "5 km", "100 km",
    ]  # fmt: skip
    assert lengths[-1][0] == 100_000
