"""Maps through ``predict.py``: several devices, cut off and gone on with, regions, files for a GIS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate
from shapely.geometry import box

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.predict import predict
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.scene import Scene
from tests.conftest import scene_maker, write_raster
from tests.support.checkout import ROOT
from tests.support.small_runs import QUICK, run

Make = Callable[..., Path]
LAYERS = "[probabilities,confidence,entropy,disagreement]"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three plain colours."""
    folder = tmp_path_factory.mktemp("trained")
    options = [*QUICK, "trainer.epochs=3", "stop_after=training", f"cache={folder / 'cache'}"]
    return run(folder / "run", f"scene={scene_maker(folder)('trained')}", *options) / "checkpoints" / "best.ckpt"


def command(checkpoint: Path, scene: Path, out: Path, *more: str) -> list[str]:
    settings = [f"checkpoint={checkpoint}", f"scene={scene}", f"output={out}", f"cache={out.parent / 'cache'}"]
    return [*settings, "accelerator=cpu", "precision=32-true", "mosaic.batch_size=6", "mosaic.strip=16", *more]


def script(*arguments: str) -> subprocess.Popen[str]:
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "predict.py"), *arguments],
        env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def mapped(checkpoint: Path, scene: Path, out: Path, *more: str) -> Path:
    """Predict in this process, and return the folder of the maps."""
    predict(compose("predict", command(checkpoint, scene, out, *more)))
    return out / "maps"


def pixels(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as dataset:
            found[path.name] = dataset.read().tobytes()
    return found


@pytest.mark.slow
def test_two_processes_make_the_map_of_one(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("tall", (300, 128), seed=3)
    more = [f"mosaic.outputs={LAYERS}"]
    done = {}
    for name, devices in (("one", "1"), ("two", "2")):
        process = script(*command(checkpoint, scene, tmp_path / name, *more, f"devices={devices}"))
        out, error = process.communicate(timeout=240)
        assert process.returncode == 0, error[-3000:]
        assert "whatever the mosaic's height" in out
        done[name] = json.loads((tmp_path / name / "record.json").read_text())["maps"][0]
    one, two = (pixels(tmp_path / name / "maps") for name in ("one", "two"))
    assert len(one) == 5
    assert one == two
    files = [sorted(p.name for p in (tmp_path / name / "maps").iterdir()) for name in ("one", "two")]
    assert files[0] == files[1]
    assert done["two"]["areas"] == done["one"]["areas"]
    assert done["two"]["patches"] >= done["one"]["patches"], "patches of both processes count"
    assert len(list((tmp_path / "two" / "assessment").glob("*_multiple.json"))) == 1


@pytest.mark.slow
def test_a_killed_prediction_resumes_by_the_same_command(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("killed", (700, 300), seed=3)
    request = command(checkpoint, scene, tmp_path / "cut", f"mosaic.outputs={LAYERS}", "mosaic.batch_size=1")
    process = script(*request)
    maps = tmp_path / "cut" / "maps"
    until = time.monotonic() + 120
    while len(list(maps.glob(".*.part/strip_*.json"))) < 3:
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < until
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(maps.glob("*.tif"))
    kept = len(list(maps.glob(".*.part/strip_*.json")))
    process = script(*request)
    out, error = process.communicate(timeout=240)
    assert process.returncode == 0, error[-2000:]
    assert f"Resuming: {kept} of 44 strips are done." in out
    mapped(checkpoint, scene, tmp_path / "whole", f"mosaic.outputs={LAYERS}", "mosaic.batch_size=1")
    assert pixels(maps) == pixels(tmp_path / "whole" / "maps")
    assert not list(maps.glob(".*"))
    entry = json.loads((tmp_path / "cut" / "record.json").read_text())["maps"][0]
    assert entry["strips_resumed"] == kept


def test_every_file_for_a_gis(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("files", seed=2, date="2018-07")
    outputs = "mosaic.outputs=[confidence,polygons,review]"
    folder = mapped(checkpoint, scene, tmp_path / "out", outputs, "mosaic.min_area=2", "mosaic.simplify=0")
    stem = "files_multiple"
    expected = {
        "": (".tif", ".tif.aux.xml", ".qml", ".json"),
        "_confidence": (".tif", ".qml"),
        "_polygons": (".gpkg", ".qml"),
        "_review": (".gpkg", ".qml"),
        "_areas": (".csv",),
    }
    assert {p.name for p in folder.iterdir()} == {f"{stem}{k}{s}" for k, suffixes in expected.items() for s in suffixes}
    for raster in folder.glob("*.tif"):
        assert cog_validate(raster, strict=True)[0], raster
    item = pystac.Item.from_file(str(folder / f"{stem}.json"))
    assert set(item.assets) == {"map", "confidence", "polygons", "review", "areas"}
    assert all((folder / asset.href).is_file() for asset in item.assets.values())
    assert len(item.properties["lulcseg:checkpoint_sha256"]) == 64
    assert item.properties["start_datetime"].startswith("2018-07-01")
    with rasterio.open(folder / f"{stem}.tif") as dataset:
        codes, pixel = dataset.read(1), abs(dataset.transform.a * dataset.transform.e)
    lines = [line.split(",") for line in (folder / f"{stem}_areas.csv").read_text().splitlines()[1:]]
    assert {int(line[1]): int(line[2]) for line in lines} == {c: int((codes == c).sum()) for c in (10, 20, 30)}
    assert sum(float(line[4]) for line in lines) == pytest.approx(1, abs=1e-5)
    polygons = gpd.read_file(folder / f"{stem}_polygons.gpkg", layer="map")
    assert polygons.area.sum() == pytest.approx((codes != 255).sum() * pixel)
    assert polygons["area_m2"].min() >= 2
    assert polygons["confidence"].between(1 / 3, 1).all()
    review = gpd.read_file(folder / f"{stem}_review.gpkg", layer="review")
    assert (review["labelled"] != review["mapped"]).all()
    report = (tmp_path / "out" / "report.html").read_text()
    assert f'href="maps/{stem}_polygons.gpkg"' in report


def test_a_region_is_mapped_as_in_the_map_of_the_whole(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("regions", seed=2)
    grid = Scene.open(str(scene), tmp_path / "cache").grid
    left, top = grid.left + 20 * grid.xres, grid.top - 10 * grid.yres
    shape = box(left, top - 40 * grid.yres, left + 50 * grid.xres, top)
    gpd.GeoDataFrame(geometry=[shape], crs=grid.crs).to_file(tmp_path / "region.gpkg")
    whole = mapped(checkpoint, scene, tmp_path / "whole")
    part = mapped(checkpoint, scene, tmp_path / "part", f"mosaic.region={tmp_path / 'region.gpkg'}")
    with rasterio.open(whole / "regions_multiple.tif") as dataset:
        everything = dataset.read(1)
    with rasterio.open(part / "regions_multiple.tif") as dataset:
        assert dataset.shape == (40, 50)
        assert dataset.transform.c == left
        np.testing.assert_array_equal(dataset.read(1), everything[10:50, 20:70])
    scored = json.loads((tmp_path / "part" / "assessment" / "regions_multiple.json").read_text())
    assert 0 < scored["n_scored"] < 40
    gpd.GeoDataFrame(geometry=[box(0, 0, 9, 9)], crs=grid.crs).to_file(tmp_path / "far.gpkg")
    with pytest.raises(LulcsegError, match=r"far\.gpkg: the region holds none of the imagery"):
        mapped(checkpoint, scene, tmp_path / "none", f"mosaic.region={tmp_path / 'far.gpkg'}")
    assert not (tmp_path / "none").exists()


def test_other_resolutions_are_refused_or_warped(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("coarse", seed=2, resolution=1.0)
    with pytest.raises(LulcsegError, match=r"warp=true"):
        mapped(checkpoint, scene, tmp_path / "refused")
    folder = mapped(checkpoint, scene, tmp_path / "warped", "warp=true")
    with rasterio.open(folder / "coarse_multiple.tif") as dataset:
        assert (dataset.transform.a, dataset.shape) == (0.5, (96, 128))


def test_imagery_that_changes_is_noticed(
    checkpoint: Path, make_scene: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is mapped, and between a prediction that was cut off and the one that goes on."""
    scene = make_scene("moving", (200, 128), seed=2)
    image = scene.parent / "image.tif"
    with rasterio.open(image) as source:
        values = source.read()
    reads: list[int] = []
    read = ImageryReader.read

    def stop(self: ImageryReader, window: object) -> object:
        reads.append(1)
        if len(reads) == 24:
            raise KeyboardInterrupt
        return read(self, window)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageryReader, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        mapped(checkpoint, scene, tmp_path / "out", "mosaic=single")
    monkeypatch.undo()
    (begun,) = (tmp_path / "out" / "maps").glob(".*.part")
    write_raster(image, values[:, ::-1].copy())
    folder = mapped(checkpoint, scene, tmp_path / "out", "mosaic=single")
    assert json.loads((tmp_path / "out" / "record.json").read_text())["maps"][0]["strips_resumed"] == 0
    assert begun.is_dir(), "what was unfinished of the old imagery is left alone"
    expected = mapped(checkpoint, scene, tmp_path / "fresh", "mosaic=single")
    assert pixels(folder) == pixels(expected)

    def change(self: ImageryReader, window: object) -> object:
        os.utime(image, ns=(1, time.time_ns()))
        return read(self, window)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageryReader, "read", change)
    with pytest.raises(LulcsegError, match="the imagery changed while it was mapped"):
        mapped(checkpoint, scene, tmp_path / "changed", "mosaic=single")
    assert not list((tmp_path / "changed" / "maps").glob("*.tif"))


def test_a_review_needs_labels_and_says_so_first(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene("bare", labels=None)
    with pytest.raises(LulcsegError, match="it has no labels to compare a map with"):
        mapped(checkpoint, scene, tmp_path / "out", "mosaic.outputs=[review]")
    assert not (tmp_path / "out").exists()


def test_devices_that_are_not_available_are_refused(checkpoint: Path, make_scene: Make, tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match="devices=some with strategy auto are not available here"):
        mapped(checkpoint, make_scene("devices"), tmp_path / "out", "devices=some")
    assert not (tmp_path / "out").exists()


def test_files_of_an_earlier_map_are_reported(
    checkpoint: Path, make_scene: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_scene("again")
    mapped(checkpoint, scene, tmp_path / "out", "mosaic=cheap", "mosaic.outputs=[disagreement]")
    mapped(checkpoint, scene, tmp_path / "out", "mosaic=cheap")
    assert "again_cheap_disagreement.tif belongs to an earlier map and was left as it is." in capsys.readouterr().out
