"""Class maps to be pictured: their titles, and where they lie on a scene's pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lulcseg.grid import Grid, Window
from lulcseg.pictures.class_map import ClassMap
from lulcseg.scene.scene import Scene
from tests.conftest import LEFT, RES, TOP
from tests.support.map_files import map_of, scattered, tagged

Make = Callable[..., Path]


def test_maps_are_named_by_their_passes(tmp_path: Path) -> None:
    path = map_of(tmp_path / "farm.tif", scattered(20, 30))
    assert ClassMap.open(path).title == "farm"
    for mosaic, title in (("multiple", "Map, multiple pass"), ("some_new", "Map, some new")):
        assert ClassMap.open(tagged(path, mosaic=mosaic)).title == title


def test_windows_of_a_grid_are_of_its_ground(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    grid = Grid(scene.grid.crs, LEFT + 10 * RES, TOP - 4 * RES, RES, RES, 20, 30)
    shown = ClassMap(Path("a.tif"), scene.legend, grid, {})
    assert shown.window_in(scene.grid) == Window(4, 10, 20, 30)
