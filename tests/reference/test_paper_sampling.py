"""Published counts of Clark, Phinn & Scarth, from the areas and feature counts they print (Table 7)."""

import numpy as np
import pytest

from lulcseg.legend import PAPER_LEGEND
from lulcseg.patches.batches import StepSchedule
from lulcseg.sampling.allocation import class_patches, equal_classes, feature_patches, inverse_classes, share_exactly

HECTARES = np.array([1860, 92, 981, 281_344, 7621, 188, 6249, 988, 146])
FEATURES = [243, 69, 118, 323, 515, 42, 2289, 280, 33]
AREAS_M2 = HECTARES * 10_000.0
TABLE_4_AT_128 = {
    "Berry Crops": 14_050,
    "Forestry Plantation": 16_565,
    "Tea Tree Plantation": 14_795,
    "Vineyards": 14_539,
}


@pytest.mark.parametrize(("wanted", "total"), [(38_528, 38_532), (9_632, 9_635), (2_408, 2_412), (154_112, 154_115)])
def test_totals_of_equation_1(wanted, total):
    assert class_patches(AREAS_M2, wanted).sum() == total


def test_equation_1_at_128_pixels():
    counts = dict(zip(PAPER_LEGEND.names, class_patches(AREAS_M2, 154_112).tolist(), strict=True))
    expected = {
        "Berry Crops": 14_187,
        "Forestry Plantation": 16_632,
        "Tea Tree Plantation": 14_926,
        "Vineyards": 14_664,
    }
    assert {name: counts[name] for name in expected} == expected


@pytest.mark.parametrize("name", TABLE_4_AT_128)
def test_isolated_classes_are_within_one_per_cent_of_table_4(name):
    count = class_patches(AREAS_M2, 154_112)[PAPER_LEGEND.index(name)]
    assert count == pytest.approx(TABLE_4_AT_128[name], rel=0.01)


def test_hectares_would_miss_table_4():
    count = class_patches(HECTARES, 154_112)[PAPER_LEGEND.index("Berry Crops")]
    assert count == 10_514


def _areas(rng: np.random.Generator, n: int, total: float) -> np.ndarray:
    areas = rng.lognormal(0, 1.2, n)
    return areas / areas.sum() * total


@pytest.mark.parametrize(("wanted", "total"), [(38_528, 38_532), (9_632, 9_635), (2_408, 2_412)])
def test_exact_totals_reproduce_table_3_and_per_feature_reaches_every_feature(wanted, total):
    rng = np.random.default_rng(7)
    exact = per_feature = 0
    for n_class, n_features, area in zip(class_patches(AREAS_M2, wanted).tolist(), FEATURES, AREAS_M2, strict=True):
        areas = _areas(rng, n_features, area)
        exact += share_exactly(n_class, areas).sum()
        counts = feature_patches(n_class, areas)
        assert counts.min() >= 1
        assert n_class <= counts.sum() <= n_class + n_features
        per_feature += counts.sum()
    assert exact == total
    assert per_feature > total


@pytest.mark.parametrize(
    ("size", "stratified", "grid", "batch"),
    [(1024, 2_412, 2_408, 16), (512, 9_635, 9_632, 64), (256, 38_533, 38_528, 256), (128, 154_514, 154_112, 1024)],
)
def test_table_5_has_151_iterations_at_every_size(size, stratified, grid, batch):
    assert len(StepSchedule(stratified, batch)) == len(StepSchedule(grid, batch)) == 151
    assert grid == 2_408 * (1024 // size) ** 2


def test_class_totals_by_other_methods():
    # Nine classes with 9,632 patches: 1,070 each, two left for the largest two; 1/area by hand from Table 7.
    equal = dict(zip(PAPER_LEGEND.names, equal_classes(AREAS_M2, 9_632).tolist(), strict=True))
    assert {n for n, count in equal.items() if count == 1_071} == {"Other", "Sugarcane Crop"}
    assert set(equal.values()) == {1_070, 1_071}
    inverse = dict(zip(PAPER_LEGEND.names, inverse_classes(AREAS_M2, 9_632).tolist(), strict=True))
    assert inverse["Other"] == 1
    for one, other, ratio in [
        ("Berry Crops", "Vineyards", 146 / 92),
        ("Tea Tree Plantation", "Forestry Plantation", 981 / 188),
    ]:
        assert inverse[one] / inverse[other] == pytest.approx(ratio, rel=0.01)
