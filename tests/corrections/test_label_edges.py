"""Where label edges run through pixel centres, a revision changes decided ground alone, and says all that changed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import lulcseg.corrections.checked_polygons as checked
from lulcseg.corrections.revise_labels import revise_labels
from lulcseg.corrections.revised_polygons import cut_decided
from lulcseg.errors import LulcsegError
from lulcseg.maps.review_form import MAP_REVIEW
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, LEGEND, RES, TOP, box
from tests.support.reviews import filled_in

NAMES = [each["name"] for each in LEGEND]
SIZE = (96, 128)


def polygon(*corners):
    """Return a polygon of corners in columns and rows: whole ones, so that diagonals run through pixels' centres."""
    return shapely.Polygon([(LEFT + col * RES, TOP - row * RES) for col, row in corners])


def lattice_blob(rng, centre, reach):
    angle, radius = np.sort(rng.uniform(0, 2 * np.pi, 6)), rng.uniform(0.4, 1, 6) * reach
    corners = np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])
    return polygon(*corners.round().tolist()).buffer(0)


def touched_centres(ground):
    """Return which pixels' centres lie in a polygon or on its edge."""
    rows, cols = np.indices(SIZE)
    return shapely.intersects_xy(ground, LEFT + (cols + 0.5) * RES, TOP - (rows + 0.5) * RES)


def revise(make_scene, tmp_path, cache, labels, decided):
    """Revise a scene; return its labels before and after, those that the difference tells, and the new polygons."""
    path = make_scene(labels={"file": "labels.gpkg", "column": "kind", "uncovered": "ignore"})
    kinds, outlines = zip(*labels, strict=True)
    gpd.GeoDataFrame({"kind": kinds}, geometry=list(outlines), crs=CRS).to_file(path.parent / "labels.gpkg")
    names, ground = zip(*decided, strict=True)
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, list(ground), **{"class": list(names)})
    scene = Scene.open(str(path), cache)
    revise_labels(scene, [review], tmp_path / "v2.gpkg", scene_out=tmp_path / "v2.yaml")
    before = scene.labels.read(scene.grid.window)
    after = Scene.open(str(tmp_path / "v2.yaml"), cache).labels.read(scene.grid.window)
    told = before.copy()
    for row in gpd.read_file(tmp_path / "v2_difference.gpkg").itertuples():
        inside = touched_centres(row.geometry)
        assert inside.sum() == row.pixels
        told[inside] = NAMES.index(row.to)
    return before, after, told, gpd.read_file(tmp_path / "v2.gpkg")


def test_a_decision_elsewhere_leaves_diagonal_edges_alone(make_scene, tmp_path, cache):
    labels = [
        ("Bare", polygon((0, 0), (128, 0), (128, 96), (0, 96))),
        ("Trees", polygon((30, 91), (91, 30), (91, 91))),
        ("Water", polygon((20, 40), (111, 63), (110, 76), (20, 55))),
    ]
    before, after, told, new = revise(make_scene, tmp_path, cache, labels, [("Water", box(5, 5, 10, 10))])
    assert (before != after).sum() == 100
    np.testing.assert_array_equal(told, after)
    old = shapely.get_parts(new.geometry[:3].to_numpy())
    assert shapely.equals_exact(old, np.array([ground for _, ground in labels])).all(), (
        "they are larger, so none is cut"
    )


@pytest.mark.parametrize("seed", [0, 2, 3, 5, 6])
def test_diagonal_edges_of_labels_and_decisions_of_any_size(make_scene, tmp_path, cache, seed):
    rng = np.random.default_rng(seed)
    labels = [
        (str(rng.choice(NAMES)), lattice_blob(rng, rng.uniform((0, 0), (128, 96)), rng.uniform(4, 50)))
        for _ in range(40)
    ]
    labels = [(name, ground) for name, ground in labels if not ground.is_empty]
    decided = []
    while len(decided) < 12:
        ground = lattice_blob(rng, rng.uniform((0, 0), (128, 96)), rng.uniform(3, 25))
        if not ground.is_empty and not any(ground.intersection(other).area for _, other in decided):
            decided.append((str(rng.choice(NAMES)), ground))
    before, after, told, new = revise(make_scene, tmp_path, cache, labels, decided)
    touched = np.logical_or.reduce([touched_centres(ground) for _, ground in decided])
    assert (before != after).any()
    assert not ((before != after) & ~touched).any()
    for name, ground in decided:
        inner = touched_centres(ground) & ~touched_centres(ground.boundary)
        assert set(np.unique(after[inner])) <= {NAMES.index(name)}
    np.testing.assert_array_equal(told, after)
    assert set(new["origin"]) == {"labels", "r.gpkg", "edge"}, "some cut edges run through pixels' centres"


def test_only_what_must_be_is_cut():
    """Independent of how: by the new order of size every point of a plane has the class of the right polygon."""
    rng = np.random.default_rng(7)
    old = np.array([lattice_blob(rng, rng.uniform((0, 0), (60, 60)), rng.uniform(3, 30)) for _ in range(30)])
    decided = np.array([polygon((20, 20), (40, 20), (40, 40), (20, 40)), polygon((41, 5), (50, 5), (50, 60), (41, 60))])
    new = cut_decided(old, decided)
    x, y = LEFT + rng.uniform(0, 60, 4000) * RES, TOP - rng.uniform(0, 60, 4000) * RES

    def on_top(polygons):
        found = np.full(len(x), -1)
        for k in burn_order(polygons):
            found[shapely.contains_xy(polygons[k], x, y)] = k
        return found

    wanted = on_top(old)
    for k, ground in enumerate(decided):
        wanted[shapely.contains_xy(ground, x, y)] = len(old) + k
    np.testing.assert_array_equal(on_top(np.concatenate([new, decided])), wanted)
    whole = [each is before for each, before in zip(new, old, strict=True)]
    larger = shapely.area(old) >= shapely.area(decided).max()
    assert np.array(whole)[larger].all()
    assert not all(whole)


def test_polygons_that_burn_to_something_else_are_refused(make_scene, tmp_path, cache, monkeypatch):
    """The comparison with what was there is made by every revision, and nothing is left where it fails."""
    monkeypatch.setattr(checked, "_ROUNDS", 1)
    monkeypatch.setattr("lulcseg.corrections.revise_labels.revise_polygons", lambda scene, places: gpd.GeoDataFrame(
        {"class": ["Bare"], "origin": ["labels"], "feature": [1], "interpreter": [None]},
        geometry=[shapely.MultiPolygon([box(0, 0, 9, 9)])], crs=CRS,
    ))  # fmt: skip
    with pytest.raises(LulcsegError, match="pixels would get another label than was decided, the first at"):
        revise(make_scene, tmp_path, cache, [("Bare", box(0, 0, 9, 9))], [("Water", box(4, 4, 2, 2))])
    assert not list(tmp_path.glob("*v2*"))
