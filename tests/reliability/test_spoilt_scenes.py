"""Scene files and the files they name, spoilt in many ways: read, or refused in one sentence."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import yaml

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.scene.scene import Scene
from lulcseg.scene.synthetic_scene import landscape_scene
from tests.conftest import CRS, LEGEND, box, write_raster
from tests.support.small_runs import QUICK, run

Make = Callable[..., Path]
CASES = 60 * int(os.environ.get("LULCSEG_TORTURE", "1"))
ODD: list[Any] = [
    None, True, 0, -1, 10**30, 0.5, float("nan"), float("inf"), "", "x", "..", "~nobody/x", "x" * 300, "\0",
    "image.tif", "ignore", [], [[]], {}, {"a": 1}, [None], ["labels.gpkg"], "2018-02-30", "EPSG:4326", "EPSG:1",
]  # fmt: skip


def read_all(path: Path, cache: Path) -> None:
    scene = Scene.open(str(path), cache)
    for part in (scene.labels, scene.points, scene.polygons(), scene.notes):
        assert part is None or part is not None


def test_any_value_at_any_place_of_a_scene_file_is_read_or_refused(make_scene: Make, cache: Path) -> None:
    path, rng = make_scene(), random.Random(3)
    plain = path.read_text()
    for _ in range(CASES):
        content = yaml.safe_load(plain)
        part: Any = content
        key = rng.choice(list(part))
        while isinstance(part[key], dict | list) and part[key] and rng.random() < 0.8:
            part = part[key]
            key = rng.choice(list(part)) if isinstance(part, dict) else rng.randrange(len(part))
        part[key] = rng.choice(ODD)
        path.write_text(yaml.safe_dump(content))
        with suppress(LulcsegError):
            read_all(path, cache)


@pytest.mark.parametrize("name", ["image.tif", "labels.gpkg", "points.gpkg"])
def test_damaged_files_are_read_or_refused(make_scene: Make, cache: Path, name: str) -> None:
    path, rng = make_scene(), random.Random(5)
    whole = (path.parent / name).read_bytes()
    for _ in range(CASES // 6):
        content = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(20):
            content[rng.randrange(len(content))] = rng.randrange(256)
        (path.parent / name).write_bytes(content)
        with suppress(LulcsegError):
            read_all(path, cache)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\nb", "characters that can't be printed"), ("\x1b[31m", "characters that can't be printed"),
        (" ", "is empty"), ("ignore", "stands for no class"), ("=cmd|' /C calc'!A0", "run as a formula"),
    ],
)  # fmt: skip
def test_names_that_do_harm_elsewhere_are_refused(make_scene: Make, cache: Path, name: str, said: str) -> None:
    with pytest.raises(LulcsegError, match=said):
        Scene.open(str(make_scene(legend=[*LEGEND, {"code": 40, "name": name, "colour": "#000000"}])), cache)


def test_polygons_without_a_place_are_not_called_repaired(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    odd = shapely.Polygon([(0, 0), (1, 0), (float("inf"), 1)])
    frame = gpd.GeoDataFrame({"class": ["Trees", "Water"]}, geometry=[box(0, 0, 9, 9), odd], crs=CRS)
    frame.to_file(path.parent / "labels.gpkg")
    with pytest.raises(LulcsegError, match="1 features have coordinates that are not finite, the first is feature 2"):
        read_all(path, cache)


def layer(geometries: list[Any], names: list[str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"class": names}, geometry=geometries, crs=CRS)


def plan_only(path: Path, cache: Path, *overrides: str) -> Path:
    """Make the plan alone; the run's folder, which a refusal takes away again."""
    folder = path.parent / "run"
    run(folder, f"scene={path}", f"cache={cache}", *QUICK, "stop_after=plan", *overrides)
    return folder


@pytest.mark.parametrize(
    ("geometries", "said"),
    [
        ([shapely.Point(0, 0)], r"none of 1 point lies on the imagery; correct their coordinate reference system"),
        ([], "it holds no points"),
    ],
)
def test_points_off_the_imagery_are_refused_before_training(
    make_scene: Make, cache: Path, geometries: list[Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    layer([shapely.Point(0, 0)], ["Trees"]).iloc[: len(geometries)].to_file(path.parent / "points.gpkg")
    with pytest.raises(LulcsegError, match=said):
        plan_only(path, cache)
    assert not (path.parent / "run").exists()
    with pytest.raises(SystemExit, match="2"):
        main(["check", str(path), "--cache", str(cache)])
    assert said[:20] in " ".join(capsys.readouterr().out.split())


def test_a_layer_without_polygons_is_not_a_matter_of_its_crs(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    layer([box(0, 0, 9, 9)], ["Trees"]).iloc[:0].to_file(path.parent / "labels.gpkg")
    with pytest.raises(LulcsegError, match=r"labels\.gpkg: it holds no polygons; check that its layer was saved"):
        read_all(path, cache)
    path = make_scene("bounded", boundary="labels.gpkg")
    layer([box(0, 0, 9, 9)], ["Trees"]).iloc[:0].to_file(path.parent / "labels.gpkg")
    with pytest.raises(LulcsegError, match="it holds no polygon;"):
        read_all(path, cache)


@pytest.mark.parametrize("section", ["labels", "points"])
def test_the_setting_that_chooses_among_layers_is_named(make_scene: Make, cache: Path, section: str) -> None:
    path = make_scene()
    layer([box(0, 0, 9, 9)], ["Trees"]).to_file(path.parent / f"{section}.gpkg", layer="more")
    with pytest.raises(LulcsegError, match=rf"has 2 layers .* name one as {section}\.layer"):
        read_all(path, cache)


@pytest.mark.parametrize("method", ["stratified", "grid"])
def test_imagery_without_a_valid_pixel_is_a_matter_of_its_nodata(make_scene: Make, cache: Path, method: str) -> None:
    path = make_scene()
    write_raster(path.parent / "image.tif", np.zeros((3, 96, 128), np.uint8), nodata=0)
    grid = ["sampling.cell=32", "sampling.background=null"] if method == "grid" else []
    with pytest.raises(LulcsegError, match=r"imagery\.nodata"):
        plan_only(path, cache, f"sampling.method={method}", *grid)


def test_labels_of_one_class_are_told(make_scene: Make, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_scene(labels={"file": "labels.gpkg", "column": "class", "uncovered": "ignore"})
    plan_only(path, cache)
    assert "the model can learn nothing else" not in capsys.readouterr().out
    layer([box(0, 0, 90, 90)], ["Bare"]).to_file(path.parent / "labels.gpkg")
    shutil.rmtree(path.parent / "run")
    plan_only(path, cache)
    assert "All labels in training are Bare: the model can learn nothing else." in capsys.readouterr().out
    main(["check", str(path), "--cache", str(cache)])
    assert "Only Bare is labelled: a model can learn nothing else." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["n" * 101, "a\nb", "\x1b[1m", "=1+1", "..", "a/b"])
def test_names_that_no_file_can_have_are_refused(make_scene: Make, cache: Path, name: str) -> None:
    path = make_scene()
    for content in (yaml.safe_load(path.read_text()), {"synthetic": {"size": 128}}):
        path.write_text(yaml.safe_dump(content | {"name": name}))
        with pytest.raises(LulcsegError, match=r"more than 100 bytes|part of a file name|formula"):
            Scene.open(str(path), cache)


def test_check_exits_with_2_where_a_scene_cannot_be_used(
    make_scene: Make, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    main(["check", str(path), "--cache", str(cache)])
    (path.parent / "labels.gpkg").write_bytes(b"x")
    with pytest.raises(SystemExit) as left:
        main(["check", str(path), "--cache", str(cache)])
    assert left.value.code == 2
    assert "keeps the scene from being used; see above" in capsys.readouterr().err


def test_the_remains_of_a_killed_landscape_are_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lulcseg.scene.synthetic import VERSION

    name = f"v{VERSION}_size128_seed1"
    stray = cache / "synthetic" / f".{name}.partial-abc" / name
    stray.mkdir(parents=True)
    monkeypatch.setattr("lulcseg.scene.synthetic.write.write_landscape", lambda out, **_: out.mkdir())
    with pytest.raises(LulcsegError, match="has no scene"):
        landscape_scene(128, 1, "2018", cache)
    assert not stray.parent.exists()
