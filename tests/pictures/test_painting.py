"""Class indices as palette pictures."""

from __future__ import annotations

import numpy as np
import pytest

from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.pictures.painting import class_picture, map_picture
from tests.support.runs import write_map

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#c0c0c0")))


@pytest.mark.parametrize("overviews", [(), (2, 4)])
def test_a_map_is_painted_in_its_colours_by_the_commonest_class(tmp_path, overviews):
    index = np.zeros((40, 60), dtype=np.uint8)
    index[:, 30:] = 2
    index[2::4, 2::4] = 1  # the middle of every cell, yet nowhere the commonest
    index[20:, :30] = IGNORE
    grid = Grid("EPSG:28355", 0.0, 90.0, 1.0, 1.0, 40, 60)
    write_map(tmp_path / "map.tif", index, grid, LEGEND, overviews)

    picture = np.asarray(map_picture(tmp_path / "map.tif", LEGEND, 10, 15).convert("RGBA"))

    assert (picture[:5, :7] == [0, 255, 0, 255]).all()
    assert (picture[:, 8:] == [0xC0, 0xC0, 0xC0, 255]).all()
    assert (picture[5:, :7, 3] == 0).all()


def test_class_pictures_of_a_legend_of_many_classes():
    legend = Legend(tuple(LandClass(i, f"c{i}", f"#{i:02x}{255 - i:02x}00") for i in range(200)))
    index = np.arange(200, dtype=np.uint8).reshape(10, 20)

    picture = np.asarray(class_picture(index, legend).convert("RGB"))

    np.testing.assert_array_equal(picture.reshape(-1, 3), legend.colours)
