"""Imagery of a palette: read as its colours, as if they had been written, by every reader and on any grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from lulcseg.errors import LulcsegError
from lulcseg.pictures.reduced_imagery import PictureCells, average_imagery
from lulcseg.scene.decoded_imagery import decode
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from lulcseg.scene.statistics import measure
from tests.conftest import RES, write_raster
from tests.support.scene_files import open_scene

Make = Callable[..., Path]
COLOURS = {
    0: (5, 5, 5, 255),
    1: (200, 160, 60, 255),
    2: (30, 110, 50, 255),
    3: (150, 140, 130, 255),
    9: (9, 99, 19, 255),
}
SIDE, HOLE = 16, (slice(4, 12), slice(0, 8))
HIDDEN = 9
"""The palette's number where there is no imagery."""


def write_pair(folder: Path, kind: str, dtype: str = "uint8") -> tuple[Path, Path]:
    """Write numbers of a palette, and beside them the colours that they stand for; a hole is invalid by a kind."""
    coarse = np.random.default_rng(0).integers(0, 4, (SIDE // 2, SIDE // 2))
    numbers = coarse.repeat(2, axis=0).repeat(2, axis=1).astype(dtype)
    hole = np.zeros((SIDE, SIDE), bool)
    if kind != "none":
        hole[HOLE] = True
        numbers[hole] = HIDDEN
    palette = dict(COLOURS)
    table = np.zeros((256, 4), np.uint8)
    table[list(palette)] = list(palette.values())
    mask = np.where(hole, 0, 255).astype(np.uint8)
    colours = np.moveaxis(table[numbers][..., :3], -1, 0)
    suffix, options = ".tif", {}
    if kind == "see-through":  # GeoTIFF keeps no palette's alpha
        palette[HIDDEN] = (9, 99, 19, 0)
        suffix, options = ".vrt", {}
    path, plain = folder / f"{kind}_palette.tif", folder / f"{kind}_colours.tif"
    stored = np.stack([numbers, mask]) if kind == "alpha" else numbers[None]
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"):
        write_raster(path, stored, nodata=HIDDEN if kind == "nodata" else None, **options)
        with rasterio.open(path, "r+") as out:
            if kind == "alpha":
                out.colorinterp = [ColorInterp.palette, ColorInterp.alpha]
            out.write_colormap(1, palette)
            if kind in {"internal", "sidecar"}:
                out.write_mask(mask)
    if suffix == ".vrt":
        path = write_vrt(path, palette)
    alpha = kind in {"alpha", "nodata", "see-through"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"):
        write_raster(plain, np.concatenate([colours, mask[None]]) if alpha else colours, photometric="RGB",
                     **({"alpha": "YES"} if alpha else {}))  # fmt: skip
        if kind in {"internal", "sidecar"}:
            with rasterio.open(plain, "r+") as out:
                out.write_mask(mask)
    return path, plain


def write_vrt(path: Path, palette: dict[int, tuple[int, int, int, int]]) -> Path:
    """Write a virtual raster of a file's numbers, with a palette of its own."""
    with rasterio.open(path) as source:
        left, top, crs = source.transform.c, source.transform.f, source.crs
    entries = "".join(
        "<Entry " + " ".join(f'c{n}="{c}"' for n, c in enumerate(palette.get(k, (0, 0, 0, 255)), start=1)) + "/>"
        for k in range(max(palette) + 1)
    )
    path.with_suffix(".vrt").write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>{crs.to_string()}</SRS>'
        f"<GeoTransform>{left}, {RES}, 0, {top}, 0, {-RES}</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"><ColorInterp>Palette</ColorInterp>'
        f"<ColorTable>{entries}</ColorTable><SimpleSource>"
        f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path.with_suffix(".vrt")


@pytest.mark.parametrize("resolution", [None, 2 * RES, 0.7], ids=["own grid", "warped", "warped between"])
@pytest.mark.parametrize("kind", ["none", "nodata", "alpha", "see-through", "internal", "sidecar"])
def test_a_palette_is_read_as_the_colours_written(
    cache: Path, tmp_path: Path, kind: str, resolution: float | None
) -> None:
    path, plain = write_pair(tmp_path, kind)
    options = {} if resolution is None else {"resolution": resolution}
    scene, expected = (
        open_scene(tmp_path, name, cache, imagery={"files": [str(file)]}, **options)
        for name, file in (("palette", path), ("colours", plain))
    )
    assert (scene.bands, scene.dtype) == (3, np.uint8)
    (image, valid), (colours, told) = (each.imagery.read(each.grid.window) for each in (scene, expected))
    np.testing.assert_array_equal(valid, told)
    assert valid[:9, :9].all() == (kind == "none")
    np.testing.assert_array_equal(image[:, valid], colours[:, told])
    np.testing.assert_array_equal(scene.imagery.valid(scene.grid.window), told)
    copied, known = decode(scene.imagery, cache).read(scene.grid.window)
    np.testing.assert_array_equal(copied, image)
    np.testing.assert_array_equal(known, valid)
    assert measure(scene.imagery).bands[0].count == told.sum()
    pictures = [
        average_imagery(SimpleNamespace(imagery=s.imagery, grid=s.grid, bands=s.bands),
                        PictureCells(s.grid, 5)) for s in (scene, expected)
    ]  # fmt: skip
    np.testing.assert_array_equal(*pictures)


def test_some_bands_of_a_palette_and_what_tells_them(cache: Path, tmp_path: Path) -> None:
    path, plain = write_pair(tmp_path, "nodata")
    for number, imagery in enumerate(({"bands": [3, 1]}, {"bands": [2], "valid": "all"}, {"valid": "alpha"})):
        for options in ({}, {"resolution": 2 * RES}):
            scene, expected = (
                open_scene(tmp_path, f"{name}{number}", cache, imagery={"files": [str(file)], **imagery}, **options)
                for name, file in (("palette", path), ("colours", plain))
            )
            (image, valid), (colours, told) = (each.imagery.read(each.grid.window) for each in (scene, expected))
            np.testing.assert_array_equal(valid, told)
            np.testing.assert_array_equal(image[:, valid], colours[:, told])
            assert scene.imagery.rasters.rules[0].describe() == expected.imagery.rasters.rules[0].describe()


@pytest.mark.parametrize("kind", ["none", "alpha", "internal"])
@pytest.mark.parametrize("options", [{}, {"resolution": 2 * RES}], ids=["own grid", "warped"])
def test_a_given_nodata_value_is_a_number_of_the_palette(
    cache: Path, tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    path, _ = write_pair(tmp_path, kind)
    numbers, hole = rasterio.open(path).read(1), np.zeros((SIDE, SIDE), bool)
    hole[HOLE] = kind == "alpha"  # an alpha band counts beside nodata, a mask doesn't
    expected = ((numbers != 2) & ~hole)[:: 2 if options else 1, :: 2 if options else 1]
    for valid in ("auto", "nodata") if kind != "alpha" else ("auto",):
        spec = {"files": [str(path)], "nodata": 2, "valid": valid}
        scene = open_scene(tmp_path, valid, cache, imagery=spec, **options)
        np.testing.assert_array_equal(scene.imagery.valid(scene.grid.window), expected)


def test_tiles_of_a_palette_and_of_colours_make_a_mosaic(cache: Path, tmp_path: Path) -> None:
    path, plain = write_pair(tmp_path, "none")
    with rasterio.open(plain) as source:
        colours = source.read()
    write_raster(tmp_path / "east.tif", colours, left=rasterio.open(path).bounds.right)
    scene = open_scene(tmp_path, "mosaic", cache, imagery={"files": [str(path), str(tmp_path / "east.tif")]})
    image, _ = scene.imagery.read(scene.grid.window)
    np.testing.assert_array_equal(image, np.concatenate([colours, colours], axis=2))


def test_numbers_where_they_are_meant(cache: Path, tmp_path: Path) -> None:
    path, plain = write_pair(tmp_path, "none")
    numbers = rasterio.open(path).read()
    scene = open_scene(tmp_path, "index", cache, imagery={"files": [str(path)], "palette": "index"})
    np.testing.assert_array_equal(scene.imagery.read(scene.grid.window)[0], numbers)
    listed: list[dict[str, Any]] = [
        {"name": "rgb", "files": [str(plain)]},
        {"name": "soil", "files": [str(path)], "classes": [1, 3]},
        {"name": "kind", "files": [str(path)]},
        {"name": "old", "files": [str(path)], "optical": True},
    ]
    scene = open_scene(tmp_path, "sources", cache, imagery=listed)
    assert [band.name for band in scene.band_table or ()] == [
        "rgb.1", "rgb.2", "rgb.3", "soil=1", "soil=3", "kind.1", "old.1", "old.2", "old.3",
    ]  # fmt: skip
    image, _ = scene.imagery.read(scene.grid.window)
    np.testing.assert_array_equal(image[3], numbers[0] == 1)
    np.testing.assert_array_equal(image[5], numbers[0])
    np.testing.assert_array_equal(image[6:], image[:3])


def test_a_palette_of_class_rasters_stays_numbers(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["classes.tif"]}, points=None)
    write_raster(path.parent / "classes.tif", np.full((1, 96, 128), 20, np.uint8))
    with rasterio.open(path.parent / "classes.tif", "r+") as out:
        out.write_colormap(1, {20: (1, 2, 3, 255)})
    scene = Scene.open(str(path), cache)
    assert scene.labels is not None
    assert (scene.labels.read(scene.grid.window) == 1).all()


def test_colours_and_numbers_are_different_imagery(cache: Path, tmp_path: Path) -> None:
    path, _ = write_pair(tmp_path, "none")
    states = [
        scene_state(open_scene(tmp_path, "one", cache, imagery={"files": [str(path)]} | more))["imagery"]
        for more in ({}, {"palette": "index"}, {"palette": "expand"})
    ]
    assert states[0] == states[2] != states[1]


def test_a_palette_does_not_go_with_classes(cache: Path, tmp_path: Path) -> None:
    path, plain = write_pair(tmp_path, "none")
    soil = {"name": "soil", "files": [str(path)], "classes": [1], "palette": "expand"}
    with pytest.raises(LulcsegError, match="palette doesn't go with classes"):
        open_scene(tmp_path, "s", cache, imagery=[{"name": "rgb", "files": [str(plain)]}, soil])
