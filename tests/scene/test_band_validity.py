"""What is valid, by type, declaration, bands, grid and reader: compared with the pixels as they were written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster, codes_in
from lulcseg.pictures.reduced_imagery import PictureCells, average_imagery
from lulcseg.scene.decoded_imagery import decode
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.mosaic_files import choose_bands, lay_grid
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import measure
from tests.conftest import CRS, LEFT, RES, TOP, write_raster
from tests.support.scene_files import open_scene

Make = Callable[..., Path]
SIDE, FILL = 16, 7
TYPES = ["uint8", "uint16", "int16", "int32", "float32"]
KINDS = ["nodata", "one band", "alpha", "internal", "sidecar", "none"]
HOLE = (slice(4, 12), slice(0, 8))
"""Of even pixels, so that it is whole on a grid of pixels twice as large."""


@dataclass(frozen=True)
class Written:
    """A raster that a test has written, and what is true of it."""

    path: Path
    values: np.ndarray
    valid: np.ndarray


def open_imagery(path: Path, resolution: float | None = None) -> ImageryReader:
    """Open one file's imagery without a scene file."""
    file = read_header(path)
    grid = lay_grid([file], None, resolution, path)
    return ImageryReader(RasterSet([file], grid, choose_bands([file], None, path)), None)


def write(folder: Path, dtype: str, kind: str, bands: int) -> Written:
    """Write pixels of which a hole is invalid, if the kind can tell; its values are in the range of the others."""
    rng = np.random.default_rng(bands)
    coarse = rng.integers(20, 90, (bands, SIDE // 2, SIDE // 2))
    values = coarse.repeat(2, axis=1).repeat(2, axis=2).astype(dtype)
    valid = np.ones((SIDE, SIDE), bool)
    valid[HOLE] = kind == "none"
    path = folder / f"{dtype}_{kind.replace(' ', '_')}_{bands}.tif"
    if kind == "nodata":
        values[:, ~valid] = FILL
    if kind == "one band":
        values[-1, ~valid] = FILL
        return Written(write_vrt(path, values), values, valid)
    colours = [ColorInterp.gray, *[ColorInterp.undefined] * (bands - 1)]
    stored, mask = values, (valid * 255).astype(np.uint8)
    if kind == "alpha":
        stored, colours = np.concatenate([values, mask[None].astype(dtype)]), [*colours, ColorInterp.alpha]
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"):
        nodata = FILL if kind == "nodata" else None
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "crs": CRS,
            "transform": rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP),
        }
        with rasterio.open(
            path, "w", count=len(stored), height=SIDE, width=SIDE, dtype=dtype, nodata=nodata, **profile
        ) as out:
            out.colorinterp = colours
            out.write(stored)
            if kind in {"internal", "sidecar"}:
                out.write_mask(mask)
    return Written(path, values, valid)


def write_vrt(path: Path, values: np.ndarray, nodata: int = FILL) -> Path:
    """Write bands of which the last alone declares a nodata value, as a virtual raster."""
    write_raster(path.with_stem(path.stem + "_bands"), values)
    names = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "int32": "Int32", "float32": "Float32"}
    bands = "".join(
        f'<VRTRasterBand dataType="{names[values.dtype.name]}" band="{n}">'
        + (f"<NoDataValue>{nodata}</NoDataValue>" if n == len(values) else "")
        + f'<SimpleSource><SourceFilename relativeToVRT="1">{path.stem}_bands.tif</SourceFilename>'
        f"<SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n in range(1, len(values) + 1)
    )
    _, height, width = values.shape
    path.with_suffix(".vrt").write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{LEFT}, {RES}, 0, {TOP}, 0, {-RES}</GeoTransform>{bands}</VRTDataset>"
    )
    return path.with_suffix(".vrt")


@pytest.mark.parametrize("warped", [False, True], ids=["own grid", "warped"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TYPES)
def test_every_reader_of_imagery_finds_what_was_written(
    cache: Path, tmp_path: Path, dtype: str, kind: str, warped: bool
) -> None:
    for bands in (1, 2, 3, 4, 5, 6):
        written = write(tmp_path, dtype, kind, bands)
        imagery = open_imagery(written.path, 2 * RES if warped else None)
        grid = imagery.grid
        step = 2 if warped else 1
        expected = written.valid[::step, ::step]
        assert imagery.bands == bands
        values, valid = imagery.read(grid.window)
        np.testing.assert_array_equal(valid, expected)
        if not warped:
            np.testing.assert_array_equal(values[:, valid], written.values[:, expected])
        np.testing.assert_array_equal(imagery.valid(grid.window), expected)
        rows, cols = np.array([0, 2, 4]), np.array([0, 1, 4])
        shares = [expected[r : r + 4, c : c + 4].mean() for r, c in zip(rows, cols, strict=True)]
        np.testing.assert_array_equal(imagery.valid_share(rows, cols, 4), shares)
        copied, told = decode(imagery, cache).read(grid.window)
        np.testing.assert_array_equal(told, expected)
        np.testing.assert_array_equal(copied[:, told], values[:, valid])
        assert measure(imagery).bands[0].count == expected.sum()
        pictured = SimpleNamespace(imagery=imagery, grid=grid, bands=bands)
        picture = average_imagery(pictured, PictureCells(grid, 100))
        np.testing.assert_array_equal((picture == 255).all(axis=-1) & ~expected, ~expected)


@pytest.mark.parametrize("warped", [False, True], ids=["own grid", "warped"])
@pytest.mark.parametrize("kind", ["nodata", "internal", "sidecar", "none"])
@pytest.mark.parametrize("dtype", TYPES[:4])
def test_every_reader_of_class_rasters_finds_what_was_written(
    cache: Path, tmp_path: Path, dtype: str, kind: str, warped: bool
) -> None:
    written = write(tmp_path, dtype, kind, 1)
    codes = sorted(set(written.values[0][written.valid].tolist()))
    legend = Legend(tuple(LandClass(code, f"class {code}", "#808080") for code in codes))
    index = np.full((SIDE, 2 * SIDE), IGNORE)  # the raster covers the western half
    index[:, :SIDE] = np.where(written.valid, np.searchsorted(codes, written.values[0]), IGNORE)
    write_raster(tmp_path / "base.tif", np.ones((3, SIDE, 2 * SIDE), np.uint8), left=LEFT + (0.1 if warped else 0))
    spec = {"imagery": {"files": ["base.tif"]}, "labels": {"rasters": [str(written.path)]}, "legend": legend.to_plain()}
    scene = open_scene(tmp_path, "scene", cache, **spec)
    with ClassRaster(written.path, legend, on=scene.grid if warped else None) as raster:
        np.testing.assert_array_equal(raster.read(scene.grid.window), index)
        np.testing.assert_array_equal(raster.overview(raster.height, raster.width), index[:, : raster.width])
    assert codes_in(written.path) == [str(code) for code in codes]
    assert scene.labels is not None
    np.testing.assert_array_equal(scene.labels.read(scene.grid.window), index)


@pytest.mark.parametrize("warped", [False, True], ids=["own grid", "warped"])
@pytest.mark.parametrize("kind", ["internal", "sidecar"])
def test_a_mask_counts_before_an_alpha_band_and_a_named_band_is_data(
    cache: Path, tmp_path: Path, kind: str, warped: bool
) -> None:
    """Red, green, blue and near-infrared declared as alpha by mistake: water, where it is 0, is imagery."""
    values = np.random.default_rng(0).integers(20, 90, (4, SIDE, SIDE), dtype=np.uint8)
    water, hole = np.zeros((2, SIDE, SIDE), bool)
    water[:4], hole[HOLE] = True, True
    values[3, water] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"):
        path = write_raster(tmp_path / "a.tif", values, photometric="RGB", alpha="YES")
        plain = write_raster(tmp_path / "plain.tif", values, photometric="RGB", alpha="YES")
        with rasterio.open(path, "r+") as out:
            out.write_mask(~hole)
    options = {"resolution": 2 * RES} if warped else {}
    step = 2 if warped else 1

    def opened(name: str, **imagery: Any) -> tuple[np.ndarray, np.ndarray, str]:
        scene = open_scene(tmp_path, name, cache, imagery=imagery, **options)
        image, valid = scene.imagery.read(scene.grid.window)
        np.testing.assert_array_equal(scene.imagery.valid(scene.grid.window), valid)
        return image, valid, scene.imagery.rasters.rules[0].describe()

    _, valid, told = opened("mask", files=[str(path)])
    np.testing.assert_array_equal(valid, ~hole[::step, ::step])
    assert told == "by the mask (alpha band 4 is set aside)"
    image, valid, told = opened("named", files=[str(path)], bands=[1, 2, 3, 4])
    np.testing.assert_array_equal(valid, ~hole[::step, ::step])
    assert len(image) == 4
    assert told == "by the mask"
    image, valid, told = opened("data", files=[str(plain)], bands=[1, 2, 3, 4])
    assert valid.all()
    if not warped:
        np.testing.assert_array_equal(image, values)
    assert told == "all (band 4 is declared alpha, but read as data)"
    for name, wanted in (("alpha", ~water), ("all", np.ones_like(water)), ("mask", ~hole)):
        _, valid, told = opened(f"by_{name}", files=[str(path)], valid=name)
        np.testing.assert_array_equal(valid, wanted[::step, ::step])
        assert told.endswith(f"(imagery.valid is {name})")


@pytest.mark.parametrize(
    ("imagery", "said"),
    [
        ({"valid": "mask"}, "imagery.valid is mask, but no image has a mask; they declare neither"),
        ({"valid": "alpha"}, "no image has a band declared as alpha"),
        ({"valid": "nodata"}, "no image has a nodata value"),
        ({"valid": "all", "nodata": 3}, "imagery.nodata is given, but doesn't count with imagery.valid all"),
    ],
)
def test_what_is_to_tell_must_be_there(make_scene: Make, cache: Path, imagery: dict[str, Any], said: str) -> None:
    path = make_scene(labels=None, points=None, imagery={"files": ["image.tif"]} | imagery)
    with pytest.raises(LulcsegError, match=said):
        Scene.open(str(path), cache)


def test_bands_of_several_types_are_read_in_one_that_holds_them(cache: Path, tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE), dtype=np.uint8)
    height = np.random.default_rng(1).random((1, SIDE, SIDE)).astype(np.float32)
    height[0][HOLE] = -9999
    write_raster(tmp_path / "colour.tif", colour)
    write_raster(tmp_path / "height.tif", height, nodata=-9999)
    bands = "".join(
        f'<VRTRasterBand dataType="{dtype}" band="{n}">'
        + ("<NoDataValue>-9999</NoDataValue>" if n == 4 else "")
        + f'<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>{band}</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
        for n, dtype, name, band in [
            *[(b, "Byte", "colour.tif", b) for b in (1, 2, 3)],
            (4, "Float32", "height.tif", 1),
        ]
    )
    (tmp_path / "mixed.vrt").write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{LEFT}, {RES}, 0, {TOP}, 0, {-RES}</GeoTransform>{bands}</VRTDataset>"
    )
    files = [str(tmp_path / "mixed.vrt")]
    scene = open_scene(tmp_path, "mixed", cache, imagery={"files": files})
    image, valid = scene.imagery.read(scene.grid.window)
    assert scene.dtype == np.float32
    np.testing.assert_array_equal(valid, height[0] != -9999)
    np.testing.assert_array_equal(image[:, valid], np.concatenate([colour, height])[:, valid])
    scene = open_scene(tmp_path, "swapped", cache, imagery={"files": files, "bands": [4, 1]}, resolution=1.0)
    image, valid = scene.imagery.read(scene.grid.window)
    np.testing.assert_array_equal(valid, height[0, ::2, ::2] != -9999)
    assert image[0, valid].max() <= 1.5 < image[1, valid].mean()
    assert open_scene(tmp_path, "first", cache, imagery={"files": files, "bands": [1, 2, 3]}).dtype == np.uint8


def test_only_what_was_read_otherwise_has_another_state(cache: Path, tmp_path: Path) -> None:
    def state(name: str, **options: Any) -> dict[str, Any]:
        return open_scene(tmp_path, name, cache, **options).imagery.state()

    for kind in ("nodata", "internal", "sidecar", "none"):
        files = [str(write(tmp_path, "uint8", kind, 3).path)]
        assert "validity" not in state(kind, imagery={"files": files})
        assert "validity" not in state(f"{kind}_warped", imagery={"files": files}, resolution=1.0)
    for bands, changed in ((1, False), (3, False), (4, True), (5, True)):
        files = [str(write(tmp_path, "uint8", "alpha", bands).path)]
        assert ("validity" in state(f"alpha{bands}", imagery={"files": files})) is changed
        assert "validity" not in state(f"alpha{bands}_warped", imagery={"files": files}, resolution=1.0)


@pytest.mark.parametrize("factor", [2.0, 1.4])
@pytest.mark.parametrize(
    ("dtype", "nodata"), [("float32", -9999.0), ("uint16", 65535), ("int16", -32768), ("uint8", 0)]
)
def test_nodata_beside_an_alpha_band_gets_into_no_value(
    tmp_path: Path, dtype: str, nodata: float, factor: float
) -> None:
    """Warped, both are left out: GDAL by itself looks for nodata in the alpha band too, and averages it in."""
    coarse = np.random.default_rng(0).integers(120, 150, (3, SIDE // 2, SIDE // 2))
    values = coarse.repeat(2, axis=1).repeat(2, axis=2).astype(dtype)
    valid, alpha = np.ones((SIDE, SIDE), bool), np.full((1, SIDE, SIDE), 255, dtype=dtype)
    values[:, 12:], valid[12:] = nodata, False
    alpha[:, :, :4], valid[:, :4] = 0, False
    path = write_raster(tmp_path / "both.tif", np.concatenate([values, alpha]), nodata=nodata)
    with rasterio.open(path, "r+") as out:
        out.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    imagery = open_imagery(path, factor * RES)
    found, told = imagery.read(imagery.grid.window)
    assert found[:, told].min() >= 110
    assert found[:, told].max() <= 160
    np.testing.assert_array_equal(imagery.valid(imagery.grid.window), told)
    if factor == 2.0:
        np.testing.assert_array_equal(told, valid[::2, ::2])
