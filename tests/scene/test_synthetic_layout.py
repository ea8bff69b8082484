from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from shapely.geometry import box
from sklearn.metrics import cohen_kappa_score

from lulcseg.grid import Window
from lulcseg.legend import PAPER_LEGEND
from lulcseg.scene.synthetic.digitise import digitise
from lulcseg.scene.synthetic.layout import Layout, lay_out
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import SURVEY_2018

DATES = (2018, 2015)
CROPS = [name for name in PAPER_LEGEND.names if name != "Other"]


def polygons_by_ground(layout: Layout, date: int, seed: int) -> Counter:
    drawn = digitise(layout, date, seed)
    middles = drawn.representative_point()
    east = shapely.contains(layout.grounds[1], middles.array)
    return Counter(zip(drawn["class"], east.tolist(), strict=True))


def classes(layout: Layout, date: int) -> np.ndarray:
    n = layout.scale.size
    return Renderer(layout, date, SURVEY_2018, 1, 1).classes(Window(0, 0, n, n))


@pytest.mark.parametrize("seed", [1, 2, 3, 11])
def test_every_class_has_eight_polygons_in_each_ground_on_both_dates(seed: int) -> None:
    layout = lay_out(2048, seed)
    for date in DATES:
        count = polygons_by_ground(layout, date, seed)
        assert {(n, e): count[n, e] for n in CROPS for e in (False, True) if count[n, e] < 8} == {}


@pytest.mark.parametrize("size", [256, 300, 512])
@pytest.mark.parametrize("seed", range(1, 7))
def test_small_landscapes_have_every_class_in_each_ground(size: int, seed: int) -> None:
    layout = lay_out(size, seed)
    for date in DATES:
        seen = {(p.land_class(date), p.side) for p in layout.crop_fields(date)}
        assert seen == {(n, side) for n in CROPS for side in (0, 1)}


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_smallest_landscape_has_most_classes(seed: int) -> None:
    assert np.unique(classes(lay_out(128, seed), 2018)).size >= 7


def test_shares_are_unbalanced_as_in_the_paper() -> None:
    for seed in (1, 2):
        shares = np.bincount(classes(lay_out(2048, seed), 2018).ravel(), minlength=9) / 2048**2
        assert 0.84 < shares[PAPER_LEGEND.index("Other")] < 0.9
        assert 0.002 < shares.min() < 0.01
        assert shares[PAPER_LEGEND.index("Berry Crops")] == shares.min()


def test_a_large_landscape_is_laid_out_with_larger_fields() -> None:
    layout = lay_out(4096, 1)
    medians = []
    for land in (lay_out(2048, 1), layout):
        medians.append(np.median([p.polygon.area for p in land.crop_fields(2018)]))
    assert medians[1] > 2 * medians[0]
    view = box(0, 0, 4096, 4096)
    share = sum(p.polygon.intersection(view).area for p in layout.crop_fields(2018)) / 4096**2
    assert 0.08 < share < 0.13


def test_grounds_part_the_area_and_fields_lie_in_their_own() -> None:
    layout = lay_out(1024, 4)
    training, heldout = layout.grounds
    assert training.area + heldout.area == pytest.approx(1024**2)
    assert training.intersection(heldout).area == pytest.approx(0, abs=1e-6)
    assert 0.35 < heldout.area / 1024**2 < 0.6
    view = box(0, 0, 1024, 1024)
    for field in layout.crop_fields(2018):
        seen = field.polygon.intersection(view)
        assert layout.grounds[field.side].intersection(seen).area == pytest.approx(seen.area)


def test_crop_fields_do_not_overlap() -> None:
    fields = [p.polygon for p in lay_out(2048, 2).crop_fields(2018)]
    assert shapely.union_all(fields).area == pytest.approx(sum(f.area for f in fields), rel=1e-6)


def test_nothing_is_laid_over_a_crop_field() -> None:
    # What the truth raster shows is what the field's outline says: no road, roof or creek on top of it.
    layout = lay_out(1024, 3)
    fields = layout.crop_fields(2018)
    outlines = [(p.polygon, 1) for p in fields]
    inside = rasterio.features.rasterize(outlines, out_shape=(1024, 1024), transform=Affine.identity())
    other = classes(layout, 2018) == PAPER_LEGEND.index("Other")
    assert (other & (inside == 1)).sum() < 0.002 * inside.sum()


def test_same_seed_same_layout_other_seed_another() -> None:
    a, b, c = lay_out(512, 7), lay_out(512, 7), lay_out(512, 8)
    assert [(p.polygon.wkb, p.uses, p.key) for p in a.pieces] == [(p.polygon.wkb, p.uses, p.key) for p in b.pieces]
    assert [p.polygon.wkb for p in a.pieces] != [p.polygon.wkb for p in c.pieces]


def test_switches_alter_only_2015() -> None:
    both = lay_out(1024, 5)
    for change, season in [(False, False), (True, False), (False, True)]:
        other = lay_out(1024, 5, land_use_change=change, other_season=season)
        assert [p.polygon.wkb for p in other.pieces] == [p.polygon.wkb for p in both.pieces]
        assert [p.uses[0] for p in other.pieces] == [p.uses[0] for p in both.pieces]
        changed_class = any(p.land_class(2018) != p.land_class(2015) for p in other.pieces)
        changed_use = any(p.uses[0] != p.uses[1] for p in other.pieces)
        assert changed_class == change
        assert changed_use == (change or season)


def test_polygons_are_close_to_the_truth_but_not_it() -> None:
    layout = lay_out(2048, 1)
    for date in DATES:
        drawn = digitise(layout, date, 1)
        index = [PAPER_LEGEND.index(n) for n in drawn["class"]]
        other = PAPER_LEGEND.index("Other")
        shapes = zip(drawn.geometry, index, strict=True)
        labels = rasterio.features.rasterize(
            shapes, out_shape=(2048, 2048), fill=other, dtype="uint8", transform=Affine.identity()
        )
        kappa = cohen_kappa_score(classes(layout, date)[::4, ::4].ravel(), labels[::4, ::4].ravel())
        assert 0.85 < kappa < 0.97
        assert drawn.is_valid.all()
        assert (drawn.geom_type == "Polygon").all()


def test_a_careful_hand_finds_every_field_and_names_it_right() -> None:
    layout = lay_out(1024, 6)
    drawn = digitise(layout, 2018, 6, omitted=0.0, confused=0.0)
    assert drawn["class"].tolist() == [p.land_class(2018) for p in layout.crop_fields(2018)]


def test_a_careless_hand_overlooks_fields_and_confuses_ages() -> None:
    layout = lay_out(2048, 6)
    careful = Counter(digitise(layout, 2018, 6, omitted=0.0, confused=0.0)["class"])
    careless = Counter(digitise(layout, 2018, 6, omitted=0.5, confused=0.0)["class"])
    assert sum(careless.values()) < 0.85 * sum(careful.values())
    assert min(polygons_by_ground(layout, 2018, 6).values()) >= 8
    confused = digitise(layout, 2018, 6, omitted=0.0, confused=0.5)["class"].tolist()
    wrong = [
        (a, b) for a, b in zip([p.land_class(2018) for p in layout.crop_fields(2018)], confused, strict=True) if a != b
    ]
    assert {frozenset(pair) for pair in wrong} == {frozenset({"Tree Crop - Mature", "Tree Crop - Young"})}


def directions(layout: Layout, side: int) -> np.ndarray:
    """Directions of the crop fields of a ground, degrees modulo a quarter turn."""
    return np.degrees([p.angle for p in layout.crop_fields(2018) if p.side == side]) % 90


@pytest.mark.parametrize("size", [2048, 3072])
@pytest.mark.parametrize("seed", [1, 10, 11, 12, 13])
def test_fields_run_in_all_directions_on_both_grounds(size: int, seed: int) -> None:
    # A model trained on one ground must have seen the directions of the other, or its score there measures the turn.
    layout = lay_out(size, seed)
    for side in (0, 1):
        share = np.histogram(directions(layout, side), bins=6, range=(0, 90))[0] / len(directions(layout, side))
        assert share.min() > 0.03
        assert share.max() < 0.45


def test_directions_shares_and_sizes_are_alike_over_landscapes() -> None:
    layouts = [lay_out(2048, seed) for seed in range(20, 28)]
    for side in (0, 1):
        pooled = np.concatenate([directions(layout, side) for layout in layouts])
        share = np.histogram(pooled, bins=6, range=(0, 90))[0] / pooled.size
        assert share.min() > 0.11
        assert share.max() < 0.23
    for name in CROPS:
        areas = [
            [p.polygon.area for x in layouts for p in x.crop_fields(2018) if p.side == s and p.land_class(2018) == name]
            for s in (0, 1)
        ]
        assert len(areas[0]) == pytest.approx(len(areas[1]), rel=0.1)
        assert np.median(areas[0]) == pytest.approx(np.median(areas[1]), rel=0.2)
