"""Statistics of mosaics: against NumPy, whatever the blocks, the cache and the number of mosaics."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.scene import statistics
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import BandStatistics, measure, merge, mosaic_statistics
from tests.conftest import write_raster

WHICH = [0, 2, 25, 50, 98, 100]


@dataclass
class Held:
    """Imagery held in memory."""

    values: np.ndarray
    valid: np.ndarray

    def __post_init__(self) -> None:
        self.bands, height, width = self.values.shape
        self.grid = Grid("EPSG:28355", 0.0, 0.0, 1.0, 1.0, height, width)
        self.dtype = self.values.dtype

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        place = window.slices_in(self.grid.window)
        return self.values[:, *place], self.valid[place]


def held(dtype: str, bands: int = 3, size: tuple[int, int] = (70, 90), seed: int = 0) -> Held:
    """Return noise with a fifth of it invalid, where values lie far off."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(3, 20, (bands, *size)) * np.linspace(0.5, 1.5, bands)[:, None, None] + seed
    values = values / 100 - 0.3 if np.dtype(dtype).kind == "f" else values
    values = np.clip(values, 0, 255) if dtype == "uint8" else values * (20 if dtype == "uint16" else 1)
    values = values - 90 if dtype in {"int16", "int32"} else values
    valid = rng.random(size) > 0.2
    return Held(np.where(valid, values, 201).astype(dtype), valid)


def assert_numpys(found, values: np.ndarray, exact: bool) -> None:
    values = values.astype(np.float64)
    assert (found.low, found.high, found.count) == (values.min(), values.max(), values.size)
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.std == pytest.approx(values.std(), rel=1e-11)
    near = np.percentile(values, WHICH)
    slack = 1e-9 if exact else np.abs(near) / 2**11 + 1e-9
    assert (np.abs(np.array(found.percentiles(WHICH)) - near) <= slack).all()


@pytest.mark.parametrize("bands", [1, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_statistics_are_numpys(dtype, bands):
    imagery = held(dtype, bands)
    found = measure(imagery)
    exact = dtype in {"uint8", "uint16", "int16"}
    for band, values in zip(found.bands, imagery.values, strict=True):
        assert_numpys(band, values[imagery.valid], exact)
    assert_numpys(found.joint, imagery.values[:, imagery.valid], exact)


@pytest.mark.parametrize("block", [(1, 90), (17, 13), (64, 64), (500, 500)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_blocks_of_any_size_give_the_same(dtype, block):
    imagery = held(dtype)
    one, other = measure(imagery), measure(imagery, block)
    for a, b in zip(one.bands, other.bands, strict=True):
        assert np.array_equal(a.keys, b.keys)
        assert np.array_equal(a.counts, b.counts)
        assert (a.low, a.high) == (b.low, b.high)
        assert (a.mean, a.std) == pytest.approx((b.mean, b.std), rel=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_constant_and_empty_mosaics(dtype):
    plain = Held(np.full((2, 40, 50), 0.1 if dtype == "float32" else 7, dtype), np.ones((40, 50), bool))
    found = merge([measure(plain, (7, 11)), measure(plain)])
    for part in (*found.bands, found.joint):
        assert part.std == 0
        assert set(part.percentiles(WHICH)) == {part.low} == {part.high} == {part.mean}
    empty = measure(Held(plain.values, np.zeros((40, 50), bool))).summary()
    assert empty["pixels"] == 0
    assert all(value == 0 for name in ("bands", "joint") for part in empty[name].values() for value in part)


def test_a_stray_extreme_costs_floats_no_detail():
    imagery = held("float32", 1)
    imagery.values[0, 0, 0], imagery.valid[0, 0] = 1e30, True
    found = measure(imagery).bands[0].percentiles([2, 98])
    expected = np.percentile(imagery.values[0][imagery.valid], [2, 98])
    assert np.abs(found / expected - 1).max() < 1 / 2**11


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_several_mosaics_are_one_large_one(dtype):
    parts = [held(dtype, seed=s, size=size) for s, size in ((1, (40, 30)), (2, (90, 80)), (3, (5, 7)))]
    found = merge([measure(part) for part in parts])
    for i, band in enumerate(found.bands):
        values = np.concatenate([p.values[i][p.valid] for p in parts])
        assert_numpys(band, values, dtype != "float32")


def test_mosaics_that_differ_are_refused():
    with pytest.raises(LulcsegError, match="type or number of bands"):
        merge([measure(held("uint8")), measure(held("uint16"))])
    with pytest.raises(LulcsegError, match="type or number of bands"):
        merge([measure(held("uint8", 3)), measure(held("uint8", 4))])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_large_mosaics_are_read_in_part_and_say_so(monkeypatch, dtype):
    imagery = held(dtype, size=(200, 300))
    whole = measure(imagery)
    assert whole.every == 1
    monkeypatch.setattr(statistics, "MOST_PIXELS", 200 * 300 // 4)
    part = measure(imagery, (10, 10))
    assert part.summary()["every"] == part.every == 4
    read = sum(band.count for band in part.bands) / sum(band.count for band in whole.bands)
    assert read == pytest.approx(1, abs=0.02)
    for a, b in zip(part.bands, whole.bands, strict=True):
        assert a.mean == pytest.approx(b.mean, abs=0.05 * b.std)
        assert not np.array_equal(a.counts, b.counts)


def test_a_part_without_a_valid_pixel_is_read_whole(monkeypatch):
    imagery = held("uint8", size=(40, 40))
    imagery.valid[:] = False
    imagery.valid[0, 10:12] = True
    monkeypatch.setattr(statistics, "MOST_PIXELS", 40 * 40 // 4)
    found = measure(imagery, (10, 10))
    assert (found.every, found.bands[0].count) == (1, 2)


def test_plain_form_and_summary():
    found = measure(held("float32"))
    back = BandStatistics.from_plain(json.loads(json.dumps(found.to_plain())))
    assert back.summary() == found.summary()
    summary = json.loads(json.dumps(found.summary([5, 90])))
    assert summary["percentiles"] == [5, 90]
    assert summary["bands"]["high"] == [band.percentiles([90])[0] for band in found.bands]
    assert summary["joint"]["std"] == [found.joint.std]
    assert len(summary["bands"]["min"]) == 3


def changed(path: Any) -> None:
    """Write other values into a file and make sure its time moves."""
    before = path.stat()
    write_raster(path, np.full((3, 96, 128), 9, np.uint8))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def test_the_cache_is_used_until_a_file_changes(make_scene, tmp_path, monkeypatch):
    scene = Scene.open(str(make_scene()), tmp_path / "cache")
    first = mosaic_statistics(scene.imagery, scene.cache)
    image, valid = scene.imagery.read(scene.grid.window)
    assert_numpys(first.joint, image[:, valid], exact=True)
    monkeypatch.setattr(statistics, "measure", lambda _: pytest.fail("measured again"))
    assert mosaic_statistics(scene.imagery, scene.cache).to_plain() == first.to_plain()
    monkeypatch.undo()
    changed(scene.image_files[0].path)
    scene = Scene.open(scene.file.path.as_posix(), tmp_path / "cache")
    assert mosaic_statistics(scene.imagery, scene.cache).bands[0].high == 9


def test_a_torn_cache_is_measured_again_and_other_settings_are_kept_apart(make_scene, tmp_path):
    scene = Scene.open(str(make_scene()), tmp_path / "cache")
    first = mosaic_statistics(scene.imagery, scene.cache)
    (path,) = (scene.cache / "statistics").iterdir()
    path.write_text(path.read_text()[:40])
    assert mosaic_statistics(scene.imagery, scene.cache).to_plain() == first.to_plain()
    scene.imagery.rasters.nodata = 40.0
    mosaic_statistics(scene.imagery, scene.cache)
    assert len(list((scene.cache / "statistics").iterdir())) == 2
    assert mosaic_statistics(scene.imagery, None).bands[0].dtype == "uint8"
