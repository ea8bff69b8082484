"""The simulated interpreter of docs/corrections.py, without its trainings."""

from __future__ import annotations

import argparse
import runpy

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from lulcseg.grid import Window
from lulcseg.legend import PAPER_LEGEND
from lulcseg.scene.labels import inside
from lulcseg.scene.scene import Scene
from tests.support.change_maps import write_class_map
from tests.support.checkout import ROOT


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Return the script's functions, with a map of unknown quality in place of a trained model's."""
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))
    found = runpy.run_path(str(ROOT / "docs" / "corrections.py"))

    def learn(at, heldout, folder, arguments, seed):
        scene = Scene.open(str(at.scene))
        assert "heldout" in heldout.name
        rng = np.random.default_rng(len(folder.name))
        index = rng.integers(0, 9, (scene.grid.height, scene.grid.width)).astype(np.uint8)
        index[~inside(scene.boundary, scene.grid, scene.grid.window)] = 255
        mapped = write_class_map(folder / "map.tif", index, scene.grid, PAPER_LEGEND)
        with rasterio.open(mapped) as file:
            profile = file.profile
        with rasterio.open(folder / "map_entropy.tif", "w", **profile) as file:
            file.write(rng.integers(0, 251, index.shape).astype(np.uint8), 1)
        return at.places / 100, mapped

    monkeypatch.setitem(found["repeat"].__globals__, "learn", learn)
    return found


def test_both_arms_label_what_the_truth_says_where_they_look(script, tmp_path):
    arguments = argparse.Namespace(out=tmp_path, size=384, rounds=2, count=3, side=10.0)
    rows = script["repeat"](arguments, 1)
    assert [(row["arm"], row["round"], row["places"]) for row in rows] == [
        (arm, number, 3 * (number + 1)) for arm in ("suggested", "random") for number in range(3)
    ]
    assert all(row["kappa"] == row["places"] / 100 for row in rows)
    assert rows[0]["polygons"] == rows[3]["polygons"] < rows[1]["polygons"] < rows[2]["polygons"]
    folder = tmp_path / "seed1"
    grounds = []
    for arm in ("suggested", "random"):
        scene = Scene.open(str(folder / f"{arm}2" / f"{arm}2.yaml"))
        squares = gpd.read_file(folder / f"{arm}2" / "squares.gpkg").geometry
        between = shapely.distance(squares.to_numpy()[:, None], squares.to_numpy()[None])
        assert between[~np.eye(9, dtype=bool)].min() > 0
        assert squares.within(scene.ground.buffer(1e-6)).all()
        labels = scene.labels.read(scene.grid.window)
        looked = inside(shapely.union_all(squares), scene.grid, scene.grid.window)
        np.testing.assert_array_equal(labels != 255, looked)
        with rasterio.open(folder / "landscape" / "truth_2018.tif") as file:
            row, col = file.index(scene.grid.left + 0.1, scene.grid.top - 0.1)
            part = Window(row, col, scene.grid.height, scene.grid.width)
            truth = file.read(1)[part.slices_in(Window(0, 0, 384, 384))]
        assert (labels[looked] == truth[looked]).mean() > 0.97  # but for specks, which nobody draws
        grounds.append(shapely.union_all(squares))
    assert not grounds[0].equals(grounds[1])
