"""Figures: what they draw, and that they leave matplotlib's global state alone."""

from __future__ import annotations

import io
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.scores import score
from lulcseg.legend import LandClass, Legend
from lulcseg.pictures import figure_style, run_figures

LEGEND = Legend(
    (LandClass(0, "Cane $x", "#8fce6a"), LandClass(1, "_Road", "#d81b60"), LandClass(2, "Other", "#c8c4b7"))
)


def labels_of(axes):
    return axes.get_legend_handles_labels()[1]


def test_curves_are_sorted_into_loss_and_scores():
    metrics = pd.DataFrame(
        {
            "epoch": [0, 0, 0, 1],
            "step": [0, 5, 9, 19],
            "train/loss_step": [2.0, 1.8, None, None],
            "train/loss_epoch": [None, None, 1.9, 1.2],
            "val/loss": [None, None, 2.1, 1.5],
            "val/mean_f1": [None, None, 0.3, 0.5],
            "farm_single/kappa": [None, None, None, 0.8],
            "lr-AdamW": [0.001, 0.001, None, None],
            "train/patches_per_s": [40.0, 41.0, None, None],
        }
    )

    figure = run_figures.learning_curves(metrics)

    loss, scores = figure.axes
    assert labels_of(loss) == ["training, each step", "training", "validation"]
    assert labels_of(scores) == ["mean F1, validation"]
    np.testing.assert_array_equal(loss.lines[2].get_xydata(), [[9, 2.1], [19, 1.5]])
    assert figure_style.svg(figure).lstrip().startswith(b"<?xml")


@pytest.mark.parametrize(
    "metrics", [pd.DataFrame(), pd.DataFrame({"step": [1]}), pd.DataFrame({"step": [1], "val/loss": [None]})]
)
def test_nothing_to_draw_makes_no_figure(metrics):
    assert run_figures.learning_curves(metrics) is None


def test_the_confusion_figure_prints_the_counts():
    confusion = np.array([[1234, 0, 5], [0, 7, 0], [2, 0, 0]])
    result = Assessment(
        **dict.fromkeys(("scene", "source", "reference"), "x"),
        compared="map",
        mosaic=None,
        design="unknown",
        places="points",
        legend=LEGEND,
        confusion=confusion,
        scores=score(confusion),
        n_points=1248,
        excluded={},
        unmapped=(0, 0, 0),
    )

    figure = run_figures.confusion_figure(result)

    assert [t.get_text() for t in figure.axes[0].texts] == ["1,234", "5", "7", "2"]
    with Image.open(io.BytesIO(figure_style.png(figure))) as picture:
        assert picture.format == "PNG"


def test_global_settings_stay_as_they_were():
    before = dict(mpl.rcParams)

    figure_style.svg(run_figures.learning_curves(pd.DataFrame({"step": [1, 2], "val/loss": [1.0, 0.5]})))

    assert dict(mpl.rcParams) == before


def test_the_confusion_figure_of_many_classes_stays_of_bounded_size():
    legend = Legend(tuple(LandClass(code, f"class {code}", "#8fce6a") for code in range(250)))
    result = SimpleNamespace(legend=legend, confusion=np.eye(250, dtype=np.int64))

    figure = run_figures.confusion_figure(result)

    assert max(figure.get_size_inches()) < 20
    assert not figure.axes[0].texts
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][:2] == [" class 0", " class 9"]
