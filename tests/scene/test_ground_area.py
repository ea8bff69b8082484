"""Hectares are those on the ground where a projection stretches areas, against geodesic polygons (pyproj's Geod)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from lulcseg.assessment.assess_files import assess_files
from lulcseg.assessment.design_based import DesignRequest
from lulcseg.assessment.design_strata import map_sizes, pixel_hectares
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import Legend
from lulcseg.maps.areas import class_hectares, class_pixels
from lulcseg.report.area_table import hectares_per_pixel
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.ground_area import (
    describe_stretch,
    ground_areas,
    ground_blocks,
    is_stretched,
    pixel_ground_area,
    stretch,
)
from lulcseg.scene.scene import Scene
from tests.conftest import LEGEND, write_raster

Make = Callable[..., Path]
MERCATOR, LEFT, TOP = "EPSG:3857", 16_363_965.0, -5_311_972.0


def geodesic_area(geometry: shapely.Geometry, crs: str) -> float:
    """Return a polygon's area on the ellipsoid, m², without a line of lulcseg."""
    step = max(1.0, shapely.length(geometry) / 2000)
    to_ground = Transformer.from_crs(crs, 4326, always_xy=True)
    moved = shapely.transform(
        shapely.segmentize(geometry, step), lambda xy: np.stack(to_ground.transform(xy[:, 0], xy[:, 1]), axis=1)
    )
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(moved))[0])


@pytest.mark.parametrize(
    ("crs", "left", "top", "side"),
    [
        (MERCATOR, LEFT, TOP, 64.0), (MERCATOR, LEFT, TOP, 50_000.0), (MERCATOR, 20_037_400.0, 9e6, 9_000.0),
        ("EPSG:3034", 4e6, 3e6, 50_000.0), ("EPSG:6933", 1e6, 5e6, 20_000.0),
    ],
)  # fmt: skip
def test_areas_are_those_of_geodesics(crs: str, left: float, top: float, side: float) -> None:
    grid = Grid(crs, left, top, side / 100, side / 100, 100, 100)
    expected = geodesic_area(shapely.box(*grid.bounds()), crs)
    assert pixel_ground_area(grid) * 100**2 == pytest.approx(expected, rel=1e-6)
    shapes = [shapely.box(*grid.bounds(w)) for w in blocks(grid.window, 20, 50)]
    shapes.append(shapely.Point(left + side / 2, top - side / 2).buffer(side / 3).difference(shapes[4]))
    true = [geodesic_area(shape, crs) for shape in shapes]
    np.testing.assert_allclose(ground_areas(shapes, grid), true, rtol=2e-5)
    assert sum(w.height * w.width * area for w, area in ground_blocks(grid, grid.window)) == pytest.approx(expected)


@pytest.mark.parametrize("crs", ["EPSG:28355", "EPSG:32633", "EPSG:2154", "EPSG:6933"])
def test_areas_of_true_projections_are_the_maps_own(crs: str) -> None:
    grid = Grid(crs, 5e5, 6.5e6, 0.3, 0.7, 1000, 3000)
    assert not is_stretched(grid)
    assert describe_stretch(grid) is None
    assert pixel_ground_area(grid) == grid.pixel_area
    assert ground_areas([shapely.box(0, 0, 3, 7)], grid).tolist() == [21.0]


def mercator_scene(make_scene: Make, **spec: Any) -> Path:
    """Write the tests' scene with its place on the ground in Web Mercator, at 43° S."""
    path = make_scene(**spec)
    folder = path.parent
    image = np.random.default_rng(0).integers(1, 255, (3, 96, 128), dtype=np.uint8)
    write_raster(folder / "image.tif", image, crs=MERCATOR, left=LEFT, top=TOP)
    trees = shapely.box(LEFT, TOP - 24, LEFT + 32, TOP)
    water = shapely.box(LEFT + 8, TOP - 14, LEFT + 18, TOP - 6)
    polygons = gpd.GeoDataFrame({"class": ["Trees", "Water"]}, geometry=[trees, water], crs=MERCATOR)
    polygons.to_file(folder / "labels.gpkg")
    return path


def test_hectares_of_a_scene_in_web_mercator_are_true(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(mercator_scene(make_scene, points=None)), cache)
    features = scene.polygons()
    assert features is not None
    expected = [geodesic_area(shape, MERCATOR) for shape in features.geometry]
    np.testing.assert_allclose(features["area_m2"], expected, rtol=1e-6)
    table = {row["class"]: row["area (ha)"] for row in check_labels(scene).table}
    assert table["Water"] == pytest.approx(expected[1] / 1e4)
    assert sum(table.values()) == pytest.approx(geodesic_area(scene.ground, MERCATOR) / 1e4)
    found = check_imagery(scene)
    assert found.facts["area"] == "0.16 ha"
    (said,) = [remark for remark in found.remarks if "hectares are corrected" in remark]
    assert said.startswith("Areas in EPSG:3857 are 1.87 times those on the ground here (1 m is 0.73 m)")
    assert said in scene.notes


def test_hectares_of_maps_in_web_mercator_are_true(tmp_path: Path) -> None:
    legend = Legend.from_plain(LEGEND)
    codes = np.random.default_rng(1).choice(legend.codes, (1, 700, 40)).astype(np.uint8)
    codes[0, :350, :20] = 10  # unevenly spread over a mosaic of 200 km, whose pixels differ by 5 % in area
    wide = write_raster(tmp_path / "wide.tif", codes, crs=MERCATOR, left=LEFT, top=TOP, res=300.0)
    grid = Grid(MERCATOR, LEFT, TOP, 300.0, 300.0, 700, 40)
    rows = [geodesic_area(shapely.box(*grid.bounds(Window(r, 0, 1, 40))), MERCATOR) / 40 / 1e4 for r in range(700)]
    expected = [(codes[0] == code).sum(axis=1) @ rows for code in legend.codes]
    pixels = class_pixels(wide, legend)
    np.testing.assert_allclose(
        class_hectares(wide, legend, pixels), expected, rtol=2e-4
    )  # rows of 300 m, blocks of 4 km
    with pytest.raises(LulcsegError, match=r"wide\.tif: its pixels differ in area by \d\.\d%; warp it to a projection"):
        pixel_hectares(wide, legend)
    small = write_raster(tmp_path / "small.tif", codes[:, :40], crs=MERCATOR, left=LEFT, top=TOP)
    sizes = map_sizes(small, legend)
    extent = shapely.box(LEFT, TOP - 20, LEFT + 20, TOP)
    assert sizes.hectares.sum() == pytest.approx(geodesic_area(extent, MERCATOR) / 1e4, rel=1e-6)
    assert sizes.pixel_hectares * 1600 == pytest.approx(sizes.hectares.sum())
    assert hectares_per_pixel(Grid(MERCATOR, LEFT, TOP, 0.5, 0.5, 40, 40)) == pytest.approx(sizes.pixel_hectares)


def test_design_based_areas_in_web_mercator_are_true(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    codes = rng.choice([1, 2], (1, 60, 60)).astype(np.uint8)
    mapped = write_raster(tmp_path / "map.tif", codes, crs=MERCATOR, left=LEFT, top=TOP)
    row, col = rng.integers(0, 60, (2, 80))
    places = gpd.points_from_xy(LEFT + (col + 0.5) / 2, TOP - (row + 0.5) / 2)
    gpd.GeoDataFrame({"class": codes[0, row, col]}, geometry=places, crs=MERCATOR).to_file(tmp_path / "points.gpkg")
    found = assess_files(tmp_path / "points.gpkg", mapped, request=DesignRequest("simple random")).design_based
    assert found is not None
    total = geodesic_area(shapely.box(LEFT, TOP - 30, LEFT + 30, TOP), MERCATOR) / 1e4
    assert sum(c.hectares.value for c in found.classes) == pytest.approx(total, rel=1e-6)


def test_stretch_is_measured_over_the_whole_grid() -> None:
    least, most = stretch(Grid(MERCATOR, 0.0, 9e6, 1e4, 1e4, 900, 10))  # from the equator to 63° N
    assert least == pytest.approx(0.9933**-1, abs=1e-3)
    assert most > 4
