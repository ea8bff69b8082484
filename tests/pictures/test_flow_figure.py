"""Ribbons from class to class."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

from lulcseg.legend import LandClass, Legend
from lulcseg.pictures.flow_figure import flow_figure, ribbon_heights, spread_labels

CLASSES = Legend((LandClass(0, "$A$", "#aa0000"), LandClass(1, "B", "#00aa00"), LandClass(2, "C", "#0000aa")))


def test_rare_ribbons_are_as_high_as_can_be_seen_and_all_fill_the_room() -> None:
    area = np.array([[900.0, 0.001, 0.0], [50.0, 4000.0, 0.5], [0.0, 0.0, 0.0]])
    heights = ribbon_heights(area, 0.9)
    assert heights.sum() == pytest.approx(0.9)
    assert heights[0, 1] == heights[1, 2] == heights[heights > 0].min() > 0.002
    assert (heights[area == 0] == 0).all()
    assert heights[1, 1] / heights[0, 0] == pytest.approx(4000 / 900)
    assert ribbon_heights(np.zeros((2, 2)), 1.0).sum() == 0


def test_a_ribbon_has_the_colour_of_the_new_class() -> None:
    figure = flow_figure(CLASSES, [[10.0, 2.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]], ("2015", "2018"))
    ribbons = [p for p in figure.axes[0].patches if isinstance(p, PathPatch)]
    assert [to_hex(p.get_facecolor()) for p in ribbons] == ["#aa0000", "#00aa00", "#00aa00"]
    assert [p.get_alpha() for p in ribbons] == [0.18, 0.8, 0.18]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any("B  7.00 ha" in text for text in texts)  # on the second date
    assert not any("C" in text for text in texts)  # a class that neither date has
    assert "2.00 of 17.0 ha changed (11.8%)" in figure.axes[0].get_title()


def test_labels_never_overlap_and_stay_in_order() -> None:
    places = np.array([0.5, 0.5, 0.5, 0.99, 0.995])
    spread = spread_labels(places, 0.05)
    assert (np.diff(spread) >= 0.05 - 1e-12).all()
    assert spread[-1] <= 1.0
