"""What holds for every split by place: no training patch on ground held out, at any date of it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from tests.support.plans import drawn, no_pixels

LEGEND = Legend((LandClass(0, "Other", "#aaaaaa"), LandClass(1, "Cane", "#00ff00")))


@dataclass
class Date:
    """One date of a ground that is a single field."""

    name: str
    grid: Grid
    legend: Legend = LEGEND
    valid_share: Callable = no_pixels

    def polygons(self):
        field = shapely.box(*self.grid.bounds())
        data = {"class_index": [1], "feature": [0], "area_m2": [field.area]}
        return gpd.GeoDataFrame(data, geometry=[field], crs=self.grid.crs)


@settings(max_examples=40, deadline=None)
@given(
    shift=st.tuples(st.floats(-120, 120), st.floats(-120, 120)),
    res=st.sampled_from([1.0, 0.8]),
    fraction=st.floats(0.05, 0.5),
    block=st.sampled_from([24, 37, 60]),
    size=st.integers(4, 24),
    method=st.sampled_from(["stratified", "grid"]),
    seed=st.integers(0, 10_000),
)
def test_no_training_patch_lies_on_ground_held_out_at_any_date(shift, res, fraction, block, size, method, seed):
    first = Grid("EPSG:28355", 300_000.0, 8_050_000.25, 1.0, 1.0, 160, 200)
    second = Grid("EPSG:28355", first.left + shift[0], first.top + shift[1], res, res, 150, 170)
    dates = [Date("one", first), Date("two", second)]
    plan = None
    with suppress(LulcsegError):  # where blocks are few, a side of the split may be left empty
        sampling = {"method": method, "patches": 120, "cell": size, "patch_size": size, "background": None}
        plan = drawn(*dates, **sampling, seed=seed, validation=(fraction, block))
    assume(plan is not None)
    train = plan.rows.geometry[plan.rows["split"] == "train"].to_numpy()
    validation = plan.rows.geometry[plan.rows["split"] == "validation"].to_numpy()
    held = [shapely.box(*b) for bounds in plan.meta["validation"]["held_out"].values() for b in bounds]
    assert held
    for ground in (held, validation):
        pairs = shapely.STRtree(train).query(ground, predicate="intersects")
        shared = shapely.area(shapely.intersection(np.asarray(ground, dtype=object)[pairs[0]], train[pairs[1]]))
        assert shared.max(initial=0) < 0.01 * size
