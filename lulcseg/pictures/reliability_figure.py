"""The reliability diagram: accuracy against confidence, with standard errors, over the share of ground of each bin."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from lulcseg.assessment.reliability import FEW_IN_BIN, Reliability
from lulcseg.pictures.figure_style import INK, MUTED, RULE
from lulcseg.pictures.inline_svg import PAGE, THEMED

_SERIES = "#0072b2"


def reliability_figure(found: Reliability) -> Figure:
    """Draw a reliability diagram.

    A dot is a bin of confidence: the share of its ground on which the map is right against the mean confidence there,
    ± 1 standard error by the points' design; hollow with fewer than ten points. Below the diagonal a map is surer of
    itself than it is right. The bars below are the bins' shares of the ground.

    Args:
        found: The scores of the probabilities.
    """
    x, y, error, weight = (
        np.array([getattr(each, key) for each in found.bins], dtype=np.float64)
        for key in ("confidence", "accuracy", "error", "weight")
    )
    many = np.array([each.points >= FEW_IN_BIN for each in found.bins])
    left, right = (np.array([getattr(each, key) for each in found.bins]) for key in ("low", "high"))
    start = float(min(left.min(), 0.9))
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        known = np.isfinite(error)
        low, high = np.minimum(error, y)[known], np.minimum(error, 1 - y)[known]
        upper.errorbar(x[known], y[known], yerr=[low, high], fmt="none", ecolor=_SERIES, elinewidth=1.2, capsize=2.5)
        upper.scatter(x[many], y[many], s=34, color=_SERIES, edgecolors=PAGE, linewidths=1, zorder=3)
        upper.scatter(x[~many], y[~many], s=30, facecolors=PAGE, edgecolors=_SERIES, linewidths=1.2, zorder=3)
        upper.set(xlim=(start, 1.0), ylim=(0, 1.02), ylabel="accuracy")
        about = "above the line: right more often than it says; below: less"
        upper.set_title(about, fontsize=8, fontweight="normal", color=MUTED)
        lower.bar(left, 100 * weight, width=right - left, align="edge", color=_SERIES, alpha=0.5, edgecolor=PAGE)
        lower.set(xlabel="confidence (probability of the mapped class)", ylabel="% of ground")
        lower.grid(visible=False, axis="x")
        for axes in (upper, lower):
            axes.tick_params(length=0, labelcolor=INK)
            axes.spines["left"].set_color(RULE)
        return figure
