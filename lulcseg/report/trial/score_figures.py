"""A trial's figures: scores of each class, accuracy against time, learning curves."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lulcseg.pictures.figure_style import INK, plain
from lulcseg.pictures.inline_svg import PAGE, THEMED
from lulcseg.pictures.palette import value_colours
from lulcseg.report.trial.score_views import METRICS, ViewComparison
from lulcseg.report.trial.training_curves import CurvePanel

_WIDTH = 11.6
_LETTERS = 130
"""Characters that fit into a line under a figure."""

_MOST_DOTS = 10
"""Number of replicates of a value up to which each is drawn as a dot."""


def class_boxes_figure(comparison: ViewComparison) -> Figure:
    """Draw box plots of F1, user's and producer's accuracy over the replicates: one group per class, one box per value.

    The box spans the quartiles, its bar is the median, the whiskers reach the extremes (as in the paper's Figures 10
    and 13); few replicates are drawn as dots as well.
    """
    names = comparison.names
    colours = value_colours([v.level for v in comparison.values])
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(_WIDTH, 7.4), layout="constrained")
        panels = figure.subplots(len(METRICS), 1, sharex=True)
        for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
            scores = comparison.class_scores(metric)
            step = 0.8 / len(scores)
            for i, (values, colour) in enumerate(zip(scores, colours, strict=True)):
                at = np.arange(len(names), dtype=np.float64) - 0.4 + step * (i + 0.5)
                _boxes(axes, at, values, 0.36 * step, colour)
            axes.set(title=title, ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])
            axes.tick_params(length=0)
            axes.grid(visible=False, axis="x")
            for edge in np.arange(len(names) - 1) + 0.5:
                axes.axvline(edge, color=THEMED["axes.edgecolor"], linewidth=0.6)
        panels[-1].set_xlim(-0.5, len(names) - 0.5)
        panels[-1].set_xticks(range(len(names)), [wrap_name(n) for n in names])
        _draw_legend(figure, [v.name for v in comparison.values], colours)
        return figure


def time_figure(comparison: ViewComparison) -> Figure | None:
    """Draw kappa and mean F1 against training time: a dot per replicate, a diamond for a value's mean.

    Returns:
        The figure, or None if no training time is known.
    """
    hours = comparison.hours()
    if not any(np.isfinite(h).any() for h in hours):
        return None
    colours = value_colours([v.level for v in comparison.values])
    longest = max(float(np.nanmax(h)) for h in hours if np.isfinite(h).any())
    unit, factor = ("hours", 1.0) if longest >= 1 else ("minutes", 60.0) if longest >= 1 / 30 else ("seconds", 3600.0)
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(_WIDTH, 3.7), layout="constrained")
        panels = figure.subplots(1, 2)
        for axes, (metric, title) in zip(panels, (("kappa", "Kappa"), ("mean_f1", "Mean F1")), strict=True):
            for score, time, colour in zip(comparison.whole(metric), hours, colours, strict=True):
                axes.scatter(time * factor, score, s=16, color=colour, alpha=0.45, linewidths=0)
                known = np.isfinite(time) & np.isfinite(score)
                if known.any():
                    mean = np.mean(time[known]) * factor, np.mean(score[known])
                    axes.scatter(*mean, s=62, marker="D", color=colour, edgecolors=PAGE, linewidths=1.2, zorder=3)
            axes.set(title=title, xlabel=f"training time ({unit}, data reading included)")
            axes.set_xlim(0, 1.06 * longest * factor)
            axes.margins(y=0.12)
            axes.tick_params(length=0)
        _draw_legend(figure, [v.name for v in comparison.values], colours)
        return figure


def trial_curves_figure(panels: Sequence[CurvePanel], names: Sequence[str], levels: Sequence[float | None]) -> Figure:
    """Draw a trial's learning curves: for each value its mean over seeds as a line, minimum to maximum as a band.

    Args:
        panels: Result of :func:`lulcseg.report.trial.training_curves.read_curve_panels`, not empty.
        names: The values' names.
        levels: The values' numbers, None for values that aren't numbers.
    """
    colours = value_colours(levels)
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(_WIDTH, 3.7), layout="constrained")
        subplots = figure.subplots(1, max(len(panels), 2))
        for axes, panel in zip(subplots, panels, strict=False):
            for curve in panel.curves:
                colour = colours[curve.value]
                axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
                axes.plot(
                    curve.epochs, curve.mean, color=colour, marker="o" if len(curve.epochs) == 1 else None, markersize=4
                )
            axes.set(title=panel.title, xlabel=panel.axis)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.tick_params(length=0)
            axes.margins(x=0.01)
            if panel.is_share:
                axes.set_ylim(0, 1)
        for axes in subplots[len(panels) :]:
            axes.set_axis_off()
        _draw_legend(figure, names, colours, kind="line")
        return figure


def wrap_name(name: str, width: int = 13, most: int = 3) -> str:
    """Break a class name into lines that fit under its group, and cut long names."""
    lines = textwrap.wrap(name, width) or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][: width - 1] + "…"]
    return "\n".join(plain(line) for line in lines)


def _boxes(axes: Axes, at: NDArray[np.float64], values: NDArray[np.float64], half: float, colour: str) -> None:
    """Draw a box for each column of (replicates, n) values, centred on its place."""
    known = [column[np.isfinite(column)] for column in values.T]
    places = [(x, v) for x, v in zip(at, known, strict=True) if len(v)]
    if not places:
        return
    fill = to_rgba(colour, 0.28)
    quartiles = [np.percentile(v, [0, 25, 50, 75, 100]) for _, v in places]
    whiskers = [[(x, q[0]), (x, q[4])] for (x, _), q in zip(places, quartiles, strict=True)]
    bodies = [
        [(x - half, q[1]), (x + half, q[1]), (x + half, q[3]), (x - half, q[3])]
        for (x, _), q in zip(places, quartiles, strict=True)
    ]
    medians = [[(x - half, q[2]), (x + half, q[2])] for (x, _), q in zip(places, quartiles, strict=True)]
    axes.add_collection(LineCollection(whiskers, colors=colour, linewidths=0.9, zorder=2))
    axes.add_collection(PolyCollection(bodies, facecolors=[fill], edgecolors=colour, linewidths=0.9, zorder=2))
    axes.add_collection(LineCollection(medians, colors=INK, linewidths=1.6, zorder=3))
    if len(values) <= _MOST_DOTS:
        x = np.repeat([x for x, _ in places], [len(v) for _, v in places])
        axes.scatter(x, np.concatenate([v for _, v in places]), s=5, color=colour, linewidths=0, zorder=4)


def _draw_legend(figure: Figure, names: Sequence[str], colours: Sequence[str], kind: str = "mark") -> None:
    """Draw the legend of the values under the figure, row by row."""
    columns = min(max(_LETTERS // (max(len(n) for n in names) + 6), 1), len(names))
    order = [i for column in range(columns) for i in range(column, len(names), columns)]  # matplotlib fills columns
    look = {"linewidth": 2} if kind == "line" else {"marker": "s", "markersize": 7, "linestyle": "none"}
    figure.legend(
        [Line2D([], [], color=colours[i], **look) for i in order],
        [plain(names[i]) for i in order],
        loc="outside lower center",
        ncols=columns,
        handletextpad=0.4,
    )
