"""Suggested places: the most uncertain first, apart from each other, away from reference points and nodata."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from lulcseg.cli import main
from lulcseg.corrections.square_lattice import SquareLattice, choose_squares
from lulcseg.corrections.suggest_places import SuggestRequest, suggest_places
from lulcseg.corrections.uncertainty_layers import entropy_steps
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from tests.conftest import write_raster
from tests.support.change_maps import CLASSES, GRID, write_class_map, write_shares

RNG = np.random.default_rng(0)
INDEX = np.kron(RNG.integers(0, 3, (9, 12)), np.ones((10, 10))).astype(np.uint8)
INDEX[40:55, 60:90] = 255
STEPS = np.kron(RNG.integers(0, 251, (18, 24)), np.ones((5, 5))).astype(np.uint8)
STEPS[38:57, 58:92] = STEPS[66:76, 2:12] = 250  # the most uncertain ground is around what has no class, and no value
STEPS[70:73, 5] = 255
SIDE = 4  # pixels of a square of 8 m


def beside(mapped, kind, steps, **options):
    place = {"left": GRID.left, "top": GRID.top, "res": GRID.xres, "crs": GRID.crs}
    return write_raster(mapped.with_name(f"{mapped.stem}_{kind}.tif"), steps[None], nodata=255, **place, **options)


@pytest.fixture
def mapped(tmp_path):
    path = write_class_map(tmp_path / "map.tif", INDEX)
    beside(path, "entropy", STEPS)
    return path


def suggested(mapped, name="s.gpkg", **options):
    out = mapped.with_name(name)
    block = options.pop("block", 1024)
    found = suggest_places(SuggestRequest(mapped, out, **{"size": 8.0, "count": 20, **options}), block=block)
    return found, gpd.read_file(out, layer="review")


def every_square(steps=STEPS):
    """Return all squares without nodata and their means, one by one."""
    found = []
    for row in range(0, 90 - SIDE + 1, SIDE):
        for col in range(0, 120 - SIDE + 1, SIDE):
            part = np.s_[row : row + SIDE, col : col + SIDE]
            if (INDEX[part] != 255).all() and (steps[part] != 255).all():
                x, y = GRID.left + 2 * col, GRID.top - 2 * row
                found.append((steps[part].astype(float).mean() / 250, shapely.box(x, y - 8, x + 8, y), INDEX[part]))
    return found


def greedy(squares, distance, count, away=None, buffer=0.0):
    """Choose by measuring every distance."""
    left = [s for s in squares if away is None or shapely.distance(s[1], away) > buffer]
    chosen = []
    for square in sorted(left, key=lambda s: -s[0]):  # stable: of equal ones the first stays first
        if len(chosen) < count and all(shapely.distance(square[1], other[1]) >= distance for other in chosen):
            chosen.append(square)
    return chosen


@pytest.mark.parametrize("distance", [0.0, 8.0, 13.0, 50.0])
def test_the_most_uncertain_squares_that_are_far_enough_apart(mapped, distance):
    found, frame = suggested(mapped, distance=distance)
    expected = greedy(every_square(), distance, 20)
    assert shapely.equals(frame.geometry, [s[1] for s in expected]).all()
    np.testing.assert_allclose(frame["uncertainty"], [s[0] for s in expected])
    assert frame["rank"].tolist() == list(range(1, found.places + 1))
    between = shapely.distance(frame.geometry.to_numpy()[:, None], frame.geometry.to_numpy()[None])
    assert between[~np.eye(len(frame), dtype=bool)].min() >= distance
    shares = [np.bincount(s[2].ravel(), minlength=3) / SIDE**2 for s in expected]
    assert frame["mapped"].tolist() == [CLASSES.names[share.argmax()] for share in shares]
    np.testing.assert_allclose(frame["mapped_share"], [share.max() for share in shares])
    np.testing.assert_allclose(frame["area_ha"], 64 / 10_000, rtol=1e-9)
    assert frame[["decision", "class", "interpreter", "notes"]].isna().all(axis=None)


@pytest.mark.parametrize("block", [1, 10, 33])
def test_read_by_blocks_it_is_the_same(mapped, block):
    whole, parts = suggested(mapped, "whole.gpkg")[1], suggested(mapped, "parts.gpkg", block=block)[1]
    assert shapely.equals(whole.geometry, parts.geometry).all()
    assert whole.drop(columns="geometry").equals(parts.drop(columns="geometry"))


@pytest.mark.parametrize("buffer", [None, 0.0, 5.0])
def test_outside_a_buffer_around_points_and_polygons(mapped, tmp_path, buffer):
    x, y = GRID.left + RNG.uniform(-5, 245, 30), GRID.top - RNG.uniform(-5, 185, 30)
    points = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=GRID.crs)
    labels = gpd.GeoSeries([shapely.box(GRID.left + 90, GRID.top - 60, GRID.left + 140, GRID.top - 20)], crs=GRID.crs)
    files = [tmp_path / "points.gpkg", tmp_path / "labels.gpkg"]
    points.to_crs("EPSG:4326").to_file(files[0])
    labels.to_file(files[1])
    gpd.GeoSeries([shapely.box(*GRID.bounds())], crs=GRID.crs).to_file(files[1], layer="other", mode="a")
    files[1] = f"{files[1]}|layername=labels"
    away = shapely.union_all([*points, *labels])
    frame = suggested(mapped, distance=6.0, outside=files, buffer=buffer)[1]
    wide = 6.0 if buffer is None else buffer
    expected = greedy(every_square(), 6.0, 20, away, wide)
    assert len(expected) < len(every_square()) / 2
    assert shapely.equals(frame.geometry, [s[1] for s in expected]).all()
    assert (shapely.distance(frame.geometry.to_numpy(), away) > wide).all()


def test_entropy_comes_before_probabilities_and_these_before_confidence(mapped, tmp_path):
    shares = np.random.default_rng(5).dirichlet(np.full(3, 0.7), (90, 120)).transpose(2, 0, 1)
    shares[:, :4, :4] = np.nan
    path = write_shares(mapped, shares)
    assert suggested(mapped, "a.gpkg")[0].measure == "entropy"
    np.testing.assert_allclose(
        suggested(mapped, "b.gpkg")[1]["uncertainty"], [s[0] for s in greedy(every_square(), 50, 20)]
    )
    (tmp_path / "map_entropy.tif").unlink()
    found, frame = suggested(mapped, "c.gpkg", distance=20.0)
    stored = np.rint(np.nan_to_num(shares, nan=1.02) * 250)
    stored = np.where(np.isnan(shares), np.nan, stored / stored.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(stored == 0, 0, stored * np.log(stored)).sum(axis=0) / np.log(3)
    steps = np.where(np.isnan(entropy), 255, np.rint(np.nan_to_num(entropy) * 250)).astype(np.uint8)
    assert found.measure == "entropy"
    np.testing.assert_allclose(frame["uncertainty"], [s[0] for s in greedy(every_square(steps), 20, 20)])
    path.unlink()
    beside(mapped, "confidence", STEPS)
    found, frame = suggested(mapped, "d.gpkg", distance=20.0)
    inverted = np.where(STEPS == 255, 255, 250 - STEPS).astype(np.uint8)
    assert found.measure == "1 - confidence"
    np.testing.assert_allclose(frame["uncertainty"], [s[0] for s in greedy(every_square(inverted), 20, 20)])


def test_certain_and_even_probabilities():
    stored = np.array([[250, 84, 83], [0, 83, 255], [0, 83, 83]], dtype=np.uint8)[:, None]
    assert entropy_steps(stored).tolist() == [[0, 250, 255]]


def test_random_places_keep_distance_and_forget_uncertainty(mapped):
    found, frame = suggested(mapped, "r.gpkg", random_seed=3, distance=10.0)
    assert found.measure == "chance"
    assert (np.diff(frame["uncertainty"]) > 0).any()
    known = {square[1].wkb for square in every_square()}
    assert all(
        geometry.normalize().wkb in {shapely.from_wkb(w).normalize().wkb for w in known} for geometry in frame.geometry
    )
    again = suggested(mapped, "again.gpkg", random_seed=3, distance=10.0)[1]
    assert shapely.equals(frame.geometry, again.geometry).all()
    assert not shapely.equals(
        frame.geometry, suggested(mapped, "o.gpkg", random_seed=4, distance=10.0)[1].geometry
    ).all()


def test_the_command_says_how_many_fit(mapped, capsys):
    out = mapped.with_name("s.gpkg")
    main(["suggest", str(mapped), "--count", "500", "--size", "40", "--distance", "60", "--out", str(out)])
    said = capsys.readouterr().out
    number = len(gpd.read_file(out))
    assert 0 < number < 500
    assert f"{number} squares of 20 × 20 pixels of 500 wanted, since no more fit, by entropy." in said


def test_what_cannot_be_done_is_refused(mapped, tmp_path):
    bare = write_class_map(tmp_path / "bare.tif", INDEX)
    with pytest.raises(LulcsegError, match=r"bare\.tif: it has neither entropy nor probabilities nor confidence"):
        suggested(bare)
    with pytest.raises(LulcsegError, match="smaller than a square of 500 m; make --size smaller"):
        suggested(mapped, size=500.0)
    everywhere = tmp_path / "all.gpkg"
    gpd.GeoSeries([shapely.box(*GRID.bounds())], crs=GRID.crs).to_file(everywhere)
    with pytest.raises(LulcsegError, match="without nodata and far enough from what to stay away from"):
        suggested(mapped, outside=[everywhere])
    with pytest.raises(LulcsegError, match="--distance: -1"):
        suggested(mapped, distance=-1.0)
    with pytest.raises(LulcsegError, match="0 is not a number of places"):
        suggested(mapped, count=0)
    suggested(mapped, "there.gpkg")
    with pytest.raises(LulcsegError, match="may contain an interpreter's work; choose another name"):
        suggested(mapped, "there.gpkg")
    beside(mapped, "entropy", STEPS[:80])
    with pytest.raises(LulcsegError, match=r"map_entropy\.tif: its pixels are not those of"):
        suggested(mapped)


def test_a_change_map_has_a_review_of_its_own(tmp_path):
    other = INDEX.copy()
    other[:9, :9] = 1 - np.minimum(other[:9, :9], 1)
    maps = [write_class_map(tmp_path / f"{k}.tif", index) for k, index in enumerate((INDEX, other))]
    main(["change", *map(str, maps), "--out", str(tmp_path / "change")])
    with pytest.raises(LulcsegError, match="it is a change map; lulcseg report of its folder writes"):
        suggested(tmp_path / "change" / "change.tif")


def test_squares_of_oblong_pixels_are_as_wide_as_high():
    lattice = SquareLattice.of(Grid("EPSG:28355", 0.0, 0.0, 1.0, 2.0, 100, 200), 20.0, None)
    assert (lattice.rows, lattice.cols, lattice.shape) == (10, 20, (10, 10))
    scores = np.zeros((10, 10))
    assert choose_squares(scores, lattice, 20.0, 3) == [(0, 0), (0, 2), (0, 4)]


def test_what_to_stay_away_from_is_said(mapped, tmp_path, capsys):
    place = gpd.GeoSeries([shapely.Point(GRID.left + 61, GRID.top - 61)], crs=GRID.crs)
    for name, points in (
        ("on", place),
        ("off", place.translate(9000)),
        ("near", place.translate(-62)),
        ("none", place[:0]),
    ):
        gpd.GeoDataFrame(geometry=points).to_file(tmp_path / f"{name}.gpkg", engine="pyogrio", geometry_type="Point")
    words = ["suggest", str(mapped), "--out", str(tmp_path / "s.gpkg"), "--size", "8", "--distance=0", "--buffer=9"]
    main([*words, "--outside", *(str(tmp_path / f"{name}.gpkg") for name in ("on", "off", "near"))])
    said = capsys.readouterr().out
    assert "on.gpkg: 9 squares were left out." in said
    assert "off.gpkg has nothing on the map; 0 squares were left out for it." in said
    assert "near.gpkg has nothing on the map; 4 squares were left out for it." in said
    with pytest.raises(
        LulcsegError, match="holds no points or polygons to stay away from; check that its layer was saved"
    ):
        suggested(mapped, "t.gpkg", outside=[tmp_path / "none.gpkg"])


@pytest.mark.parametrize("kind", ["entropy", "confidence"])
def test_uncertainty_of_another_place_is_refused(tmp_path, kind):
    path = write_class_map(tmp_path / "map.tif", INDEX)
    for options in ({"crs": "EPSG:28356"}, {"left": GRID.left + 2}, {"res": 4.0}):
        place = {"left": GRID.left, "top": GRID.top, "res": GRID.xres, "crs": GRID.crs} | options
        write_raster(path.with_name(f"map_{kind}.tif"), STEPS[None], nodata=255, **place)
        with pytest.raises(LulcsegError, match="its pixels are not those of"):
            suggested(path)


def test_classes_have_the_names_that_a_revision_knows(tmp_path, capsys):
    path = write_class_map(tmp_path / "map.tif", INDEX, legend=None)
    beside(path, "entropy", STEPS)
    with pytest.raises(
        LulcsegError, match="carries no legend, and places are decided by the names of classes; give its"
    ):
        suggested(path)
    found, frame = suggested(path, legend=CLASSES)
    assert set(frame["mapped"]) <= set(CLASSES.names)
    assert found.places == len(frame) > 0
    legend = tmp_path / "legend.yaml"
    lines = [f"- {{code: {c.code}, name: {c.name}, colour: '{c.colour}'}}" for c in CLASSES]
    legend.write_text("\n".join(["legend:", *lines]))
    main(["suggest", str(path), "--size", "8", "--legend", str(legend), "--out", str(tmp_path / "t.gpkg")])
    assert set(gpd.read_file(tmp_path / "t.gpkg")["mapped"]) <= set(CLASSES.names)


@pytest.mark.parametrize(
    "words", [["suggest", "m.tif", "--random", "-1", "--out", "s.gpkg"], ["synth", "new", "--seed=-1"]]
)
def test_seeds_are_0_or_more(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "-1 is not a seed; give a whole number of 0 or more" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_the_seed_of_a_request_is_0_or_more(mapped):
    with pytest.raises(LulcsegError, match="--random: -1 is not a seed"):
        suggested(mapped, random_seed=-1)
