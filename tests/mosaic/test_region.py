"""Regions of interest: which pixels are inside, whatever window is asked for."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from shapely.geometry import Point, Polygon, box

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.mosaic.region import Region

GRID = Grid("EPSG:28355", 300_000.0, 8_000_000.0, 0.5, 0.5, 1300, 1100)
CIRCLE = Point(300_250, 7_999_700).buffer(140)
TWO = shapely.union_all([CIRCLE, box(300_500, 7_999_800, 300_900, 7_999_900)])


def saved(tmp_path, shapes, crs="EPSG:28355"):
    path = tmp_path / "region.gpkg"
    gpd.GeoDataFrame(geometry=shapes, crs=crs).to_file(path)
    return path


def test_pixels_inside_are_gdals_whatever_the_window():
    region = Region(TWO, GRID)
    expected = geometry_mask([TWO], (1300, 1100), Affine(*GRID.transform), invert=True)
    np.testing.assert_array_equal(region(GRID.window), expected)
    for window in (Window(0, 0, 1, 1), Window(500, 300, 300, 500), Window(511, 511, 2, 2), Window(1299, 0, 1, 1100)):
        np.testing.assert_array_equal(region(window), expected[window.slices_in(GRID.window)])
    assert region.window == Window(200, 220, 680, 880), "as far as the imagery goes"


def test_a_region_is_read_warped_and_repaired(tmp_path):
    there = Region.read(saved(tmp_path, [CIRCLE]), GRID)
    degrees = gpd.GeoSeries([CIRCLE], crs="EPSG:28355").to_crs("EPSG:4326")
    warped = Region.read(saved(tmp_path, list(degrees), "EPSG:4326"), GRID)
    assert (there(GRID.window) != warped(GRID.window)).mean() < 1e-4
    assert there.digest() != warped.digest()
    bow = Polygon([(300_100, 7_999_900), (300_200, 7_999_800), (300_200, 7_999_900), (300_100, 7_999_800)])
    assert Region.read(saved(tmp_path, [bow]), GRID)(GRID.window).sum() == pytest.approx(2 * 2500 * 4, rel=0.01)


@pytest.mark.parametrize(
    ("shapes", "part"),
    [
        ([box(0, 0, 10, 10)], "holds none of the imagery"),
        ([box(300_100.3, 7_999_900.3, 300_100.4, 7_999_900.4)], "holds none of the imagery"),
        ([Point(300_100, 7_999_900)], "holds no polygon"),
    ],
)
def test_regions_that_hold_nothing_are_refused(tmp_path, shapes, part):
    with pytest.raises(LulcsegError, match=part):
        Region.read(saved(tmp_path, shapes), GRID)


def test_a_file_that_is_no_region_is_named(tmp_path):
    with pytest.raises(LulcsegError, match="there is no such file"):
        Region.read(tmp_path / "none.gpkg", GRID)
