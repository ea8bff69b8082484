"""Which points count as on ground trained on, with and without a margin."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from lulcseg.grid import Grid
from lulcseg.sampling.plan import Plan, patch_rows, stack_rows
from lulcseg.sampling.training_ground import on_training_ground
from tests.conftest import CRS, LEFT, RES, TOP

GRID = Grid(crs=CRS, left=LEFT, top=TOP, xres=RES, yres=2 * RES, height=40, width=100)


def plan_of(margin: int | None) -> Plan:
    """A training patch at row 16, col 32; one in the corner; one of validation: 8 pixels each."""
    rows = patch_rows(
        "a", GRID, np.array([16, 0, 16]), np.array([32, 0, 80]), 8, split=["train", "train", "validation"]
    )
    classes = [{"name": "X", "features": 0, "area_m2": 0.0, "wanted": 3, "drawn": 3}]
    meta = {"patch_size": 8, "legend": ["X"], "classes": classes, "scenes": {"a": asdict(GRID)}, "dropped": 0}
    return Plan(rows, meta if margin is None else meta | {"margin": margin})


def at(*places: tuple[float, float]) -> gpd.GeoSeries:
    """Points by row and column, pixels."""
    return gpd.GeoSeries([shapely.Point(LEFT + c * RES, TOP - r * 2 * RES) for r, c in places], crs=CRS)


@pytest.mark.parametrize("margin", [None, 0, 3])
def test_the_margin_counts_in_pixels_along_both_axes(margin: int | None) -> None:
    reach = margin or 0
    corners = [(16 - reach, 32 - reach), (24 + reach, 40 + reach), (16 - reach, 40 + reach)]
    within = [(r + (0.1 if r < 20 else -0.1), c + (0.1 if c < 36 else -0.1)) for r, c in corners]
    beyond = [(20, 31.9 - reach), (20, 40.1 + reach), (15.9 - reach, 36), (24.1 + reach, 36), (20, 84)]
    points = at(*within, *beyond)
    assert on_training_ground(points, plan_of(margin)).tolist() == [True] * 3 + [False] * 5
    elsewhere = points.to_crs("EPSG:4326")
    assert on_training_ground(elsewhere, plan_of(margin)).tolist() == [True] * 3 + [False] * 5


def test_the_margin_ends_with_the_imagery() -> None:
    points = at((-0.5, 4), (4, -0.5), (0.5, 9.5), (9.5, 0.5))
    assert on_training_ground(points, plan_of(3)).tolist() == [False, False, True, True]


def test_each_scene_has_its_own_pixels_and_missing_points_are_outside(tmp_path: Path) -> None:
    coarse = Grid(crs=CRS, left=LEFT + 1000, top=TOP, xres=5.0, yres=5.0, height=20, width=20)
    one = plan_of(2)
    more = stack_rows([one.rows, patch_rows("b", coarse, np.array([8]), np.array([8]), 8)])
    plan = Plan(more, one.meta | {"scenes": one.meta["scenes"] | {"b": asdict(coarse)}})
    plan.save(tmp_path / "plan.gpkg")
    xy = [(LEFT + 1000 + 5 * 6.5, TOP - 60), (LEFT + 1000 + 5 * 5.5, TOP - 60), (LEFT + 31 * RES, TOP - 20 * 2 * RES)]
    points = gpd.GeoSeries([*map(shapely.Point, xy), None], crs=CRS)
    for kept in (plan, Plan.load(tmp_path / "plan.gpkg")):
        assert on_training_ground(points, kept).tolist() == [True, False, True, False]
