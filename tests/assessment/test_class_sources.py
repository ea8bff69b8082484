"""Classes at points: a tiny map with known codes, label readers, polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely import MultiPolygon, box

from lulcseg.assessment.class_sources import (
    NO_LABEL,
    NO_MAP_DATA,
    OFF_LABELS,
    OFF_MAP,
    LabelSource,
    MapSource,
    PolygonSource,
)
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#cccccc")))
GRID = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 2.0, 2.0, 40, 48)


def write_raster(path, codes, grid=GRID, **options):
    profile = {"nodata": 255, "tiled": True, "blockxsize": 16, "blockysize": 16, **options}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=codes.dtype,
        crs=grid.crs,
        transform=rasterio.Affine(*grid.transform),
        **profile,
    ) as out:
        out.write(codes, 1)
    return path


@pytest.fixture
def codes():
    return np.random.default_rng(3).choice(np.array([10, 30, 50, 255], dtype=np.uint8), size=(40, 48))


def indices_of(codes):
    return np.select([codes == 10, codes == 30, codes == 50], [0, 1, 2], -1)


def test_every_pixel_of_a_map_comes_back(tmp_path, codes):
    source = MapSource(write_raster(tmp_path / "map.tif", codes), LEGEND)
    row, col = np.indices(codes.shape)
    order = np.random.default_rng(0).permutation(codes.size)
    x, y = GRID.xy(row.ravel()[order], col.ravel()[order])

    index, reason = source.classes_at(x, y)

    expected = indices_of(codes).ravel()[order]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(reason, np.where(expected < 0, NO_MAP_DATA, ""))


def test_points_off_the_map_and_on_its_edges(tmp_path):
    source = MapSource(write_raster(tmp_path / "map.tif", np.full((40, 48), 30, dtype=np.uint8)), LEGEND)
    b = GRID.bounds()
    x = np.array([b.left, b.right, b.left - 0.01, b.left + 1, b.right - 0.01, 0.0])
    y = np.array([b.top, b.top - 1, b.top - 1, b.bottom, b.bottom + 0.01, 0.0])

    index, reason = source.classes_at(x, y)

    assert index.tolist() == [1, -1, -1, -1, 1, -1]
    assert reason.tolist() == ["", OFF_MAP, OFF_MAP, OFF_MAP, "", OFF_MAP]


def test_a_signed_raster_with_a_wide_nodata_value(tmp_path, codes):
    wide = codes.astype(np.int16)
    wide[codes == 255] = -9999
    source = MapSource(write_raster(tmp_path / "map.tif", wide, nodata=-9999), LEGEND)
    row, col = np.indices(codes.shape)

    index, _ = source.classes_at(*GRID.xy(row.ravel(), col.ravel()))

    np.testing.assert_array_equal(index, indices_of(codes).ravel())


def test_a_code_the_legend_lacks_is_an_error(tmp_path):
    codes = np.full((40, 48), 10, dtype=np.uint8)
    codes[3, 5] = 70
    source = MapSource(write_raster(tmp_path / "map.tif", codes), LEGEND)

    with pytest.raises(LulcsegError, match=r"map\.tif: holds code 70, which the legend lacks"):
        source.classes_at(*(np.atleast_1d(v) for v in GRID.xy(3, 5)))


@pytest.mark.parametrize(
    ("options", "dtype", "message"),
    [({"crs": None}, np.uint8, "has no CRS"), ({}, np.float32, "float32 values")],
)
def test_refuses_what_is_no_class_raster(tmp_path, options, dtype, message):
    path = tmp_path / "map.tif"
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": dtype, "crs": "EPSG:28355", **options}
    with rasterio.open(path, "w", transform=rasterio.Affine(1, 0, 5, 0, -1, 9), **profile) as out:
        out.write(np.zeros((1, 4, 4), dtype=dtype))

    with pytest.raises(LulcsegError, match=message):
        MapSource(path, LEGEND)


def test_a_file_with_several_bands_and_a_missing_file(tmp_path):
    path = tmp_path / "rgb.tif"
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 3, "dtype": "uint8", "crs": "EPSG:28355"}
    with rasterio.open(path, "w", transform=rasterio.Affine(1, 0, 5, 0, -1, 9), **profile) as out:
        out.write(np.zeros((3, 4, 4), dtype=np.uint8))

    with pytest.raises(LulcsegError, match="has 3 bands"):
        MapSource(path, LEGEND)
    with pytest.raises(LulcsegError, match="no such file"):
        MapSource(tmp_path / "none.tif", LEGEND)


class Labels:
    """A label reader over an array; notes the windows it was asked for."""

    def __init__(self, index):
        self.index, self.windows = index, []

    def read(self, window):
        self.windows.append(window)
        rows, cols = window.slices_in(GRID.window)
        return self.index[rows, cols]


def test_labels_are_read_by_windows(codes):
    index = indices_of(codes)
    labels = Labels(np.where(index < 0, IGNORE, index).astype(np.uint8))
    source = LabelSource(labels, GRID, "fields.gpkg")
    x, y = GRID.xy([0, 39, 7, 50], [0, 47, 9, 3])

    found, reason = source.classes_at(x, y)

    expected = [index[0, 0], index[39, 47], index[7, 9], -1]
    assert found.tolist() == expected
    assert reason.tolist() == [*(NO_LABEL if i < 0 else "" for i in expected[:3]), OFF_LABELS]
    assert len(labels.windows) == 1
    assert source.origin == "fields.gpkg"


def test_smaller_polygons_win_and_gaps_have_no_label():
    polygons = gpd.GeoDataFrame(
        {"class_index": [2, 0, 1]},
        geometry=[box(5, 0, 10, 10), box(0, 0, 10, 10), MultiPolygon([box(0, 0, 2, 2), box(20, 0, 28, 10)])],
        crs="EPSG:28355",
    )
    x, y = np.array([3.0, 7.0, 1.0, 15.0, 25.0, 40.0]), np.array([5.0, 5.0, 1.0, 5.0, 5.0, 5.0])

    index, reason = PolygonSource(polygons).classes_at(x, y)

    assert index.tolist() == [0, 2, 1, -1, 1, -1]
    assert reason.tolist() == ["", "", "", NO_LABEL, "", OFF_LABELS]


def test_a_huge_map_is_not_read_whole(tmp_path, monkeypatch):
    """Points cost the part of their own block that holds them, not the map."""
    source = MapSource(write_raster(tmp_path / "map.tif", np.full((40, 48), 10, dtype=np.uint8)), LEGEND)
    read, sizes = ClassRaster.read, []

    def counting(self, window):
        sizes.append((window.height, window.width))
        return read(self, window)

    monkeypatch.setattr(ClassRaster, "read", counting)

    index, _ = source.classes_at(*GRID.xy([0, 1, 39], [0, 3, 47]))

    assert index.tolist() == [0, 0, 0]
    assert sizes == [(2, 4), (1, 1)]
