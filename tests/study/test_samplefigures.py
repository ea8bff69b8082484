"""Figures of simulated reference samples: that they show the numbers they are given, and nothing covers anything."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from lulcseg.pictures.figure_style import png
from lulcseg.pictures.inline_svg import PAGE
from lulcseg.study.samplefigures import ratio_figure, reference_figures, scatter_figure
from lulcseg.study.samples import compare_designs, simple_random_error, with_shares

NAMES = ("Cane", "$Vines_1$", "Other")
PIXELS = np.array([[52_000, 400, 9_000], [100, 2_300, 600], [8_000, 900, 426_700]])
ORDER = ("Other", "Cane", "$Vines_1$")
"""The classes as they stand in a figure: commonest first."""


@pytest.fixture(scope="module")
def errors():
    rarer = with_shares(PIXELS, [100, 1, 899])
    return {
        "ours": simple_random_error(PIXELS, 500, 200, names=NAMES),
        "the paper's": simple_random_error(rarer, 500, 200, names=NAMES),
    }


@pytest.fixture(scope="module")
def compared():
    return compare_designs(PIXELS, (200, 400, 800), 100, 1, ("equal", "olofsson"), names=NAMES, interval_draws=2)


def of(axes, kind):
    return [artist for artist in axes.collections if isinstance(artist, kind)]


def test_the_scatter_shows_true_values_and_ranges_of_each_class(errors):
    figure = scatter_figure(errors)
    for axes, metric in zip(figure.axes, ("f1", "users", "producers"), strict=True):
        for lines, dots, table in zip(of(axes, LineCollection), of(axes, PathCollection), errors.values(), strict=True):
            rows = table[table.figure == metric].set_index("class").loc[list(ORDER)]
            ends = np.array(lines.get_segments())
            assert ends[:, 0, 0] == pytest.approx(rows.low)
            assert ends[:, 1, 0] == pytest.approx(rows.high)
            assert np.asarray(dots.get_offsets())[:, 0] == pytest.approx(rows["true"])
            assert np.round(ends[:, 0, 1]).tolist() == [0, 1, 2]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]  # the first row on top
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [" Other\n436 | 450", " Cane\n61 | 50", " \\$Vines_1\\$\n3.0 | 0.5"]


def test_ratios_are_of_the_largest_and_the_smallest_sample(compared):
    figure = ratio_figure(compared)
    for axes, metric in zip(figure.axes, ("users", "producers", "share"), strict=True):
        assert axes.get_xscale() == "log"
        rows = compared[compared.figure == metric].set_index("class")
        expected = [
            rows[(rows.design == design) & (rows.points == size)].ratio
            for design in ("equal", "olofsson")
            for size in (200, 800)
        ]
        filled = []
        for dots, ratio in zip(of(axes, PathCollection), expected, strict=True):
            at = np.asarray(dots.get_offsets())
            assert at[:, 0] == pytest.approx(ratio.loc[list(ORDER)])
            low, high = axes.get_xlim()
            filled.append(not np.allclose(dots.get_facecolors(), to_rgba(PAGE)))
            assert ((low < at[:, 0]) & (at[:, 0] < high)).all()
        assert filled == [False, True, False, True]
    assert [t.get_text() for t in figure.legends[0].get_texts()][-2:] == ["200 points", "800 points"]


def test_no_word_covers_another(errors, compared):
    for figure in reference_figures(errors, compared):
        assert png(figure).startswith(b"\x89PNG")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        legend = figure.legends[0].get_window_extent(renderer)
        words = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
        boxes = [t.get_window_extent(renderer) for t in words]
        over = [(words[i], words[j]) for i in range(len(words)) for j in range(i) if boxes[i].overlaps(boxes[j])]
        assert not over
        assert all(figure.bbox.contains(*corner) for box in boxes for corner in (box.min, box.max))
        assert all(figure.bbox.containsx(x) for x in (legend.x0, legend.x1))


def test_what_has_no_error_has_no_mark():
    never_right = compare_designs([[0, 100], [50, 850]], (100,), 50, 0, ("equal",), interval_draws=2)
    users = of(ratio_figure(never_right).axes[0], PathCollection)[0]
    assert np.ma.getmaskarray(np.ma.masked_invalid(users.get_offsets()))[:, 0].tolist() == [False, True]


def test_tables_that_cannot_stand_side_by_side_are_refused(errors, compared):
    with pytest.raises(ValueError, match="same classes"):
        scatter_figure({})
    with pytest.raises(ValueError, match="same classes"):
        scatter_figure(errors | {"other": simple_random_error(np.eye(2), 500, 5)})
    with pytest.raises(ValueError, match="one number of points"):
        scatter_figure(errors | {"other": simple_random_error(PIXELS, 600, 5, names=NAMES)})
    with pytest.raises(ValueError, match="no stratified"):
        ratio_figure(compared[compared.design == "simple random"])
