"""Several sources a scene: what their pixels are, against rasterio's own WarpedVRT, and which are valid."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.pictures.reduced_imagery import PictureCells, average_imagery
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.decoded_imagery import decode
from lulcseg.scene.raster_stack import RasterStack
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from lulcseg.scene.statistics import mosaic_statistics
from tests.conftest import CRS, LEFT, RES, TOP, write_raster

Make = Callable[..., Path]
RGB = {"name": "rgb", "files": ["image.tif"]}
NODATA = {"uint8": 255, "uint16": 65535, "int16": -32768, "float32": -9999.0}


def relief(dtype: str, side: tuple[int, int] = (24, 32), hole: tuple[int, int] = (6, 9)) -> np.ndarray:
    """Return (1, h, w) smooth values, nodata in a corner."""
    rows, cols = np.mgrid[: side[0], : side[1]]
    values = (100 + 60 * np.sin(rows / 4) + 2 * cols)[None].astype(dtype)
    values[0, : hole[0], : hole[1]] = NODATA[dtype]
    return values


def write_dsm(path: Path, dtype: str, grid: str) -> Path:
    """Write a DSM on the scene's pixels, at 2 m, or at 2 m in another zone."""
    if grid == "own":
        return write_raster(path, relief(dtype, (96, 128), (24, 36)), nodata=NODATA[dtype])
    data = relief(dtype)
    write_raster(path, data, res=2.0, nodata=NODATA[dtype])
    if grid == "zone":
        with rasterio.open(path) as source:
            transform, width, height = calculate_default_transform(
                CRS, "EPSG:28354", source.width, source.height, *source.bounds
            )
            with WarpedVRT(source, crs="EPSG:28354", transform=transform, width=width, height=height) as vrt:
                warped, there = vrt.read(), vrt.dataset_mask() > 0
        warped[:, ~there] = NODATA[dtype]
        write_raster(path, warped, crs="EPSG:28354", transform=transform, nodata=NODATA[dtype])
    return path


def read_alone(path: Path, scene: Scene, resampling: Resampling) -> tuple[np.ndarray, np.ndarray]:
    """Read a file on a scene's grid without a line of lulcseg: values, and where there are any."""
    grid = scene.grid
    on = {"crs": grid.crs, "transform": rasterio.Affine(*grid.transform), "width": grid.width, "height": grid.height}
    with rasterio.open(path) as source, WarpedVRT(source, resampling=resampling, **on) as vrt:
        values = vrt.read()
        return values, (values != source.nodata).all(axis=0)


def opened(make_scene: Make, cache: Path, *sources: dict[str, Any], **spec: Any) -> Scene:
    path = make_scene(imagery=[RGB, *sources], **spec)
    return Scene.open(str(path), cache)


@pytest.mark.parametrize(
    ("grid", "dtype", "required", "resampling"),
    [
        *product(["own", "2 m", "zone"], NODATA, [True, False], ["bilinear"]),
        ("2 m", "float32", True, "cubic"),
        ("2 m", "float32", True, "nearest"),
        ("zone", "float32", False, "cubic"),
    ],
)
def test_values_and_validity_of_two_sources(
    make_scene: Make, cache: Path, grid: str, dtype: str, required: bool, resampling: str
) -> None:
    spec: dict[str, Any] = {"name": "dsm", "files": ["dsm.tif"], "resampling": resampling, "required": required}
    spec |= {} if required else {"fill": 7}
    path = make_scene(imagery=[RGB, spec])
    dsm = write_dsm(path.parent / "dsm.tif", dtype, grid)
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    rgb, _ = read_alone(path.parent / "image.tif", scene, Resampling.nearest)
    heights, there = read_alone(dsm, scene, Resampling[resampling])
    assert scene.grid == Scene.open(str(make_scene("rgb alone")), cache).grid
    assert [band.name for band in scene.band_table or ()] == ["rgb.1", "rgb.2", "rgb.3", "dsm.1", "dsm.valid"][
        : 4 + (not required)
    ]
    assert scene.dtype == image.dtype == ("uint8" if dtype == "uint8" else "float32")
    assert 0 < there.mean() < 1
    if required:
        np.testing.assert_array_equal(valid, there)
    else:
        assert valid.all()
        np.testing.assert_array_equal(image[4], there)
    np.testing.assert_array_equal(image[:3, valid], rgb[:, valid])
    expected = np.where(there, heights[0], 0 if required else 7)
    np.testing.assert_array_equal(image[3], expected.astype(image.dtype))
    np.testing.assert_array_equal(scene.imagery.valid(scene.grid.window), valid)
    beyond = Window(-4, 100, 30, 60)
    part, known = scene.imagery.read(beyond)
    inside = beyond.intersection(scene.grid.window)
    np.testing.assert_array_equal(part[:, *inside.slices_in(beyond)], image[:, *inside.slices_in(scene.grid.window)])
    assert known.sum() == valid[inside.slices_in(scene.grid.window)].sum()
    assert not part[:, ~known].any()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_any_number_of_sources_lie_one_after_another(make_scene: Make, cache: Path, number: int) -> None:
    more = [
        {"name": "dsm", "files": ["dsm.tif"], "resampling": "bilinear", "range": [0, 300]},
        {"name": "soil", "files": ["soil.tif"], "classes": [4, 9], "required": False},
        {"name": "nir", "files": ["nir.tif"], "optical": True, "names": ["nir"]},
    ]
    path = make_scene(imagery=[RGB, *more[: number - 1]])
    write_dsm(path.parent / "dsm.tif", "float32", "2 m")
    soil = np.full((1, 24, 32), 4, np.uint8)
    soil[0, :, 20:], soil[0, 20:], soil[0, :, 30:] = 9, 5, 0
    write_raster(path.parent / "soil.tif", soil, res=2.0, nodata=0)
    write_raster(path.parent / "nir.tif", np.full((1, 96, 128), 77, np.uint8))
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    names = ["rgb.1", "rgb.2", "rgb.3", "dsm.1", "soil=4", "soil=9", "soil.valid", "nir.nir"]
    table = scene.band_table
    assert table is not None
    assert [band.name for band in table] == names[: [3, 4, 7, 8][number - 1]]
    assert [band.optical for band in table] == [True] * 3 + [False] * min(4, len(table) - 3) + [True] * (number == 4)
    assert len(image) == scene.bands == scene.imagery.bands == len(table)
    if number == 1:
        assert isinstance(scene.imagery.rasters, RasterSet), "a single source is read as before"
        assert image.dtype == np.uint8
    if number >= 3:
        fine = soil[0].repeat(4, 0).repeat(4, 1)
        for place, expected in ((4, fine == 4), (5, fine == 9), (6, fine != 0)):
            np.testing.assert_array_equal(image[place], expected & valid)
    if number == 4:
        assert (image[7] == 77 * valid).all()
        assert scene.imagery.optical == (0, 1, 2, 7)


def test_bands_of_zero_and_one_leave_the_type_as_it_is(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery=[RGB, {"name": "soil", "files": ["s.tif"], "classes": [300]}])
    write_raster(path.parent / "s.tif", np.full((1, 96, 128), 300, np.uint16))
    image, valid = Scene.open(str(path), cache).imagery.read(Window(0, 0, 9, 9))
    assert image.dtype == np.uint8
    assert valid.all()
    assert (image[3] == 1).all()


@pytest.mark.parametrize("resolution", [None, 2 * RES], ids=["own grid", "warped"])
def test_a_band_may_be_read_twice(make_scene: Make, cache: Path, resolution: float | None) -> None:
    """As grey imagery for a network of three bands."""
    unnamed, named = {"files": ["image.tif"], "bands": [2, 1, 1]}, [RGB | {"bands": [2, 1, 1]}]
    for name, sources in (("unnamed", unnamed), ("named", named)):
        scene = Scene.open(str(make_scene(name, imagery=sources, resolution=resolution)), cache)
        values, valid = scene.imagery.read(scene.grid.window)
        assert valid.all()
        np.testing.assert_array_equal(values[1], values[2])
        assert (values[0] != values[1]).any()
    assert [band.name for band in scene.band_table or ()] == ["rgb.2", "rgb.1", "rgb.1_2"]


@pytest.mark.parametrize("kind", ["stack", "one file"])
def test_pictures_show_8_bit_colours_as_they_are(make_scene: Make, cache: Path, kind: str) -> None:
    plain = Scene.open(str(make_scene("plain", imagery=[RGB])), cache)
    path = make_scene("more", imagery=[RGB, {"name": "dsm", "files": ["d.tif"], "range": [0, 400]}])
    if kind == "one file":
        path = make_scene("mixed", imagery={"files": ["mixed.vrt"], "valid": "all"})
    write_dsm(path.parent / "d.tif", "float32", "own")
    if kind == "one file":
        bands = "".join(
            f'<VRTRasterBand dataType="{dtype}" band="{number}"><SimpleSource><SourceFilename relativeToVRT="1">{name}'
            f"</SourceFilename><SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            for number, (dtype, name, band) in enumerate(
                [*(("Byte", "image.tif", band) for band in (1, 2, 3)), ("Float32", "d.tif", 1)], start=1
            )
        )
        place = ", ".join(map(str, (LEFT, RES, 0, TOP, 0, -RES)))
        (path.parent / "mixed.vrt").write_text(
            f'<VRTDataset rasterXSize="128" rasterYSize="96"><SRS>{CRS}</SRS><GeoTransform>{place}</GeoTransform>'
            f"{bands}</VRTDataset>"
        )
    scene = Scene.open(str(path), cache)
    assert scene.dtype == np.float32
    valid = scene.imagery.valid(scene.grid.window)
    own, whole = (average_imagery(each, PictureCells(each.grid, 200)) for each in (scene, plain))
    np.testing.assert_array_equal(own[valid], whole[valid])


def test_ground_is_where_all_required_sources_lie(make_scene: Make, cache: Path) -> None:
    half = write_raster(Path(make_scene("half")).parent / "d.tif", np.ones((1, 96, 64), np.float32))
    dsm = {"name": "dsm", "files": [str(half)], "range": [0, 2]}
    scene = opened(make_scene, cache, dsm, labels=None)
    assert scene.ground_area == pytest.approx(96 * 64 * RES**2, rel=1e-3)
    assert scene.imagery.valid_share(np.array([0, 0]), np.array([0, 48]), 32).tolist() == [1.0, 0.5]
    optional = make_scene("optional", imagery=[RGB, dsm | {"required": False}], labels=None)
    assert Scene.open(str(optional), cache).ground_area == pytest.approx(96 * 128 * RES**2, rel=1e-3)


def test_copies_processes_and_statistics_read_the_same(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery=[RGB, {"name": "dsm", "files": ["dsm.tif"], "range": [0, 300], "required": False}])
    write_dsm(path.parent / "dsm.tif", "float32", "2 m")
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    for other in (scene.imagery.clone(), pickle.loads(pickle.dumps(scene.imagery)), decode(scene.imagery, cache)):
        again, known = other.read(scene.grid.window)
        np.testing.assert_array_equal(again, image)
        np.testing.assert_array_equal(known, valid)
    assert isinstance(scene.imagery.rasters, RasterStack)
    twin = copy.copy(scene.imagery.rasters)
    assert twin.sources[0].rasters is not scene.imagery.rasters.sources[0].rasters
    assert SceneDataset(scene).read(Window(0, 0, 8, 8))["image"].shape == (5, 8, 8)
    statistics = mosaic_statistics(scene.imagery, cache)
    assert mosaic_statistics(scene.imagery, cache).optical == statistics.optical == (0, 1, 2)
    assert statistics.joint.high == image[:3].max(), "heights are no brightness"
    assert statistics.bands[3].high == image[3].max()


def test_state_tells_sources_apart(make_scene: Make, cache: Path) -> None:
    dsm = {"name": "dsm", "files": ["dsm.tif"], "range": [0, 300]}
    path = make_scene(imagery=[RGB, dsm])
    write_dsm(path.parent / "dsm.tif", "float32", "2 m")

    def state(**changes: Any) -> dict[str, Any]:
        other = make_scene(f"s{len(seen)}", imagery=[RGB, dsm | {"files": [str(path.parent / "dsm.tif")]} | changes])
        return {**scene_state(Scene.open(str(other), cache)), "name": ""}

    seen: list[dict[str, Any]] = []
    for changes in ({}, {"range": [0, 200]}, {"resampling": "nearest"}, {"required": False}, {"name": "dtm"}):
        seen.append(state(**changes))  # files of the first differ in time alone, which is left out below
        seen[-1]["imagery"]["files"] = []
        seen[-1]["vectors"] = []
    assert len({repr(each["imagery"]) for each in seen}) == len(seen)


def test_a_source_alone_is_read_as_imagery_without_a_name(make_scene: Make, cache: Path) -> None:
    path = make_scene("one")
    named = make_scene("two", imagery=[{"name": "rgb", "files": [str(path.parent / "image.tif")]}])
    plain, listed = (Scene.open(str(each), cache) for each in (path, named))
    assert plain.imagery.state() == listed.imagery.state()
    assert plain.band_table is None
    assert "band_table" not in scene_state(plain)["imagery"]
    assert set(plain.imagery.state()) == {"files", "bands", "grid", "nodata", "dtype", "resampling", "boundary"}


def test_check_lists_the_sources(make_scene: Make, cache: Path) -> None:
    path = make_scene(
        imagery=[
            RGB,
            {"name": "dsm", "files": ["dsm.tif"], "resampling": "bilinear"},
            {"name": "far", "files": ["far.tif"], "required": False, "range": [0, 9]},
        ]
    )
    write_dsm(path.parent / "dsm.tif", "float32", "2 m")
    write_raster(path.parent / "far.tif", np.ones((1, 8, 8), np.uint8), left=LEFT + 9000, top=TOP)
    found = check_imagery(Scene.open(str(path), cache))
    dsm = found.facts["source dsm"]
    rgb = "1 file of uint8, pixels of 0.5 × 0.5 in the scene's CRS, on the grid; rgb.1, rgb.2, rgb.3; valid 100.00 %"
    assert found.facts["source rgb"] == f"{rgb} (all)"
    assert dsm.startswith("1 file of float32, pixels of 2 × 2 in the scene's CRS, warped (bilinear); dsm.1; valid 92.")
    assert dsm.endswith("% (by nodata -9999)")
    assert "far.1, far.valid; valid 0.00 %" in found.facts["source far"]
    remarks = " ".join(found.remarks)
    assert "far has no value anywhere in the scene" in remarks
    assert "which values of dsm.1 are to become 0 and 1" in remarks
    assert found.facts["valid pixels"] == "where rgb and dsm are"
    assert found.facts["bands"] == "6 of float32 (rgb.1, rgb.2, rgb.3, dsm.1, far.1, far.valid)"
    assert any("dsm off the scene's grid" in note for note in Scene.open(str(path), cache).notes)


@pytest.mark.parametrize(
    ("sources", "part"),
    [
        ([], "it is not a list of sources"),
        (["image.tif"], "it is not a list of sources"),
        ([{"files": ["image.tif"]}], "a source is named ''"),
        ([{"name": "a.b", "files": ["image.tif"]}], r"a source is named 'a\.b'"),
        ([RGB, RGB], "two sources are named 'rgb'"),
        ([RGB | {"required": False}], "rgb, the first source, is not required"),
        ([RGB | {"optical": False}], "no source is optical"),
        ([RGB | {"file": "x"}], "imagery.rgb: unknown key 'file'"),
        ([RGB | {"range": [5, 5]}], r"imagery.rgb: range \[5.0, 5.0\] is not a lower and an upper"),
        ([RGB | {"names": ["r", "r", "b"]}], "names r, r, b are not a different one for each of its 3 bands"),
        ([RGB | {"bands": [1, 7]}], "imagery.bands .* names other bands"),
        ([RGB, RGB | {"name": "b", "fill": 3}], "imagery.b: fill does nothing for a required source"),
        ([RGB, RGB | {"name": "b", "required": False, "fill": 300}], "fill 300 is no value of uint8"),
        ([RGB, RGB | {"name": "b", "classes": [1]}], "it has 3 bands"),
        ([RGB, RGB | {"name": "b", "classes": [1], "optical": True}], "a class raster is not optical"),
        ([RGB, RGB | {"name": "b", "classes": [1, 1]}], "are not 1 to 256 different values"),
        ([RGB, RGB | {"name": "b", "classes": [1], "bands": [1]}], "bands doesn't go with classes"),
        ([RGB, {"name": "b", "files": ["far.tif"]}], "imagery.b: it lies nowhere over the first source"),
        ([RGB, {"name": "b", "files": ["none.tif"]}], "imagery.b.files: there is no file"),
        ([RGB | {"resampling": "lanczos"}], "is not one of its choices"),
    ],
)
def test_slips_get_a_sentence_that_names_the_source(
    make_scene: Make, cache: Path, sources: list[Any], part: str
) -> None:
    path = make_scene(imagery=sources)
    write_raster(path.parent / "far.tif", np.ones((1, 8, 8), np.uint8), left=LEFT + 9000)
    with pytest.raises(LulcsegError, match=part) as caught:
        Scene.open(str(path), cache)
    assert "\n" not in str(caught.value)


def test_some_of_the_sources_are_used(make_scene: Make, cache: Path) -> None:
    dsm = {"name": "dsm", "files": ["dsm.tif"], "range": [0, 300]}
    nir = {"name": "nir", "files": ["nir.tif"], "optical": True}
    path = make_scene(imagery=[RGB, dsm, nir])
    write_dsm(path.parent / "dsm.tif", "float32", "2 m")
    write_raster(path.parent / "nir.tif", np.full((1, 96, 128), 77, np.uint8))
    for names, bands in ((["rgb"], 3), (["nir", "rgb"], 4), ([], 5)):
        scene = Scene.open(str(path), cache, names)
        assert scene.bands == bands
        assert [source.name for source in scene.file.sources if source.name in (names or ["rgb", "dsm", "nir"])]
    assert [band.source for band in Scene.open(str(path), cache, ["nir", "rgb"]).band_table or ()] == [
        *["rgb"] * 3,
        "nir",
    ]
    for names, part in (
        (["rgb", "dms"], "it has no source 'dms'; did you mean 'dsm'|it has no source 'dms'.*dsm"),
        (["dsm"], "rgb, its first source, which sets the grid is left out"),
    ):
        with pytest.raises(LulcsegError, match=part):
            Scene.open(str(path), cache, names)
    with pytest.raises(LulcsegError, match="its imagery is one source without a name"):
        Scene.open(str(make_scene("plain")), cache, ["rgb"])
