"""A plan handed in: used as it was saved or edited, refused where it does not fit."""

import sqlite3
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import LandClass, Legend
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.plan_summary import summarise_plan
from lulcseg.sampling.reused_plan import reuse_plan
from tests.support.plans import BERRY, GRID, WEST, FakeScene, grid, stratified

SCENE = FakeScene(features=[*WEST, BERRY])


@pytest.fixture
def saved(tmp_path):
    """A plan on disk: the plan and its path."""
    plan, path = stratified(SCENE), tmp_path / "plan.gpkg"
    plan.save(path)
    return plan, path


def edit(path, change):
    """Change the layer as a user of QGIS would; the JSON stays."""
    rows = pyogrio.read_dataframe(path, layer="plan")
    changed = change(rows)
    changed = rows if changed is None else changed
    path.unlink()
    pyogrio.write_dataframe(changed, path, layer="plan", driver="GPKG", geometry_type="Polygon")


def test_a_plan_comes_in_as_it_was_saved(saved):
    plan, path = saved
    taken = reuse_plan(path, [SCENE])
    assert taken.rows.equals(plan.rows)
    assert taken.digest() == plan.digest()
    origin = {"path": str(path), "digest": plan.digest(), "edited": False, "notes": []}
    assert taken.meta.pop("taken_from") == origin
    assert taken.meta == plan.meta


def test_two_files_of_one_plan_differ_in_bytes_and_agree_in_the_digest(saved, tmp_path):
    plan, path = saved
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 10201")
        database.execute("UPDATE gpkg_contents SET last_change = '2001-01-01T00:00:00.000Z'")
    database.close()
    again = tmp_path / "again.gpkg"
    plan.save(again)
    assert path.read_bytes() != again.read_bytes()
    assert Plan.load(path).digest() == Plan.load(again).digest() == plan.digest()


def test_northings_keep_their_last_bit(saved):
    _, path = saved
    taken = reuse_plan(path, [SCENE])
    for row, col, size, geometry in taken.rows[["row", "col", "size", "geometry"]].itertuples(index=False):
        assert geometry.bounds == GRID.bounds(Window(row, col, size, size))
    top = taken.rows.geometry.bounds["maxy"].to_numpy()
    assert (top % 0.5 == 0.25).all(), "the corner's quarter metre is lost, as it is in float32"
    assert (top.astype(np.float32) != top).any()


def test_patches_deleted_or_given_another_class_make_an_edited_plan(saved):
    plan, path = saved

    def change(rows):
        rows.loc[3, "class_index"] = 2
        return rows.drop(index=[0, 7])

    edit(path, change)
    with pytest.raises(LulcsegError, match=r"differs from what plan\.json says"):
        Plan.load(path)
    taken = reuse_plan(path, [SCENE])
    assert len(taken) == len(plan) - 2
    assert taken.rows["class_index"].iloc[2] == 2
    origin = {"path": str(path), "digest": plan.digest(), "edited": True, "notes": []}
    assert taken.meta["taken_from"] == origin
    assert taken.digest() != plan.digest()
    assert taken.rows.index.tolist() == list(range(len(taken)))
    again = path.with_name("again.gpkg")
    taken.save(again)
    assert Plan.load(again).digest() == taken.digest()


def test_extents_within_a_thousandth_of_a_pixel_are_put_right(saved):
    plan, path = saved
    edit(path, lambda rows: rows.set_geometry(rows.translate(0.0004, -0.0004)))
    taken = reuse_plan(path, [SCENE])
    assert taken.rows.equals(plan.rows)
    assert taken.meta["taken_from"]["edited"] is False


def test_styles_that_qgis_keeps_in_the_file_do_no_harm(saved):
    plan, path = saved
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE layer_styles (id INTEGER PRIMARY KEY, styleName TEXT)")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('layer_styles', 'attributes', 's')"
        )
    database.close()
    assert set(pyogrio.list_layers(path)[:, 0]) == {"plan", "layer_styles"}
    assert reuse_plan(path, [SCENE]).digest() == plan.digest()


def moved(rows):
    rows.loc[4, "geometry"] = shapely.affinity.translate(rows.geometry[4], 0.5, 0)


def cut(rows):
    rows.loc[4, "geometry"] = shapely.convex_hull(
        shapely.MultiPoint(shapely.get_coordinates(rows.geometry[4])[:3].tolist())
    )


def moved_whole(rows):
    rows["col"] += GRID.width
    return rows.set_geometry(rows.translate(GRID.width * GRID.xres, 0))


def resized(rows):
    rows.loc[4, "size"] = 16
    row, col = rows.loc[4, ["row", "col"]]
    rows.loc[4, "geometry"] = shapely.box(*GRID.bounds(Window(row, col, 16, 16)))


def assigned(column, value):
    def change(rows):
        rows[column] = rows[column].astype(object).where(rows.index != 4, value)
        rows[column] = rows[column].infer_objects()

    return change


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (moved, r"the patch of scene 'here' with row \d+ and col \d+ was moved or reshaped"),
        (cut, "was moved or reshaped"),
        (moved_whole, r"lies outside the imagery \(and \d+ more\)"),
        (resized, "is not 32 pixels wide"),
        (assigned("class_index", 7), "has a class_index that is not in −1…2"),
        (assigned("split", "test"), "has a split that is neither train nor validation"),
        (assigned("split", None), "1 of its patches have no split"),
        (assigned("row", None), "1 of its patches have no row"),
        (assigned("row", 4.5), "do not all hold whole numbers"),
        (assigned("scene", "elsewhere"), "it has patches of scene 'elsewhere'"),
        (assigned("feature", 7), r"it has patches of feature 7, which scene 'here' does not have"),
        (assigned("feature", -2), "it has patches of feature -2, which"),
        (lambda rows: rows.assign(feature=rows["feature"] + 2), r"of feature 14 \(and 1 more\), which"),
        (lambda rows: rows.iloc[[*range(len(rows)), 3]], r"it has \d+ patches, and had \d+ when it was saved; delete"),
        (lambda rows: rows.iloc[:0], "no patch is left in it"),
        (lambda rows: rows.assign(split="validation"), "none of its patches is for training"),
        (lambda rows: rows.drop(columns="feature"), "it lacks feature"),
    ],
)
def test_what_was_changed_beyond_use_is_refused(saved, change, part):
    _, path = saved
    edit(path, change)
    with pytest.raises(LulcsegError, match=part):
        reuse_plan(path, [SCENE])


@pytest.fixture
def split(tmp_path):
    """A plan of two dates of one ground, with ground held out, on disk."""
    scenes = [SCENE, replace(SCENE, name="later")]
    plan = stratified(*scenes, patches=300, validation=(0.3, 100))
    path = tmp_path / "split.gpkg"
    plan.save(path)
    return plan, path, scenes


def to_train(keep):
    """Make validation patches training patches, but those of a scene that is kept as it is."""

    def change(rows):
        rows.loc[rows["scene"] != keep, "split"] = "train"

    return change


@pytest.mark.parametrize("change", [to_train(None), to_train("later")])
def test_ground_held_out_does_not_come_back_into_training(split, change):
    plan, path, scenes = split
    assert reuse_plan(path, scenes).meta["validation"] == plan.meta["validation"]
    edit(path, change)
    with pytest.raises(LulcsegError, match=r"'here' with row \d+ and col \d+ lies on ground held out for validation"):
        reuse_plan(path, scenes)


def test_it_does_not_under_another_scenes_patches_either(split):
    _, path, scenes = split

    def change(rows):
        return rows[(rows["split"] == "train") | (rows["scene"] == "here")].assign(
            split=lambda r: np.where(r["scene"] == "here", "train", "validation")
        )

    edit(path, change)
    with pytest.raises(LulcsegError, match="lies on ground held out for validation"):
        reuse_plan(path, scenes)


def test_ground_held_out_in_one_scene_is_held_out_in_all(tmp_path):
    there = replace(SCENE, name="there", grid=replace(GRID, left=GRID.left + 30.0))
    plan = stratified(SCENE, there, patches=60, validation=(0.2, 100))
    path = tmp_path / "plan.gpkg"
    plan.save(path)
    held = {
        n: shapely.union_all([shapely.box(*b) for b in bs]) for n, bs in plan.meta["validation"]["held_out"].items()
    }
    others = shapely.union_all(plan.rows.geometry[plan.rows["split"] == "validation"].to_numpy())
    windows = [Window(r, c, 32, 32) for r in range(0, 560, 16) for c in range(0, 760, 16)]
    boxes = {w: shapely.box(*GRID.bounds(w)) for w in windows}
    row, col = next(
        (w.row, w.col)
        for w, b in boxes.items()
        if b.within(held["there"]) and not b.intersects(held["here"]) and not b.intersects(others)
    )

    def change(rows):
        first = rows.index[(rows["scene"] == "here") & (rows["split"] == "train")][0]
        rows.loc[first, ["row", "col"]] = [row, col]
        rows.loc[first, "geometry"] = shapely.box(*GRID.bounds(Window(row, col, 32, 32)))

    edit(path, change)
    with pytest.raises(LulcsegError, match=f"row {row} and col {col} lies on ground held out for validation"):
        reuse_plan(path, [SCENE, there])


def test_a_training_patch_made_a_validation_patch_may_not_share_ground(saved):
    _, path = saved
    edit(path, assigned("split", "validation"))
    with pytest.raises(LulcsegError, match="shares ground with a validation patch"):
        reuse_plan(path, [SCENE])


def test_without_validation_patches_no_ground_is_held_out(split):
    _, path, scenes = split
    edit(path, lambda rows: rows[rows["split"] == "train"])
    taken = reuse_plan(path, scenes)
    assert taken.meta["validation"] is None
    assert len(taken.meta["taken_from"]["notes"]) == 1
    assert taken.meta["taken_from"]["notes"][0].startswith("All its validation patches were deleted")


def test_counts_are_those_of_the_edited_patches(saved):
    plan, path = saved

    def change(rows):
        return rows[~rows["feature"].isin([11, 13])].iloc[1:]

    edit(path, change)
    taken = reuse_plan(path, [SCENE])
    assert len(taken) < len(plan)
    assert {c["name"]: c["drawn"] for c in taken.meta["classes"]} == summarise_plan(taken)["drawn_for"]
    assert taken.meta["classes"][2]["drawn"] == 0
    assert taken.meta["classes"][2]["wanted"] == plan.meta["classes"][2]["wanted"]
    assert taken.meta["shifted"] == taken.rows["shifted"].sum() < plan.meta["shifted"]
    assert taken.meta["features_left_out"] == [["here", 11], ["here", 13]]
    assert taken.meta["taken_from"]["notes"] == ["There is no training patch for Berry."]


def test_another_order_counts_as_edited(saved):
    plan, path = saved
    edit(path, lambda rows: rows.iloc[::-1])
    taken = reuse_plan(path, [SCENE])
    assert taken.meta["taken_from"]["edited"] is True
    assert len(taken) == len(plan)


def test_a_systematic_grid_comes_in(tmp_path):
    plan, path = grid(SCENE, background="Other", edge="shift"), tmp_path / "grid.gpkg"
    plan.save(path)
    assert reuse_plan(path, [SCENE]).meta | {"taken_from": None} == plan.meta | {"taken_from": None}


@pytest.mark.parametrize(
    ("scenes", "part"),
    [
        ([replace(SCENE, grid=replace(GRID, left=GRID.left + 0.25))], r"the upper left corner is at 300000\.000"),
        ([replace(SCENE, grid=replace(GRID, xres=0.25, yres=0.25))], r"pixels measure 0\.5 × 0\.5 and 0\.25 × 0\.25"),
        ([replace(SCENE, grid=replace(GRID, height=601))], "the grid is 600 × 800 and 601 × 800 pixels"),
        ([replace(SCENE, grid=replace(GRID, crs="EPSG:28356"))], "the CRS is EPSG:28355 and EPSG:28356"),
        ([replace(SCENE, name="there")], "it is a plan of scene 'here', the run trains on scene 'there'"),
        ([SCENE, replace(SCENE, name="there")], "the run trains on scenes 'here', 'there'"),
        (
            [replace(SCENE, legend=Legend((LandClass(0, "Other", "#aaaaaa"), LandClass(1, "Cane", "#00ff00"))))],
            "classes",
        ),
    ],
)
def test_a_plan_made_for_others_is_refused_and_told_why(saved, scenes, part):
    with pytest.raises(LulcsegError, match=part):
        reuse_plan(saved[1], scenes)


def test_the_same_crs_in_other_words_is_the_same(saved):
    taken = reuse_plan(saved[1], [replace(SCENE, grid=replace(GRID, crs=CRS.from_epsg(28355).to_wkt()))])
    assert taken.digest() == saved[0].digest()


def test_scenes_of_two_crs_come_in_with_an_edit(tmp_path):
    west = replace(SCENE, name="west", grid=replace(GRID, crs="EPSG:28354"))
    plan, path = stratified(SCENE, west), tmp_path / "plan.gpkg"
    plan.save(path)
    assert reuse_plan(path, [west, SCENE]).rows.equals(plan.rows)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM west WHERE position = (SELECT max(position) FROM west)")
    database.close()
    taken = reuse_plan(path, [SCENE, west])
    assert taken.rows.equals(plan.rows.iloc[:-1])
    assert taken.meta["taken_from"]["edited"] is True


def test_older_plans_without_the_share_of_valid_pixels_are_read(saved):
    plan, path = saved
    edit(path, lambda rows: rows.drop(columns="valid"))
    again = Plan.load(path)
    assert again.rows["valid"].isna().all()
    assert again.rows.drop(columns="valid").equals(plan.rows.drop(columns="valid"))


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.9])
def test_damaged_files_are_told(saved, kept):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept >= 1 else kept * len(content))])
    with pytest.raises(LulcsegError, match=r"not a GeoPackage|not a plan|differs"):
        Plan.load(path)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"format": 1, "digest": "x", "meta": {}}', '{"format": 1, "digest": "x", "meta": 3}']
)
def test_a_foreign_summary_is_told(saved, content):
    _, path = saved
    path.with_suffix(".json").write_text(content)
    with pytest.raises(LulcsegError, match="not the summary of a plan"):
        reuse_plan(path, [SCENE])
    path.with_suffix(".json").unlink()
    with pytest.raises(LulcsegError, match=r"plan\.json: there is no such file; a plan is a \.gpkg and a \.json"):
        reuse_plan(path, [SCENE])


def test_a_foreign_geopackage_is_told(saved):
    _, path = saved
    path.unlink()
    gpd.GeoDataFrame({"class": ["a"]}, geometry=[shapely.Point(0, 0)], crs=GRID.crs).to_file(path, layer="points")
    with pytest.raises(LulcsegError, match="this is not a plan: it lacks class_index"):
        reuse_plan(path, [SCENE])
