"""Reading: whatever process reads, and from the files or a decoded copy, the samples are the same bytes."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from rasterio.shutil import copy
from rasterio.vrt import WarpedVRT
from torch.utils.data import DataLoader
from torchgeo.datasets import stack_samples

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.decoded_imagery import decode, decoded_bytes
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, TOP, write_raster

Make = Callable[..., Path]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"boundary": "area.gpkg"},
    {"imagery": {"files": ["holed.tif"], "nodata": 0}},
    {"imagery": {"files": ["right.tif", "image.tif"]}},
    {"imagery": {"files": ["alpha.tif", "image.tif"], "bands": [2, 1]}},
    {"imagery": {"files": ["masked.tif"]}},
    {"imagery": {"files": ["float.tif"]}},
    {"crs": "EPSG:28354"},
    {"resolution": 0.8, "imagery": {"files": ["masked.tif"]}},
]
NAMES = ["plain", "boundary", "nodata", "two files", "alpha", "mask", "float", "warped", "mask warped"]


def prepared(make_scene: Make, **options: Any) -> Path:
    """Write a scene, with the files that the options may name beside it."""
    path = make_scene(points=None, **options)
    rng = np.random.default_rng(5)
    with rasterio.open(path.parent / "image.tif") as source:
        image = source.read()
    holes = rng.random(image.shape[1:]) < 0.2
    write_raster(path.parent / "right.tif", 255 - image[:, :50, :70], left=LEFT + 90 * RES, nodata=90)
    alpha = np.where(holes, 0, 255).astype(np.uint8)[None]
    write_raster(path.parent / "alpha.tif", np.concatenate([255 - image, alpha]), photometric="RGB", alpha="YES")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_raster(path.parent / "masked.tif", image)
        with rasterio.open(path.parent / "masked.tif", "r+") as out:
            out.write_mask(~holes)
    write_raster(path.parent / "holed.tif", np.where(holes, 0, image))
    values = image.astype(np.float32)
    values[0, holes] = np.nan
    values[1, 3:9] = -1
    write_raster(path.parent / "float.tif", values, nodata=-1)
    area = shapely.Polygon([(LEFT + 3.3, TOP - 1), (LEFT + 60, TOP - 9.1), (LEFT + 21, TOP - 47)])
    gpd.GeoDataFrame(geometry=[area], crs=CRS).to_file(path.parent / "area.gpkg")
    return path


def windows(scene: Scene) -> list[Window]:
    """Return windows inside the grid, across its edges, and off it."""
    rng = np.random.default_rng(1)
    height, width = scene.grid.height, scene.grid.width
    places = rng.integers([-20, -20], [height, width], (25, 2)).tolist()
    return [Window(r, c, 24, 32) for r, c in places] + [scene.grid.window, Window(height + 5, 0, 4, 4)]


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys() >= {"image", "valid", "mask"}
    for key, value in one.items():
        assert value.dtype == other[key].dtype
        assert value.shape == other[key].shape
        assert torch.equal(value, other[key]), key


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_decoded_samples_equal_direct_ones(make_scene: Make, cache: Path, options: dict[str, Any]) -> None:
    scene = Scene.open(str(prepared(make_scene, **options)), cache)
    direct, decoded = SceneDataset(scene), SceneDataset(scene, decoded=cache)
    for window in windows(scene):
        assert_same(direct.read(window), decoded.read(window))
    image = decoded.read(scene.grid.window)["image"]
    image += 1  # a sample is the reader's own: neither the copy on disk nor the next sample changes
    assert_same(direct.read(scene.grid.window), decoded.read(scene.grid.window))
    (made,) = (cache / "decoded").glob("*.bin")
    assert made.stat().st_size <= decoded_bytes(scene.imagery)


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_validity_alone_equals_validity_read_with_pixels(
    make_scene: Make, cache: Path, options: dict[str, Any]
) -> None:
    scene = Scene.open(str(prepared(make_scene, **options)), cache)
    for window in windows(scene):
        np.testing.assert_array_equal(scene.imagery.valid(window), scene.imagery.read(window)[1])
    rng = np.random.default_rng(2)
    rows, cols = rng.integers(-8, scene.grid.height, 30), rng.integers(-8, scene.grid.width, 30)
    assert not scene.imagery.valid(Window(-20, -20, 200, 200)).all()
    expected = [scene.imagery.read(Window(int(r), int(c), 16, 16))[1].mean() for r, c in zip(rows, cols, strict=True)]
    np.testing.assert_array_equal(scene.imagery.valid_share(rows, cols, 16), expected)


@pytest.mark.parametrize(("name", "bands"), [("alpha.tif", [[4]]), ("masked.tif", []), ("image.tif", [])])
def test_validity_reads_no_pixels_where_a_band_or_mask_tells_it(
    make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, bands: list[Any]
) -> None:
    scene = Scene.open(str(prepared(make_scene, imagery={"files": [name]})), cache)
    scene.imagery.read(Window(0, 0, 8, 8))
    (source,) = scene.imagery.rasters._open.values()
    handle = source.dataset
    asked: list[Any] = []

    class Watched:
        def read(self, band: Any, **options: Any) -> Any:
            asked.append([band])
            return handle.read(band, **options)

        def __getattr__(self, key: str) -> Any:
            return getattr(handle, key)

    source.dataset, source._groups = Watched(), [replace(group, dataset=Watched()) for group in source._groups]
    scene.imagery.valid_share(np.array([0]), np.array([0]), 16)
    assert asked == bands


@pytest.mark.parametrize(
    ("method", "workers", "decoded"),
    [("fork", 2, False), ("fork", 2, True), pytest.param("spawn", 1, False, marks=pytest.mark.slow)],
)
def test_loader_processes_read_what_this_one_reads(
    make_scene: Make, cache: Path, method: str, workers: int, decoded: bool
) -> None:
    options = {"imagery": {"files": ["right.tif", "image.tif"]}, "boundary": "area.gpkg"}
    scene = Scene.open(str(prepared(make_scene, **options)), cache)
    data = SceneDataset(scene, decoded=cache if decoded else None)
    bounds = [scene.grid.bounds(Window(r, c, 32, 32)) for r in range(0, 60, 12) for c in range(0, 60, 20)]
    places = [(slice(b.left, b.right), slice(b.bottom, b.top)) for b in bounds]
    here = [data[place] for place in places]  # files are open in this process
    loader = DataLoader(
        data, 4, sampler=places, num_workers=workers, multiprocessing_context=method, collate_fn=stack_samples
    )
    for _ in range(2 if method == "fork" else 1):
        batches = list(loader)
        there = [{k: v[i] for k, v in batch.items()} for batch in batches for i in range(len(batch["image"]))]
        assert len(there) == len(here)
        for one, other in zip(here, there, strict=True):
            assert_same(one, other)


def test_pickled_reader_opens_its_own_map(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    reader = decode(scene.imagery, cache)
    here = reader.read(scene.grid.window)
    sent = pickle.dumps(reader)
    assert len(sent) < 2000, "pixels travel with the reader"
    np.testing.assert_array_equal(pickle.loads(sent).read(scene.grid.window)[0], here[0])


def test_decoded_copy_is_told_before_it_is_made_and_made_once(
    make_scene: Make, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    scene = Scene.open(str(path), cache)
    assert decoded_bytes(scene.imagery) == 96 * 128 * 3
    reader = decode(scene.imagery, cache)
    assert f"The decoded cache will take 36.9 kB in {cache / 'decoded'}\n" == capsys.readouterr().err
    assert reader.path.stat().st_size == 96 * 128 * 3
    before = reader.path.stat().st_mtime_ns
    assert decode(Scene.open(str(path), cache).imagery, cache).path == reader.path
    assert reader.path.stat().st_mtime_ns == before
    assert capsys.readouterr().err == ""
    with rasterio.open(path.parent / "image.tif", "r+") as out:
        out.write(255 - out.read())
    status = (path.parent / "image.tif").stat()
    os.utime(path.parent / "image.tif", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    again = Scene.open(str(path), cache)
    changed = decode(again.imagery, cache)
    assert changed.path != reader.path
    np.testing.assert_array_equal(changed.read(scene.grid.window)[0], again.imagery.read(scene.grid.window)[0])


def test_decoded_copy_follows_what_a_vrt_is_made_of_and_how_it_is_seen(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.vrt"]}, points=None)
    folder = path.parent
    with rasterio.open(folder / "image.tif") as source, WarpedVRT(source) as vrt:
        copy(vrt, folder / "image.vrt", driver="VRT")
    seen = set()
    for change in ("", "image.tif", "bands: [3]", "nodata: 7"):
        if change.endswith(".tif"):
            os.utime(folder / change, ns=(1, 1))
        elif change:
            path.write_text(path.read_text().replace("imagery:\n", f"imagery:\n  {change}\n"))
        seen.add(decode(Scene.open(str(path), cache).imagery, cache).path)
    assert len(seen) == 4


def test_decoded_copy_follows_the_boundary(make_scene: Make, cache: Path) -> None:
    path = prepared(make_scene, boundary="area.gpkg")
    first = Scene.open(str(path), cache)
    area = shapely.box(*first.boundary.bounds)  # another shape of the same extent
    gpd.GeoDataFrame(geometry=[area], crs=CRS).to_file(path.parent / "area.gpkg")
    second = Scene.open(str(path), cache)
    assert second.grid == first.grid
    valid = [decode(scene.imagery, cache).read(scene.grid.window)[1].mean() for scene in (first, second)]
    assert valid[0] < 0.6 < 0.9 < valid[1]


def test_labels_off_the_grid_are_ignored(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    label = scene.labels.read(Window(-3, 120, 8, 16))
    inside = scene.labels.read(Window(0, 120, 5, 8))
    np.testing.assert_array_equal(label[3:, :8], inside)
    assert (inside != 255).all()
    assert (label[:3] == 255).all()
    assert (label[:, 8:] == 255).all()


def test_decoded_copy_that_would_fill_the_disk_is_refused(
    make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene.open(str(make_scene()), cache)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 36_863, 36_863))
    with pytest.raises(LulcsegError, match=r"would take 36\.9 kB, but the disk has 36\.9 kB left"):
        decode(scene.imagery, cache)
    assert list((cache / "decoded").iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 36_864, 36_864))
    assert decode(scene.imagery, cache).read(scene.grid.window)[1].all()


def test_decoded_copy_that_was_removed_is_missed_in_a_sentence(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    reader = decode(scene.imagery, cache)
    reader.path.unlink()
    with pytest.raises(LulcsegError, match="can no longer be read"):
        reader.read(scene.grid.window)


def test_many_tiles_are_read_as_one_image(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["tile*.tif"]}, labels=None, points=None)
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 255, (2, 70, 90), dtype=np.uint8)
    for row in range(0, 70, 10):
        for col in range(0, 90, 10):
            tile = whole[:, row : row + 10, col : col + 10]
            name = path.parent / f"tile_{row:02d}_{col:02d}.tif"
            write_raster(name, tile, left=LEFT + col * RES, top=TOP - row * RES)
    imagery = Scene.open(str(path), cache).imagery
    for row, col in rng.integers([0, 0], [46, 58], (20, 2)).tolist():
        image, valid = imagery.read(Window(row, col, 24, 32))
        np.testing.assert_array_equal(image, whole[:, row : row + 24, col : col + 32])
        assert valid.all()
