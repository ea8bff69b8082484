"""Warped imagery: what is valid and what it holds, against rasterio's own reprojection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from pyproj.crs import BoundCRS
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from rasterio.enums import ColorInterp, Resampling
from rasterio.warp import reproject

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, TOP, write_raster

Make = Callable[..., Path]
ZONE_WEST = "EPSG:28354"


def warp(data: np.ndarray, scene: Scene, resampling: Resampling, **options: Any) -> np.ndarray:
    """Warp (C, h, w) on the tests' grid to a scene's grid without a line of lulcseg."""
    out = np.zeros((data.shape[0], scene.grid.height, scene.grid.width), data.dtype)
    reproject(
        data,
        out,
        src_transform=rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP),
        src_crs=CRS,
        dst_transform=rasterio.Affine(*scene.grid.transform),
        dst_crs=scene.grid.crs,
        resampling=resampling,
        **options,
    )
    return out


def textured(dtype: str, bands: int = 2) -> np.ndarray:
    rows, cols = np.mgrid[:60, :80]
    return np.stack([100 + 40 * np.sin(rows / 5 + b) + cols / 2 for b in range(bands)]).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("seen", [{"crs": ZONE_WEST}, {"resolution": 0.8}])
def test_warped_imagery_equals_reproject(make_scene: Make, cache: Path, dtype: str, seen: dict[str, Any]) -> None:
    path = make_scene(imagery={"files": ["t.tif"]}, labels=None, points=None, **seen)
    data = textured(dtype)
    write_raster(path.parent / "t.tif", data)
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    # the shape of the image on the new grid: cubic takes a pixel at its rim as valid where the centre is on the image
    expected_valid = warp(np.ones((1, 60, 80), np.uint8), scene, Resampling.nearest)[0] > 0
    assert (valid == expected_valid).mean() > 0.995
    assert not expected_valid.all()
    assert image[:, valid].min() > 30, "ground off the image came back as valid zeros"
    expected = warp(data, scene, Resampling.cubic)
    both = valid & expected_valid
    np.testing.assert_allclose(image[:, both], expected[:, both], atol=1)
    assert (image[:, ~valid] == 0).all()


@pytest.mark.parametrize("seen", [{}, {"crs": ZONE_WEST}, {"resolution": 0.8}])
@pytest.mark.parametrize("kind", ["mask", "mask over nodata", "alpha", "nodata"])
def test_invalid_half_stays_invalid_when_warped(make_scene: Make, cache: Path, kind: str, seen: dict[str, Any]) -> None:
    path = make_scene(imagery={"files": ["t.tif"]}, labels=None, points=None, **seen)
    data, mask = textured("uint8", 3), np.full((60, 80), 255, np.uint8)
    mask[:, :40] = 0
    if kind.startswith("mask"):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            write_raster(path.parent / "t.tif", data, nodata=0 if "nodata" in kind else None)
            with rasterio.open(path.parent / "t.tif", "r+") as out:
                out.write_mask(mask)
    elif kind == "alpha":
        write_raster(path.parent / "t.tif", np.concatenate([data, mask[None]]), photometric="RGB", alpha="YES")
    else:
        write_raster(path.parent / "t.tif", np.where(mask, data, 0), nodata=0)
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    expected = warp((mask > 0).astype(np.uint8)[None], scene, Resampling.nearest)[0] > 0
    assert (valid == expected).mean() > 0.98  # a pixel of play along the edge
    assert image.shape[0] == 3
    assert image[:, valid].min() > 30


@pytest.mark.parametrize("bands", [1, 3])
def test_numbers_that_are_none_spread_no_further_undeclared_than_declared(
    make_scene: Make, cache: Path, bands: int
) -> None:
    data = textured("float32", bands)
    data[:, :, :24] = np.nan
    data[0, 40, 50] = np.nan  # one in one band of several
    read = {}
    for name, declared in (("declared", {"nodata": np.nan}), ("undeclared", {})):
        path = make_scene(name, imagery={"files": ["n.tif"]}, labels=None, points=None, resolution=1.0)
        write_raster(path.parent / "n.tif", data, **declared)
        scene = Scene.open(str(path), cache)
        read[name] = scene.imagery.read(scene.grid.window)
    np.testing.assert_array_equal(read["declared"][1], read["undeclared"][1])
    np.testing.assert_array_equal(read["declared"][0], read["undeclared"][0])
    valid = read["undeclared"][1]
    assert not valid[:, :12].any()
    assert valid[:, 12:].mean() > 0.99


def test_a_nodata_value_that_no_image_can_hold_is_refused(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["u.tif"], "nodata": -9999}, labels=None, points=None)
    write_raster(path.parent / "u.tif", textured("uint8", 3))
    with pytest.raises(
        LulcsegError, match=r"imagery\.nodata -9999 is no value of uint8; give a value that the images can hold"
    ):
        Scene.open(str(path), cache).imagery  # noqa: B018


def test_nodata_in_one_float_band_is_invalid_but_black_is_not(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["f.tif"]}, labels=None, points=None)
    data = np.ones((3, 8, 8), np.float32)
    data[0, 1, 1] = -9999
    write_raster(path.parent / "f.tif", data, nodata=-9999)
    image, valid = Scene.open(str(path), cache).imagery.read(Window(0, 0, 8, 8))
    assert np.argwhere(~valid).tolist() == [[1, 1]]
    assert image[:, valid].min() == 1
    dark = np.full((3, 8, 8), 9, np.uint8)
    dark[0, 1, 1] = 0
    dark[:, 2, 2] = 0
    write_raster(path.parent / "f.tif", dark, nodata=0)
    _, valid = Scene.open(str(path), cache).imagery.read(Window(0, 0, 8, 8))
    assert np.argwhere(~valid).tolist() == [[2, 2]]


def test_alpha_band_is_no_image_band_unless_it_is_named(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["a.tif"]}, labels=None, points=None)
    data = np.concatenate([textured("uint8", 3), np.full((1, 60, 80), 255, np.uint8)])
    data[3, :10] = 0
    write_raster(path.parent / "a.tif", data, photometric="RGB", alpha="YES")
    scene = Scene.open(str(path), cache)
    assert scene.bands == 3
    assert scene.imagery.rasters.band_numbers == [1, 2, 3]
    assert not scene.imagery.read(Window(0, 0, 10, 80))[1].any()
    assert scene.imagery.read(Window(10, 0, 50, 80))[1].all()
    assert "alpha" in check_imagery(scene).facts["bands in the first file"]
    named = make_scene("named", imagery={"files": [str(path.parent / "a.tif")], "bands": [1, 4]})
    scene = Scene.open(str(named), cache)
    image, valid = scene.imagery.read(Window(0, 0, 60, 80))
    assert scene.bands == 2
    assert valid.all()
    np.testing.assert_array_equal(image[1], data[3])
    told = check_imagery(scene).facts["valid pixels"]
    assert told == "all (band 4 is declared alpha, but read as data)"


def test_alpha_may_stand_in_some_images_only(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["a.tif", "b.tif"]}, labels=None, points=None)
    data = textured("uint8", 4)
    data[3] = 255
    write_raster(path.parent / "a.tif", data, photometric="RGB", alpha="YES")
    write_raster(path.parent / "b.tif", data[:3], left=LEFT + 80 * RES)
    scene = Scene.open(str(path), cache)
    assert scene.bands == 3
    with rasterio.open(path.parent / "a.tif", "r+") as out:
        out.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined]
    with pytest.raises(LulcsegError, match=r"b\.tif: it has bands 1, 2, 3 and the first image a\.tif 1, 2, 3, 4"):
        Scene.open(str(path), cache)


def test_image_of_another_type_is_named(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["a.tif", "b.tif"]}, labels=None, points=None)
    write_raster(path.parent / "a.tif", textured("uint8"))
    write_raster(path.parent / "b.tif", textured("uint16"), left=LEFT + 80 * RES)
    with pytest.raises(LulcsegError, match=r"b\.tif: it is uint16 and the first image a\.tif uint8"):
        Scene.open(str(path), cache)


def test_same_crs_in_other_words_is_not_warped(make_scene: Make, cache: Path) -> None:
    tags = "+proj=tmerc +lat_0=0 +lon_0=147 +k=0.9996 +x_0=500000 +y_0=10000000 +ellps=GRS80 +units=m +no_defs"
    path = make_scene(imagery={"files": ["t.tif"]}, labels=None, points=None, crs=tags)
    write_raster(path.parent / "t.tif", textured("uint8"), crs=tags)
    renamed = rasterio.crs.CRS.from_wkt(rasterio.crs.CRS.from_string(tags).to_wkt().replace('"unknown"', '"local"', 1))
    write_raster(path.parent / "u.tif", textured("uint8"), crs=renamed)
    for name in ("t.tif", "u.tif"):
        path.write_text(path.read_text().replace("t.tif", name))
        scene = Scene.open(str(path), cache)
        assert scene.imagery.rasters.warped == []
        assert (scene.grid.height, scene.grid.width) == (60, 80)


def test_tiles_of_one_crs_written_differently_lie_on_one_grid(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["a.tif", "height.tif", "bound.tif"]}, labels=None, points=None)
    plain = pyproj.CRS.from_epsg(28355)
    to_wgs84 = ToWGS84Transformation(plain.geodetic_crs, 0, 0, 0)
    written = {
        "a.tif": CRS,
        "height.tif": "EPSG:28355+5711",
        "bound.tif": BoundCRS(plain, pyproj.CRS.from_epsg(4326), to_wgs84).to_wkt(),
    }
    for number, (name, crs) in enumerate(written.items()):
        write_raster(path.parent / name, textured("uint8"), left=LEFT + 80 * RES * number, crs=crs)
    scene = Scene.open(str(path), cache)
    assert scene.imagery.rasters.warped == []
    assert (scene.grid.height, scene.grid.width) == (60, 240)
    assert scene.imagery.read(scene.grid.window)[1].all()
    remarks = check_imagery(scene).remarks
    assert not [remark for remark in remarks if "CRS" in remark or "gap" in remark], remarks
