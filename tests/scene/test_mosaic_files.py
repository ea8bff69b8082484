"""A scene's grid is reckoned before anything is read, and imagery of kinds that can't be read is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import CRSError

from lulcseg.errors import LulcsegError
from lulcseg.scene.mosaic_files import find_files
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.scene import Scene
from tests.conftest import TOP, write_raster


@pytest.mark.parametrize(
    ("resolution", "said"),
    [
        (0.001, "at 0.001 m image.tif has 48,000 × 64,000 pixels, 250,000 times its own; set a coarser resolution:"),
        (1e6, "at 1e[+]06 m image.tif is smaller than one pixel; set a finer resolution:"),
        (0.06, "69 times its own"),
    ],
)
def test_a_grid_of_absurd_pixels_is_refused(
    make_scene: Callable[..., Path], cache: Path, resolution: float, said: str
) -> None:
    with pytest.raises(LulcsegError, match=said):
        Scene.open(str(make_scene(resolution=resolution)), cache)


def test_a_finer_grid_of_some_use_is_laid(make_scene: Callable[..., Path], cache: Path) -> None:
    grid = Scene.open(str(make_scene(resolution=0.1)), cache).grid
    assert (grid.height, grid.width) == (480, 640)


def test_images_too_far_apart_for_one_raster_are_refused(make_scene: Callable[..., Path], cache: Path) -> None:
    scene = make_scene(imagery={"files": ["image.tif", "far.tif"]})
    write_raster(scene.parent / "far.tif", np.ones((3, 4, 4), np.uint8), top=TOP + 2e9)
    with pytest.raises(LulcsegError, match=r"so far apart that its grid would have 4,000,000,\d+ × 128 pixels"):
        Scene.open(str(scene), cache)


@pytest.mark.parametrize("kind", ["complex64", "complex128", "int64", "uint64"])
def test_values_that_cannot_be_read_are_refused(tmp_path: Path, kind: str) -> None:
    path = write_raster(tmp_path / "image.tif", np.ones((1, 4, 4), kind))
    with pytest.raises(LulcsegError, match=f"its values are {kind}, which can't be read; convert it"):
        read_header(path)


def test_an_image_without_a_place_is_not_called_upside_down(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "image.tif", np.ones((1, 4, 4), np.uint8), transform=rasterio.Affine.identity())
    with pytest.raises(LulcsegError, match="no place on the ground"):
        read_header(path)


@pytest.mark.parametrize("seed", range(30))
def test_a_changed_header_is_read_or_refused_in_a_sentence(tmp_path: Path, seed: int) -> None:
    rng, path = np.random.default_rng(seed), write_raster(tmp_path / "image.tif", np.ones((3, 40, 40), np.uint8))
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, 500, 4):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    with suppress(LulcsegError):
        read_header(path)


@pytest.mark.parametrize("folder", ["Farm [2018]", "year=2018", "a,b", "Überflug (Kopie) 50%", "[x]"])
def test_a_folder_with_brackets_is_no_pattern(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder / "mosaic [raw]"
    place.mkdir(parents=True)
    for name in ("t1.tif", "t2.tif", "u1.tif"):
        (place / name).touch()
    found = find_files(["mosaic [raw]/t*.tif"], place.parent, "here")
    assert [path.name for path in found] == ["t1.tif", "t2.tif"]
    assert find_files([f"{place}/t[12].tif"], tmp_path, "here") == found
    assert find_files(["mosaic*/u?.tif"], place.parent, "here") == [place / "u1.tif"]
    with pytest.raises(LulcsegError, match="there is no file"):
        find_files(["mosaic/*.tif"], place.parent, "here")


def test_broken_data_of_proj_is_not_called_a_crs_in_degrees(
    make_scene: Callable[..., Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_scene()

    class Broken:
        @staticmethod
        def from_epsg(code: int) -> None:
            raise CRSError(f"PROJ: Cannot find proj.db for {code}")

    monkeypatch.setattr("lulcseg.scene.raster_headers.GdalCrs", Broken)
    with pytest.raises(LulcsegError, match=r"PROJ_DATA: GDAL finds no data of PROJ, .*; unset these variables"):
        Scene.open(str(path), cache)
