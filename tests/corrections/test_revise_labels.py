"""Labels hold the decided class inside decided places, and are what they were everywhere else."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import yaml

from lulcseg.cli import main
from lulcseg.corrections.revise_labels import revise_labels
from lulcseg.errors import LulcsegError
from lulcseg.maps.review_form import CHANGE_REVIEW, MAP_REVIEW, SUGGESTED
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, LEGEND, RES, TOP, box, write_raster
from tests.support.reviews import filled_in

NAMES = [each["name"] for each in LEGEND]
SIZE = (96, 128)


def labels_of(path, cache):
    scene = Scene.open(str(path), cache)
    return scene.labels.read(scene.grid.window)


def blob(rng, reach=18.0):
    """Return a polygon of eight corners, whose centre lies in the scene or a little off."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, 8))
    radius = rng.uniform(0.2, 1.0, 8) * reach
    x, y = LEFT + rng.uniform(-2, SIZE[1] * RES), TOP - rng.uniform(-2, SIZE[0] * RES)
    return shapely.Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])).buffer(0)


def centres_in(polygon):
    """Return which pixels' centres lie in a polygon, by another way than the labels' burning."""
    rows, cols = np.indices(SIZE)
    return shapely.contains_xy(polygon, LEFT + (cols + 0.5) * RES, TOP - (rows + 0.5) * RES)


def apart(rng, number):
    """Return polygons that don't overlap."""
    found = []
    while len(found) < number:
        new = blob(rng, 8.0)
        if not any(new.intersects(other) for other in found):
            found.append(new)
    return found


def overlapping(folder, rng, number=25):
    classes = rng.choice([*NAMES, "none"], number)
    geometry = [blob(rng) for _ in range(number)]
    gpd.GeoDataFrame({"kind": classes}, geometry=geometry, crs=CRS).to_file(folder / "labels.gpkg")


@pytest.mark.parametrize("seed", range(6))
def test_polygons_change_inside_decided_places_alone(make_scene, tmp_path, cache, seed):
    """Old polygons overlap at random, so that cutting one can change which of them wins."""
    rng = np.random.default_rng(seed)
    uncovered = ["Bare", "ignore"][seed % 2]
    labels = {"file": "labels.gpkg", "column": "kind", "uncovered": uncovered, "crosswalk": {"none": "ignore"}}
    path = make_scene(labels=labels)
    overlapping(path.parent, rng)
    earlier = labels_of(path, cache)
    ground = apart(rng, 9)
    given = [*rng.choice(NAMES, 5), "ignore", None, None, None]
    decision = ["class", None, "CLASS", "class", None, "class", None, "labels", "unsure"]
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, ground, decision=decision, **{"class": given})
    out, scene = tmp_path / "new" / "labels_v2.gpkg", tmp_path / "new" / "scene_v2.yaml"
    revision = revise_labels(Scene.open(str(path), cache), [review], out, scene_out=scene)
    expected = earlier.copy()
    for polygon, name in zip(ground[:6], given[:6], strict=True):
        expected[centres_in(polygon)] = 255 if name == "ignore" else NAMES.index(name)
    assert (expected != earlier).any()
    np.testing.assert_array_equal(labels_of(scene, cache), expected)
    assert (revision.decided, revision.kept, revision.undecided) == (6, 1, 2)
    changed = gpd.read_file(tmp_path / "new" / "labels_v2_difference.gpkg")
    seen = np.zeros(SIZE, dtype=int)
    for row in changed.itertuples():
        here = centres_in(row.geometry)
        seen += here
        assert here.sum() == row.pixels
        assert row.area_ha == pytest.approx(row.pixels * RES**2 / 10_000)
        names = np.array([*NAMES, *["ignore"] * 253])
        assert set(names[earlier[here]]) == {changed["from"][row.Index]}
        assert set(names[expected[here]]) == {row.to}
    np.testing.assert_array_equal(seen, earlier != expected)
    assert revision.difference["hectares"].sum() == pytest.approx((earlier != expected).sum() * RES**2 / 10_000)


def test_polygons_that_touch_nothing_decided_stay_as_drawn(make_scene, tmp_path, cache):
    path = make_scene()
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})
    revise_labels(Scene.open(str(path), cache), [review], tmp_path / "v2.gpkg")
    before, after = gpd.read_file(path.parent / "labels.gpkg"), gpd.read_file(tmp_path / "v2.gpkg")
    assert after["class"].tolist() == ["Trees", "Water", "Water"]
    assert after["origin"].tolist() == ["labels", "labels", "r.gpkg"]
    assert shapely.equals_exact(before.geometry, shapely.get_geometry(after.geometry[:2], 0)).all()


def test_class_rasters_become_one_class_raster(make_scene, tmp_path, cache):
    rng = np.random.default_rng(3)
    codes = rng.choice([1, 2, 3, 255], SIZE).astype(np.uint8)
    boundary = shapely.box(LEFT + 3, TOP - 40, LEFT + 50, TOP - 2)
    path = make_scene(
        labels={"rasters": ["codes.tif"], "crosswalk": {"1": "Bare", "2": "Trees", "3": "Water"}},
        boundary="ground.gpkg",
    )
    write_raster(path.parent / "codes.tif", codes[None], nodata=255)
    gpd.GeoDataFrame(geometry=[boundary], crs=CRS).to_file(path.parent / "ground.gpkg")
    earlier = labels_of(path, cache)
    review = filled_in(
        tmp_path / "r.gpkg", MAP_REVIEW, [box(10, 10, 9, 30), box(80, 1, 15, 20)], mapped=["Water", "Trees"],
        decision=["map", "map"], interpreter=["Anna", None],
    )  # fmt: skip
    out, scene = tmp_path / "v2.tif", tmp_path / "scene_v2.yaml"
    main(["revise", str(path), str(review), "--out", str(out), "--scene", str(scene), "--cache", str(cache)])
    expected = earlier.copy()
    inside = np.zeros(SIZE, dtype=bool)
    inside[10:19, 10:40] = True
    part = Scene.open(str(path), cache).grid
    row, col = round((TOP - part.top) / RES), round((part.left - LEFT) / RES)
    expected[inside[row : row + part.height, col : col + part.width]] = 2
    np.testing.assert_array_equal(labels_of(scene, cache), expected)
    with rasterio.open(out) as written:
        assert written.nodata == 255
        assert written.colormap(1)[30] == (0x2E, 0x86, 0xC1, 255)
    changed = gpd.read_file(tmp_path / "v2_difference.gpkg")
    assert set(changed["from"]) == {"Bare", "Trees", "ignore"}
    assert set(changed["interpreter"]) == {"Anna"}
    assert out.with_suffix(".qml").is_file()


def test_a_scene_without_labels_begins_with_what_was_decided(make_scene, tmp_path, cache):
    path = make_scene(labels=None)
    ground = [box(0, 0, 4, 4), box(50, 60, 10, 10)]
    review = filled_in(tmp_path / "s.gpkg", SUGGESTED, ground, decision=["map", None], mapped=["Bare", "Trees"])
    scene = tmp_path / "scene_v2.yaml"
    revise_labels(Scene.open(str(path), cache), [review], tmp_path / "v2.gpkg", scene_out=scene)
    expected = np.full(SIZE, 255)
    expected[:4, :4] = 0
    np.testing.assert_array_equal(labels_of(scene, cache), expected)


def test_the_new_scene_is_the_old_one_but_for_its_labels(make_scene, tmp_path, cache):
    """Points that relied on the labels' crosswalk keep it; paths lead where they led."""
    path = make_scene(
        labels={"file": "labels.gpkg", "column": "class", "uncovered": "Bare", "crosswalk": {"forest": "Trees"}},
        boundary="image_ground.gpkg",
    )
    gpd.GeoDataFrame(geometry=[box(0, 0, 90, 120)], crs=CRS).to_file(path.parent / "image_ground.gpkg")
    points = gpd.read_file(path.parent / "points.gpkg")
    points["class"] = points["class"].replace({"Trees": "forest", "Water": "30"})
    points.to_file(path.parent / "points.gpkg")
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})
    scene = tmp_path / "deep" / "er" / "scene_v2.yaml"
    old = Scene.open(str(path), cache)
    revise_labels(old, [review], tmp_path / "v2.gpkg", scene_out=scene)
    new = Scene.open(str(scene), cache)
    assert (new.name, new.date, new.grid, new.legend) == ("scene_v2", old.date, old.grid, old.legend)
    assert new.boundary.equals(old.boundary)
    assert new.points["class_index"].tolist() == old.points["class_index"].tolist()
    assert not yaml.safe_load(scene.read_text())["imagery"]["files"][0].startswith("/")


def test_a_scene_of_several_sources_keeps_them(make_scene, tmp_path, cache):
    sources = [{"name": "colour", "files": ["image.tif"]}, {"name": "dsm", "files": ["dsm.tif"], "range": [0, 30]}]
    path = make_scene(imagery=sources)
    write_raster(path.parent / "dsm.tif", np.full((1, *SIZE), 7.0, dtype=np.float32))
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})
    scene = tmp_path / "elsewhere" / "scene_v2.yaml"
    old = Scene.open(str(path), cache)
    revise_labels(old, [review], tmp_path / "v2.gpkg", scene_out=scene)
    new = Scene.open(str(scene), cache)
    window = old.grid.window
    np.testing.assert_array_equal(new.imagery.read(window)[0], old.imagery.read(window)[0])
    assert [source.name for source in new.file.sources] == ["colour", "dsm"]


def test_stac_items_and_addresses_stay_where_they_are(make_scene, tmp_path, cache):
    path = make_scene(imagery={"stac": "item.json"}, points={"file": "https://example.org/points.gpkg"})
    asset = {"href": "image.tif", "type": "image/tiff"}
    (path.parent / "item.json").write_text(json.dumps({"type": "Feature", "assets": {"image": asset}}))
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})
    scene = tmp_path / "elsewhere" / "scene_v2.yaml"
    old = Scene.open(str(path), cache)
    revise_labels(old, [review], tmp_path / "v2.gpkg", scene_out=scene)
    assert Scene.open(str(scene), cache).grid == old.grid
    content = yaml.safe_load(scene.read_text())
    assert content["imagery"]["stac"] == "../scene/item.json"
    assert content["points"]["file"] == "https://example.org/points.gpkg"


def test_a_change_is_decided_for_one_of_its_dates(make_scene, tmp_path, cache):
    path = make_scene()
    ground = [box(60, 10 * k, 8, 8) for k in range(8)]
    review = filled_in(
        tmp_path / "change_review.gpkg", CHANGE_REVIEW, ground,
        **{
            "from": ["Trees"] * 8, "to": ["Water"] * 8,
            "decision": ["map", "unchanged", "unchanged", "class", "class", None, None, "unsure"],
            "class_before": [None, "Trees", None, "Water", None, "Trees", None, None],
            "class_after": [None, None, None, "Bare", "Water", None, None, "Water"],
        },
    )  # fmt: skip
    scene = Scene.open(str(path), cache)
    with pytest.raises(LulcsegError, match="has two dates; say which of them the scene is of"):
        revise_labels(scene, [review], tmp_path / "v2.gpkg")
    expected = {"before": ["Trees", "Trees", None, "Water", None, "Trees", None, None],
                "after": ["Water", "Trees", None, "Bare", "Water", None, None, None]}  # fmt: skip
    for side, classes in expected.items():
        revision = revise_labels(scene, [review], tmp_path / f"{side}.gpkg", side=side)
        new = gpd.read_file(tmp_path / f"{side}.gpkg")
        new = new[new["origin"] != "labels"]
        places = {number: name for number, name in enumerate(classes, start=1) if name}
        assert dict(zip(new["feature"], new["class"], strict=True)) == places
        assert revision.undecided == classes.count(None)


def test_places_of_one_class_may_overlap_and_count_once(make_scene, tmp_path, cache):
    one = filled_in(tmp_path / "a.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})
    two = filled_in(
        tmp_path / "b.gpkg", SUGGESTED, [box(70, 80, 20, 20), box(62, 82, 3, 3)], **{"class": ["Water", "Water"]}
    )
    revision = revise_labels(Scene.open(str(make_scene()), cache), [one, two], tmp_path / "v2.gpkg")
    assert revision.difference.to_numpy().tolist() == [["Bare", "Water", pytest.approx(600 * RES**2 / 10_000)]]


def test_contradictory_places_are_refused_with_both_named(make_scene, tmp_path, cache):
    scene = Scene.open(str(make_scene()), cache)
    one = filled_in(
        tmp_path / "a.gpkg", MAP_REVIEW, [box(1, 1, 5, 5), box(60, 80, 20, 20)], interpreter=["Anna"] * 2,
        **{"class": ["Bare", "Water"]},
    )  # fmt: skip
    two = filled_in(tmp_path / "b.gpkg", SUGGESTED, [box(70, 80, 20, 20)], **{"class": ["Trees"]})
    both = r"a\.gpkg place 2 \(Water by Anna\) and b\.gpkg place 1 \(Trees\) overlap on 50\.0 m² and contradict"
    with pytest.raises(LulcsegError, match=both):
        revise_labels(scene, [one, two], tmp_path / "v2.gpkg")
    kept = filled_in(tmp_path / "c.gpkg", SUGGESTED, [box(70, 80, 20, 20)], decision=["labels"])
    with pytest.raises(LulcsegError, match=r"c\.gpkg place 1 \(labels stay\) overlap on"):
        revise_labels(scene, [one, kept], tmp_path / "v2.gpkg")
    beside = filled_in(tmp_path / "d.gpkg", SUGGESTED, [box(80, 80, 5, 5)], **{"class": ["Trees"]})
    revise_labels(scene, [one, beside], tmp_path / "v2.gpkg")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({}, "none of 1 places is decided; fill in decision or class"),
        ({"class": ["Tress"]}, r"r\.gpkg: place 1: there is no class 'Tress'; did you mean 'Trees'"),
        ({"decision": ["yes"]}, "there is no decision 'yes'; write one of map, labels, class, unsure"),
        ({"decision": ["unchanged"]}, "there is no decision 'unchanged'"),
        ({"decision": ["class"]}, "decision 'class' without a class; fill in class"),
        ({"decision": ["map"]}, "decision 'map', and nothing says what is mapped"),
        ({"decision": ["map"], "mapped": ["Bare"], "class": ["Water"]}, "contradicts itself: decision 'map', which"),
        ({"decision": ["labels"], "class": ["Water"]}, "contradicts itself: decision 'labels', and class 'Water'"),
    ],
)
def test_decisions_that_say_nothing_are_refused(make_scene, tmp_path, cache, cells, message):
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(1, 1, 5, 5)], **cells)
    with pytest.raises(LulcsegError, match=message):
        revise_labels(Scene.open(str(make_scene()), cache), [review], tmp_path / "v2.gpkg")
    assert not (tmp_path / "v2.gpkg").exists()


def test_files_that_cannot_be_used_are_refused(make_scene, tmp_path, cache):
    scene = Scene.open(str(make_scene()), cache)
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(1, 1, 5, 5)], **{"class": ["Water"]})
    with pytest.raises(LulcsegError, match=r"the labels are polygons; give a name that ends in \.gpkg"):
        revise_labels(scene, [review], tmp_path / "v2.tif")
    with pytest.raises(LulcsegError, match="it exists already; choose another name"):
        revise_labels(scene, [review], scene.file.place("labels.gpkg"))
    with pytest.raises(LulcsegError, match="it has no column 'decision'; give a review file"):
        revise_labels(scene, [scene.file.place("labels.gpkg")], tmp_path / "v2.gpkg")
    points = filled_in(tmp_path / "p.gpkg", MAP_REVIEW, [box(1, 1, 5, 5).centroid], **{"class": ["Water"]})
    with pytest.raises(LulcsegError, match="place 1: it is a Point, not a polygon"):
        revise_labels(scene, [points], tmp_path / "v2.gpkg")


def test_decided_places_off_the_scene_change_nothing(make_scene, tmp_path, cache):
    ground = [box(1, 1, 5, 5), box(500, 1, 5, 5)]
    review = filled_in(tmp_path / "r.gpkg", MAP_REVIEW, ground, **{"class": ["Water", "Water"]})
    revision = revise_labels(Scene.open(str(make_scene()), cache), [review], tmp_path / "v2.gpkg")
    assert (revision.decided, revision.beyond) == (2, 1)
