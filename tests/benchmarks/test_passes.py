"""The benchmark of passes: gains are paired by checkpoint, costs are over those of the single pass."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from scipy import stats


@pytest.fixture
def passes(benchmark_module):
    return benchmark_module("passes")


def test_gains_are_paired_by_checkpoint(passes):
    single, gain = [0.5, 0.7, 0.6], [0.010, 0.030, 0.014]
    rows = [
        {"scene": "s", "set": name, "samples": 10 * (1 + number), "seconds": 2.0 * (1 + number), "edges": 1.0,
         "kappa": base + number * more, "mean_f1": base}
        for base, more in zip(single, gain, strict=True)
        for number, name in enumerate(passes.SETS)
    ]  # fmt: skip

    second = list(passes.SETS)[1]
    found = passes.summarised(rows)["s"][second]

    interval = stats.ttest_rel(np.add(single, gain), single).confidence_interval(0.95)
    assert found["kappa"] == pytest.approx(np.mean(single) + np.mean(gain))
    assert found["kappa_gain"] == pytest.approx(np.mean(gain))
    assert found["kappa_half"] == pytest.approx((interval.high - interval.low) / 2)
    assert (found["cost"], found["time"], found["n"]) == (2, 2, 3)
    assert found["mean_f1_gain"] == 0


def test_edges_count_neighbours_that_both_have_a_class(passes, tmp_path):
    codes = np.array([[0, 0, 1], [0, 255, 1]], dtype=np.uint8)
    path = tmp_path / "map.tif"
    profile = {"driver": "GTiff", "height": 2, "width": 3, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile) as out:
        out.write(codes, 1)

    assert passes.edges(path) == pytest.approx(1 / 4)  # of four pairs with classes one differs
