"""The worked example of change in Olofsson et al. 2014, from two maps and points to its printed digits.

Remote Sensing of Environment 148:42–57, section 5: strata deforestation, forest gain, stable forest, stable
non-forest, 640 points, pixels of 30 m.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.assessment.design_based import DesignRequest
from lulcseg.change.assess_change import assess_change
from lulcseg.change.change_record import read_change
from lulcseg.change.compare_maps import ChangeRequest, compare_maps
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from tests.support.change_maps import write_class_map

LEGEND = Legend((LandClass(1, "Forest", "#0b5d3b"), LandClass(2, "Non-forest", "#c8c4b7")))
GRID = Grid("EPSG:32633", 300_000.0, 6_000_000.0, 30.0, 30.0, 2500, 4000)
PAIRS = ((0, 1), (1, 0), (0, 0), (1, 1))
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
"""Rows the map, columns the reference, both in the order of the strata."""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("olofsson")
    stratum = np.repeat(np.arange(4), PIXELS).reshape(2500, 4000)
    before, after = (np.array([pair[date] for pair in PAIRS], dtype=np.uint8)[stratum] for date in (0, 1))
    one = write_class_map(folder / "2000.tif", before, GRID, LEGEND)
    two = write_class_map(folder / "2010.tif", after, GRID, LEGEND)
    result = compare_maps(ChangeRequest(one, two, folder / "change", dates="2000,2010"))
    return folder, result, points_of(folder / "points.gpkg", stratum)


def points_of(path: Path, stratum: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    rows, cols, pairs = [], [], []
    for h, counts in enumerate(COUNTS):
        place = rng.choice(np.flatnonzero(stratum == h), counts.sum(), replace=False)
        rows.append(place // 4000)
        cols.append(place % 4000)
        pairs += list(np.repeat(np.arange(4), counts))
    x, y = GRID.xy(np.concatenate(rows), np.concatenate(cols))
    columns = {f"class_{year}": [LEGEND.names[PAIRS[k][date]] for k in pairs] for date, year in enumerate((2000, 2010))}
    strata = np.repeat([str(2 * i + j) for i, j in PAIRS], COUNTS.sum(axis=1))  # the codes of the pairs
    frame = gpd.GeoDataFrame({**columns, "stratum": strata}, geometry=gpd.points_from_xy(x, y), crs=GRID.crs)
    frame.to_file(path, layer="points")
    return path


def test_mapped_areas(example) -> None:
    _, result, _ = example
    assert result.areas.mapped[0, 1] == pytest.approx(18_000)
    assert result.areas.mapped[1, 0] == pytest.approx(13_500)


def test_the_printed_estimates(example) -> None:
    folder, _, points = example
    path = folder / "change" / "change.tif"
    found = assess_change(path, points, read_change(path), request=DesignRequest("stratified", strata_map=path))
    estimates = found.pairs.design_based
    assert estimates is not None
    by_name = {c.name: c for c in estimates.classes}
    deforestation = by_name["Forest → Non-forest"]
    assert round(deforestation.hectares.value) == 21_158
    assert round(1.96 * deforestation.hectares.se) == 6_158
    assert (round(deforestation.users.value, 2), round(1.96 * deforestation.users.se, 2)) == (0.88, 0.07)
    assert (round(deforestation.producers.value, 2), round(1.96 * deforestation.producers.se, 2)) == (0.75, 0.21)
    assert (round(estimates.overall.value, 2), round(1.96 * estimates.overall.se, 2)) == (0.95, 0.02)
    assert [round(by_name[n].hectares.value) for n in ("Non-forest → Forest", "Forest, unchanged")] == [11_686, 285_770]
    assert estimates.design == "stratified"


def test_change_as_a_whole_is_the_sum_of_its_transitions(example) -> None:
    folder, _, points = example
    path = folder / "change" / "change.tif"
    found = assess_change(path, points, read_change(path), request=DesignRequest("stratified", strata_map=path))
    assert found.change is not None
    assert round(found.change.classes[0].hectares.value) == 21_158 + 11_686
