"""Polygons as people draw them: crossing themselves, off the imagery, over each other, in no class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.overlaps import overlaps
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, TOP, box

Make = Callable[..., Path]


def bow(row: float, col: float, size: float) -> shapely.Polygon:
    """Return a polygon that crosses itself: two triangles that meet at its middle."""
    x, y, side = LEFT + col * RES, TOP - row * RES, size * RES
    return shapely.Polygon([(x, y), (x + side, y - side), (x + side, y), (x, y - side)])


def drawn(make_scene: Make, polygons: list[tuple[str, shapely.Polygon | None]], **labels: str) -> Path:
    spec = {"file": "labels.gpkg", "column": "class", "uncovered": "Bare"} | labels
    path = make_scene(points=None, labels=spec)
    frame = gpd.GeoDataFrame({"class": [c for c, _ in polygons]}, geometry=[g for _, g in polygons], crs=CRS)
    frame.to_file(path.parent / "labels.gpkg")
    return path


BROKEN = [("Trees", box(0, 0, 8, 8)), ("Water", bow(20, 20, 10)), ("Water", bow(40, 20, 10))]


def test_invalid_polygons_are_repaired_and_counted(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(drawn(make_scene, BROKEN)), cache)
    assert scene.notes == ["2 polygons were invalid and repaired."]
    areas = scene.polygons().set_index("feature")["area_m2"]
    assert areas[[0, 1, 2]].tolist() == pytest.approx([16, 12.5, 12.5])
    assert (scene.labels.read(scene.grid.window) == 2).sum() == pytest.approx(100, abs=20)
    remarks = " ".join(check_labels(scene).remarks)
    assert "2 invalid geometries repaired (first: Self-intersection" in remarks


def test_invalid_polygons_are_refused_where_asked(make_scene: Make, cache: Path) -> None:
    path = drawn(make_scene, BROKEN, invalid="refuse")
    with pytest.raises(LulcsegError, match=r"labels\.gpkg: 2 polygons are invalid, the first is feature 2") as caught:
        Scene.open(str(path), cache).labels  # noqa: B018
    assert "Self-intersection" in str(caught.value)
    assert "labels.invalid: repair" in str(caught.value)
    assert not cache.exists()
    assert any("2 polygons are invalid" in remark for remark in check_labels(Scene.open(str(path), cache)).remarks)
    sound = drawn(lambda **spec: make_scene("sound", **spec), BROKEN[:1], invalid="refuse")
    assert Scene.open(str(sound), cache).notes == []


def test_a_word_that_says_neither_is_refused(make_scene: Make, cache: Path) -> None:
    with pytest.raises(LulcsegError, match="did you mean 'repair'"):
        Scene.open(str(drawn(make_scene, BROKEN, invalid="repaired")), cache)


def test_polygons_off_the_imagery_and_without_area_are_counted(make_scene: Make, cache: Path) -> None:
    polygons = [
        ("Trees", box(0, 0, 8, 8)),
        ("Trees", box(0, 500, 8, 8)),
        ("Trees", box(0, 124, 8, 8)),  # across the edge
        ("Water", shapely.Polygon()),
        ("Water", None),
    ]
    scene = Scene.open(str(drawn(make_scene, polygons)), cache)
    assert scene.notes == ["2 polygons without area are left out.", "1 polygon lies outside the imagery."]
    assert set(scene.polygons()["feature"]) == {0, 2, 5}


def test_polygons_outside_the_boundary_are_counted(make_scene: Make, cache: Path) -> None:
    path = drawn(make_scene, [("Trees", box(0, 0, 8, 8)), ("Trees", box(50, 50, 8, 8))])
    gpd.GeoDataFrame(geometry=[box(0, 0, 20, 20)], crs=CRS).to_file(path.parent / "area.gpkg")
    path.write_text(path.read_text() + "boundary: area.gpkg\n")
    assert Scene.open(str(path), cache).notes == ["1 polygon lies outside the imagery."]


def test_overlaps_are_said_with_the_rule(make_scene: Make, cache: Path) -> None:
    polygons = [("Trees", box(0, 0, 20, 20)), ("Water", box(0, 10, 20, 20)), ("Water", box(40, 0, 20, 20)),
                ("Water", box(40, 20, 20, 20))]  # fmt: skip
    scene = Scene.open(str(drawn(make_scene, polygons)), cache)
    assert scene.notes == ["1 pair of polygons overlaps, over 12.50 % of their ground: the smaller one wins."]


def test_overlaps_equal_a_count_one_by_one() -> None:
    rng = np.random.default_rng(4)
    shapes = [shapely.Point(*xy).buffer(r, quad_segs=3) for *xy, r in rng.uniform(2, 30, (40, 3))]
    frame = gpd.GeoDataFrame({"class_index": rng.integers(0, 3, 40)}, geometry=shapes)
    pairs = differing = 0
    area = largest = 0.0
    for i in range(40):
        for j in range(i):
            shared = shapes[i].intersection(shapes[j]).area
            pairs, area = pairs + (shared > 0), area + shared
            if shared > 0 and frame["class_index"][i] != frame["class_index"][j]:
                differing += 1
                if shared > largest:
                    largest, worst = shared, {int(frame["class_index"][i]), int(frame["class_index"][j])}
    found = overlaps(frame)
    assert (found.pairs, found.differing) == (pairs, differing)
    assert found.area == pytest.approx(area)
    assert found.largest is not None
    assert set(found.largest) == worst
