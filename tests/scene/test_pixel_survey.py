"""The checks' pass over the pixels: each read once, whatever the threads, and as counted from the whole array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.shutil

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.scene.band_source import BandSource
from lulcseg.scene.check import pixel_survey
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.pixel_survey import PixelSurvey
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.fill_values import BandRange
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, box, write_raster

Make = Callable[..., Path]
SIZE = (1100, 700)


def values(dtype: type = np.uint8) -> np.ndarray:
    image = np.random.default_rng(5).integers(1, 200, (3, *SIZE)).astype(dtype)
    image[:, 300:640, 100:530] = 0
    return image


def scene_of(make_scene: Make, cache: Path, image: np.ndarray, **options: Any) -> Scene:
    points = {"points": {"file": "points.gpkg", "design": "simple random"}} if options.pop("points", False) else {}
    path = make_scene(size=SIZE, labels=None, **({"points": None} | points), **options.pop("spec", {}))
    write_raster(path.parent / "image.tif", image, tiled=True, blockxsize=256, blockysize=256, **options)
    return Scene.open(str(path), cache)


def reads(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> np.ndarray:
    """Return the number of times that each pixel is read, (h, w), counted from now on."""
    times = np.zeros(SIZE, dtype=int)
    original = getattr(kind, name)

    def counting(self: Any, window: Window, *rest: Any) -> Any:
        times[window.slices_in(Window(0, 0, *SIZE))] += 1
        return original(self, window, *rest)

    monkeypatch.setattr(kind, name, counting)
    return times


@pytest.mark.parametrize("threads", [1, 4])
def test_it_counts_what_the_whole_array_holds(make_scene: Make, cache: Path, threads: int) -> None:
    image = values()
    survey = PixelSurvey(scene_of(make_scene, cache, image, nodata=0).imagery)
    survey.read(threads)
    valid = (image != 0).any(axis=0)
    assert (survey.whole, survey.pixels, survey.valid) == (True, valid.size, int(valid.sum()))
    assert survey.ranges == [BandRange(float(b[valid].min()), float(b[valid].max())) for b in image]
    assert survey.source_valid == [survey.valid]


def test_fill_is_found_as_in_one_piece(make_scene: Make, cache: Path) -> None:
    image = values(np.float32)
    image[image == 0] = -9999
    survey = PixelSurvey(scene_of(make_scene, cache, image).imagery)
    survey.read(3)
    assert survey.ranges == [BandRange.of(band.reshape(-1)) for band in image]
    assert survey.ranges[0].pixels == 340 * 430


def test_each_pixel_is_read_once_points_included(
    make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(make_scene, cache, values(), nodata=0, points=True)
    alone = check_points(scene)
    times, again = reads(monkeypatch, RasterSet, "read"), reads(monkeypatch, RasterSet, "valid")
    survey = PixelSurvey(scene.imagery, keep_validity=True)
    assert check_imagery(scene, survey).faults == 0
    assert (times == 1).all()
    assert check_points(scene, survey=survey) == alone
    assert any("on nodata" in remark for remark in alone.remarks)
    assert (times == 1).all()
    assert not again.any()


def test_points_need_no_pixels_where_headers_tell_validity(
    make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(make_scene, cache, values(), points=True)
    times = reads(monkeypatch, RasterSet, "read")
    assert check_points(scene).facts["scorable"] == "40"
    assert not times.any()


def test_validity_at_points_is_that_of_the_imagery(make_scene: Make, cache: Path) -> None:
    spec = {"boundary": "area.gpkg"}
    path = make_scene(size=SIZE, labels=None, points=None, **spec)
    write_raster(path.parent / "image.tif", values(), nodata=0)
    gpd.GeoDataFrame(geometry=[box(100, 50, 900, 600)], crs=CRS).to_file(path.parent / "area.gpkg")
    scene = Scene.open(str(path), cache)
    height, width = scene.grid.height, scene.grid.width
    rng = np.random.default_rng(1)
    rows, cols = rng.integers(0, height, 500), rng.integers(0, width, 500)
    expected = scene.imagery.read(scene.grid.window)[1][rows, cols]
    assert 0 < expected.mean() < 1
    kept = PixelSurvey(scene.imagery, keep_validity=True)
    kept.read()
    for survey in (kept, PixelSurvey(scene.imagery)):
        np.testing.assert_array_equal(survey.valid_at(rows, cols), expected)
    assert PixelSurvey(scene.imagery).valid_at(rows[:0], cols[:0]).shape == (0,)


def test_a_jpeg_is_decoded_by_one_reader(make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_scene(size=SIZE, imagery={"files": ["tile.jpg"]}, labels=None, points=None)
    rasterio.shutil.copy(path.parent / "image.tif", path.parent / "tile.jpg", driver="JPEG")
    scene = Scene.open(str(path), cache)
    opened: list[Any] = []
    begin = BandSource.__init__
    monkeypatch.setattr(BandSource, "__init__", lambda self, *a: (opened.append(a[0]), begin(self, *a))[1])
    survey = PixelSurvey(scene.imagery)
    survey.read(4)
    assert len(opened) == 1
    with rasterio.open(path.parent / "tile.jpg") as source:
        image = source.read()
    assert survey.ranges == [BandRange(float(b.min()), float(b.max())) for b in image]
    assert survey.valid == survey.pixels == image[0].size


def test_quick_reads_a_sample_and_says_so(make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_survey, "_BLOCK", 64)
    scene = scene_of(make_scene, cache, values(), nodata=0)
    times = reads(monkeypatch, RasterSet, "read")
    found = check_imagery(scene, PixelSurvey(scene.imagery, quick=True))
    assert 0.1 < times.mean() < 0.3
    assert times.max() == 1
    assert found.facts["without imagery"].endswith(f"({times.sum():,} pixels read, evenly spread (--quick))")


@pytest.mark.parametrize("size", [(700_000, 300), (300, 700_000), (40_000, 60_000), (10_241, 10_241)])
def test_samples_are_spread_and_never_overlap(size: tuple[int, int]) -> None:
    windows, whole = pixel_survey._windows(Grid(CRS, 0, 0, 1, 1, *size), 400)
    assert not whole
    assert 300 <= len(windows) == len({(w.row, w.col) for w in windows}) <= 400
    assert {w.row % 512 for w in windows} | {w.col % 512 for w in windows} == {0}
    assert max(w.row_end for w in windows) == size[0]
    assert max(w.col_end for w in windows) == size[1]


def test_a_broken_file_ends_the_pass_with_its_name(make_scene: Make, cache: Path) -> None:
    scene = scene_of(make_scene, cache, values(), compress="deflate")
    file = Path(scene.image_files[0].path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    survey = PixelSurvey(scene.imagery)
    with pytest.raises(LulcsegError, match=r"image\.tif: it can't be read"):
        survey.read(4)
