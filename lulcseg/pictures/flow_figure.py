"""The areas that went from class to class between two dates, as ribbons between two columns (a Sankey diagram)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import ArrayLike, NDArray

from lulcseg.legend import Legend
from lulcseg.pictures.figure_style import INK, MUTED, STYLE, plain
from lulcseg.scene.format_quantities import format_hectares

_LEFT, _RIGHT, _BAR, _GAP = 0.0, 1.0, 0.022, 0.022
"""Places of the columns, their width, and the space between classes, as shares of the axes."""

_THINNEST = 0.0022
"""Least height of a ribbon, as a share of the axes: rare changes are seen too."""

_LABEL_APART = 0.036


def flow_figure(classes: Legend, hectares: ArrayLike, labels: Sequence[str]) -> Figure:
    """Draw areas from the classes of the first date, left, to those of the second, right.

    Heights are areas, but no ribbon is thinner than can be seen. Unchanged ground is pale, changes have the colour of
    the new class.

    Args:
        classes: The K classes.
        hectares: (K, K) areas, rows the first date.
        labels: What the dates are called.
    """
    area = np.asarray(hectares, dtype=np.float64)
    used = [k for k in range(len(classes)) if area[k].sum() + area[:, k].sum() > 0]
    area = area[np.ix_(used, used)]
    room = 1 - _GAP * max(len(used) - 1, 0)
    heights = ribbon_heights(area, room)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, max(3.2, 0.42 * len(used) + 1.6)), layout="constrained")
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set(xlim=(-0.42, 1.42), ylim=(1.02, -0.06))
        tops = [_stacked(heights.sum(axis=1)), _stacked(heights.sum(axis=0))]
        colours = [classes.classes[k].colour for k in used]
        _draw_ribbons(axes, heights, tops, colours)
        for side, x in enumerate((_LEFT, _RIGHT)):
            totals, flow = heights.sum(axis=1 - side), area.sum(axis=1 - side)
            axes.bar([x] * len(used), totals, _BAR, bottom=tops[side], color=colours, align="edge", zorder=3)
            for k, place in enumerate(spread_labels(tops[side] + totals / 2, _LABEL_APART)):
                at = x + _BAR + 0.015 if side else x - 0.015
                name = plain(classes.classes[used[k]].name).strip()
                axes.text(at, place, f"{name}  {_area(flow[k])} ha", ha="left" if side else "right", va="center")
            axes.text(x + (_BAR if side else 0), -0.045, labels[side], ha="right" if side else "left", color=MUTED)
        moved = area.sum() - np.trace(area)
        total = max(float(area.sum()), 1e-12)
        axes.set_title(f"{_area(moved)} of {_area(total)} ha changed ({moved / total:.1%})", color=INK, loc="center")
        return figure


def ribbon_heights(area: NDArray[np.float64], room: float) -> NDArray[np.float64]:
    """Return the height of each ribbon; all together fill the room, and none that has an area is thinner than is seen.

    Args:
        area: (K, K) areas.
        room: Height to fill.

    Example:
        >>> ribbon_heights(np.array([[97.0, 3.0], [0.0, 900.0]]), 1.0).round(4).tolist()
        [[0.097, 0.003], [0.0, 0.9]]
        >>> ribbon_heights(np.array([[100.0, 0.001], [0.0, 900.0]]), 1.0).round(4).tolist()
        [[0.0998, 0.0022], [0.0, 0.898]]
    """
    total = float(area.sum())
    if total <= 0:
        return np.zeros_like(area)
    share = area / total * room
    thin = (area > 0) & (share < _THINNEST)
    taken = _THINNEST * thin.sum()
    if taken >= room / 2:
        return share
    rest = np.where(thin, 0.0, share)
    return np.where(thin, _THINNEST, rest * (room - taken) / rest.sum())


def spread_labels(places: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """Return places in the same order, moved as far as needed for each to be ``apart`` below the one before.

    Example:
        >>> spread_labels(np.array([0.1, 0.11, 0.5]), 0.1).round(2).tolist()
        [0.1, 0.2, 0.5]
    """
    placed = places.copy()
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + apart)
    beyond = max(0.0, float(placed[-1]) - 1.0) if len(placed) else 0.0
    for k in range(len(placed) - 1, -1, -1):
        limit = 1.0 if k == len(placed) - 1 else placed[k + 1] - apart
        placed[k] = min(placed[k], limit) if beyond else placed[k]
    return placed


def _area(hectares: float) -> str:
    return (
        f"{hectares:,.0f}" if hectares >= 1000 else f"{hectares:,.1f}" if hectares >= 10 else format_hectares(hectares)
    )


def _stacked(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the tops of bars below each other."""
    tops: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(totals + _GAP)[:-1]])
    return tops


def _draw_ribbons(
    axes: Axes, heights: NDArray[np.float64], tops: list[NDArray[np.float64]], colours: Sequence[str]
) -> None:
    left, right = tops[0].copy(), tops[1].copy()
    for i in range(len(heights)):
        for j in range(len(heights)):
            high = heights[i, j]
            if high <= 0:
                continue
            x, y = _LEFT + _BAR, _RIGHT
            middle = (x + y) / 2
            a, b = left[i], right[j]
            left[i], right[j] = a + high, b + high
            corners = [
                (x, a), (middle, a), (middle, b), (y, b), (y, b + high), (middle, b + high), (middle, a + high),
                (x, a + high), (x, a),
            ]  # fmt: skip
            curve = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
            style = {"alpha": 0.18, "zorder": 1} if i == j else {"alpha": 0.8, "zorder": 2}
            axes.add_patch(PathPatch(Outline(corners, curve), facecolor=colours[j], edgecolor="none", **style))
