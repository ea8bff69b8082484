"""What the report says of the plan, in words and counts."""

import dataclasses

import numpy as np

from lulcseg.report.run.plan_view import plan_view
from lulcseg.report.run.run_data import RunData
from lulcseg.run.planning import plan_entry
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.record_parts import SceneEntry
from lulcseg.sampling.class_shares import cover
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.plan_summary import summarise_plan
from tests.support.plans import BERRY, GRID, LEGEND, WEST, FakeLabels, FakeScene, grid, stratified


def run_of(tmp_path, plan, scene, *, with_file=True):
    label = np.full((GRID.height, GRID.width), 255, dtype=np.uint8)
    for index, w in scene.features:
        label[w.row : w.row_end, w.col : w.col_end] = index
    counts = summarise_plan(plan, {"here": scene.polygons()}, cover(plan, {"here": FakeLabels(label)}))
    scene_entry = SceneEntry.of(legend=LEGEND.to_plain(), grid=dataclasses.asdict(GRID))
    record = RunRecord.of(plan=plan_entry(plan, counts), scenes={"here": scene_entry})
    return RunData(tmp_path, record, None, None, plan if with_file else None, [], []), counts


def test_counts_stand_beside_the_classes(tmp_path):
    scene = FakeScene(features=[*WEST, BERRY])
    run, counts = run_of(tmp_path, stratified(scene, totals="exact", patches=3), scene)
    view = plan_view(run)
    for row in view.rows:
        assert row.drawn == counts["drawn_for"][row.name]
        assert row.touching == counts["touches"][row.name]
        assert row.without == counts["per_feature"][row.name]["without"]
        assert row.ground.value == counts["prior"][row.name]["ground"]
        assert row.pixels.value == counts["prior"][row.name]["pixels"]
    berry = view.rows[LEGEND.index("Berry")]
    assert berry.ratio == f"{berry.pixels.value / berry.ground.value:.3g} ×"
    assert all(view.has(c) for c in ("drawn", "touching", "without", "pixels"))
    assert len(view.figures) == 1


def test_sentences_say_what_became_of_patches(tmp_path):
    scene = FakeScene(features=[*WEST, BERRY])
    plan = stratified(scene, validation=(0.2, 100))
    origin = {"path": "old/plan.gpkg", "digest": "x", "edited": True}
    shares = np.where(np.arange(len(plan)) < 3, 0.5, 1.0)
    plan = Plan(plan.rows.assign(valid=shares), plan.meta | {"taken_from": origin, "redrawn": 4})
    said = " ".join(plan_view(run_of(tmp_path, plan, scene)[0]).sentences)
    for part in (
        f"{len(plan)} patches of 32 × 32 pixels",
        "taken from old/plan.gpkg, edited or re-ordered since.",
        f"{plan.rows['shifted'].sum()} were shifted",
        "4 were redrawn",
        f"{plan.meta['dropped']} more were left out",
        "3 patches are partly without imagery",
        "50.0 % at least",
        "lies in more than one",
    ):
        assert part in said, part


def test_without_the_file_the_record_stands_alone(tmp_path):
    scene = FakeScene(features=[*WEST, BERRY])
    run, counts = run_of(tmp_path, stratified(scene), scene, with_file=False)
    view = plan_view(run)
    assert [row.drawn for row in view.rows] == list(counts["drawn_for"].values())
    assert [row.touching for row in view.rows] == list(counts["touches"].values())
    assert view.rows[0].features is None
    assert "lies in more than one" in " ".join(view.sentences)


def test_a_systematic_grid_is_drawn_for_no_class(tmp_path):
    scene = FakeScene(features=WEST)
    view = plan_view(run_of(tmp_path, grid(scene, background="Other"), scene)[0])
    assert not view.has("drawn")
    assert not view.has("without")
    assert view.has("touching")
