from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rio_cogeo import cog_validate

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.raster_layouts import class_layout, share_layout
from lulcseg.maps.writer import Raster, StripFile, StripSource

LEGEND = Legend(
    (LandClass(10, "Trees & <vines>", "#102030"), LandClass(0, "Été", "#ff0000"), LandClass(4, "Other", "#c8c4b7"))
)
GRID = Grid("EPSG:28355", 312_345.5, 8_071_234.25, 0.5, 0.25, 1300, 1100)


def codes(grid=GRID, seed=0):
    draw = np.random.default_rng(seed)
    values = draw.choice(np.array([*LEGEND.codes, 255], np.uint8), (1, -(-grid.height // 9), -(-grid.width // 9)))
    return np.kron(values, np.ones((1, 9, 9), np.uint8))[:, : grid.height, : grid.width]


def write(path, values, layout, *, grid=GRID, strip=512, tags=None, leave_out=None):
    """Write strips into a folder of their own, join them there, and put the raster at ``path``."""
    folder = path.parent / "strips"
    folder.mkdir()
    places = []
    try:
        for number, start in enumerate(range(0, grid.height, strip)):
            rows = values[:, start : start + strip]
            file = StripFile(
                folder / f"{number}.tif", len(values), grid.crop(Window(start, 0, rows.shape[1], grid.width)), path
            )
            for row in range(0, rows.shape[1], 300):
                if (number, row) != leave_out:
                    file.write(rows[:, row : row + 300])
            places.append(StripSource(folder / f"{number}.tif", start, start + rows.shape[1], file.close()))
        Raster(grid, layout, LEGEND, tags or {}).join(places, folder / "cog.tif", path)
        beside = ["cog.tif.aux.xml"] if layout.sidecar else []
        assert sorted(f.name for f in folder.iterdir() if not f.stem.isdecimal()) == ["cog.tif", *beside]
        for name in ["cog.tif", *beside]:
            (folder / name).replace(path.with_name(name.replace("cog.tif", path.name)))
    finally:
        shutil.rmtree(folder)


def names_as_gdal_reads_them(path, tmp_path):
    """Categories and attribute rows, as they come out on GDAL's side when it copies the raster to another format."""
    rasterio.shutil.copy(path, tmp_path / "copy.vrt", driver="VRT")
    band = ET.parse(tmp_path / "copy.vrt").getroot().find("VRTRasterBand")
    categories = [c.text or "" for c in band.find("CategoryNames")]
    rows = [[f.text for f in row] for row in band.find("GDALRasterAttributeTable").iter("Row")]
    return categories, rows


@pytest.fixture(scope="module")
def class_map(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.tif"
    write(path, codes(), class_layout(LEGEND), tags={"checkpoint": "best.ckpt", "date": "2018-07-01"})
    return path


def test_it_is_a_valid_cog_on_the_grid(class_map):
    assert cog_validate(class_map, strict=True) == (True, [], [])
    with rasterio.open(class_map) as dataset:
        assert dataset.crs == CRS.from_epsg(28355)
        assert dataset.transform[:6] == GRID.transform
        assert dataset.shape == (1300, 1100)
        assert dataset.dtypes == ("uint8",)
        assert dataset.nodata == 255
        np.testing.assert_array_equal(dataset.read(), codes())


def test_it_carries_colours_names_and_tags(class_map, tmp_path):
    with rasterio.open(class_map) as dataset:
        assert dataset.colorinterp == (ColorInterp.palette,)
        table = dataset.colormap(1)
        tags = dataset.tags()
    assert [table[c] for c in (10, 0, 4)] == [(16, 32, 48, 255), (255, 0, 0, 255), (200, 196, 183, 255)]
    assert json.loads(tags["LULCSEG_LEGEND"]) == LEGEND.to_plain()
    assert tags["LULCSEG_VERSION"] == lulcseg.__version__
    assert (tags["checkpoint"], tags["date"]) == ("best.ckpt", "2018-07-01")
    assert sorted(f.name for f in class_map.parent.iterdir()) == ["map.tif", "map.tif.aux.xml"]
    categories, rows = names_as_gdal_reads_them(class_map, tmp_path)
    assert {code: name for code, name in enumerate(categories) if name} == {c.code: c.name for c in LEGEND}
    assert rows == [
        ["10", "Trees & <vines>", "16", "32", "48"],
        ["0", "Été", "255", "0", "0"],
        ["4", "Other", "200", "196", "183"],
    ]


def test_the_sidecar_alone_has_the_names(class_map):
    """Older versions of GDAL read the attribute table from nowhere else."""
    band = ET.parse(class_map.with_name("map.tif.aux.xml")).getroot().find("PAMRasterBand")
    assert [c.text or "" for c in band.find("CategoryNames")][10] == "Trees & <vines>"
    usages = [f.findtext("Usage") for f in band.find("GDALRasterAttributeTable").iter("FieldDefn")]
    assert usages == ["5", "2", "6", "7", "8"]


def test_overviews_hold_the_commonest_class_and_no_other_code(tmp_path):
    values = np.full((1, 1300, 1100), 10, np.uint8)
    values[:, ::2, ::2] = 0  # an average or nearest pixel would show it, the mode must not
    values[:, 600:, :] = 255
    write(tmp_path / "map.tif", values, class_layout(LEGEND))
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.overviews(1)[0] == 2
    with rasterio.open(tmp_path / "map.tif", overview_level=0) as overview:
        small = overview.read(1)
        assert overview.colormap(1)[10] == (16, 32, 48, 255)
    assert set(np.unique(small)) == {10, 255}
    assert (small[:300] == 10).all()
    assert (small[300:] == 255).all()


@pytest.mark.parametrize("classes", [3, 4])
def test_probabilities_are_bands_and_neither_colours_nor_alpha(tmp_path, classes):
    legend = Legend(tuple(LandClass(i, f"class {i}", "#00ff00") for i in range(classes)))
    draw = np.random.default_rng(1)
    values = draw.integers(0, 251, (classes, 1300, 1100), dtype=np.uint8)
    values[:, 600:] = 255
    write(tmp_path / "p.tif", values, share_layout(*legend.names))
    assert cog_validate(tmp_path / "p.tif", strict=True) == (True, [], [])
    with rasterio.open(tmp_path / "p.tif") as dataset:
        assert dataset.descriptions == tuple(legend.names)
        assert dataset.scales == (0.004,) * classes
        assert dataset.nodatavals == (255,) * classes
        assert dataset.mask_flag_enums == ([MaskFlags.nodata],) * classes
        assert not {ColorInterp.red, ColorInterp.alpha} & set(dataset.colorinterp)
        np.testing.assert_array_equal(dataset.read(), values)
    with rasterio.open(tmp_path / "p.tif", overview_level=0) as overview:
        mean = values[:, :600].reshape(classes, 300, 2, 550, 2).mean(axis=(2, 4))
        assert np.abs(overview.read()[:, :300] - mean).max() <= 0.5
        assert (overview.read()[:, 300:] == 255).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 700), (513, 3)])
def test_small_and_thin_rasters(tmp_path, height, width):
    grid = Grid("EPSG:28355", 0, 0, 1, 1, height, width)
    write(tmp_path / "map.tif", codes(grid), class_layout(LEGEND), grid=grid)
    assert cog_validate(tmp_path / "map.tif", strict=True)[0]
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), codes(grid))


def test_a_crs_without_a_code_survives(tmp_path):
    local = CRS.from_proj4("+proj=tmerc +lat_0=10 +lon_0=20.5 +k=0.9999 +x_0=1000 +ellps=GRS80 +units=m +no_defs")
    grid = Grid(local.to_wkt(), 0, 0, 1, 1, 5, 5)
    write(tmp_path / "map.tif", codes(grid), class_layout(LEGEND), grid=grid)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.crs == local


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:2193", "EPSG:3857"])
def test_axes_are_easting_and_northing_whatever_the_crs_says(tmp_path, code):
    grid = Grid(code, 12.5, -20.25, 0.5, 0.25, 6, 5)
    write(tmp_path / "map.tif", codes(grid), class_layout(LEGEND), grid=grid)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.crs == CRS.from_user_input(code)
        assert dataset.transform[:6] == grid.transform
        assert dataset.bounds == (12.5, -21.75, 15, -20.25)


@pytest.mark.parametrize("strip", [7, 512, 700, 5000])
def test_strips_of_any_height_are_joined(tmp_path, strip):
    grid = Grid("EPSG:28355", 0, 0, 1, 1, 1030, 40)
    write(tmp_path / "map.tif", codes(grid), class_layout(LEGEND), grid=grid, strip=strip)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), codes(grid))


def test_rows_that_were_never_written_are_noticed(tmp_path):
    with pytest.raises(LulcsegError, match="not what was written"):
        write(tmp_path / "map.tif", codes(), class_layout(LEGEND), leave_out=(1, 300))
    assert list(tmp_path.iterdir()) == []


def test_a_strip_that_changed_under_way_is_noticed(tmp_path):
    file = StripFile(tmp_path / "0.tif", 1, GRID, tmp_path / "map.tif")
    file.write(codes())
    place = StripSource(tmp_path / "0.tif", 0, 1300, file.close())
    changed = replace(place, checksums=(place.checksums[0] + 1,))
    raster = Raster(GRID, class_layout(LEGEND), LEGEND, {})
    raster.join([place], tmp_path / "cog.tif", tmp_path / "map.tif")
    with pytest.raises(LulcsegError, match=r"map\.tif: can't be written \(what is read back"):
        raster.join([changed], tmp_path / "cog.tif", tmp_path / "map.tif")
