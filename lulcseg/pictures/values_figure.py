"""The distribution of a band's values in several mosaics, as in the paper's Figure 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lulcseg.pictures.figure_style import INK, MUTED, RULE
from lulcseg.pictures.inline_svg import THEMED

BEFORE, AFTER = "#d55e00", "#0072b2"
"""Colours of a mosaic as it is, and matched to those trained on; colour-blind safe, and dashes differ too."""

_SMOOTHED = 0.012
"""Standard deviation of the smoothing, as a share of the axis."""

_PLACES = 161

_BETWEEN = 8
"""Steps from one quantile to the next, between which values are taken to be spread evenly."""


def values_figure(
    title: str, training: Sequence[float], mosaic: Sequence[float], matched: Sequence[float] | None = None
) -> Figure:
    """Draw the distribution of one band's values: dashed trained on, solid the other mosaic, before and after.

    The axis leaves out the lowest and the highest 0.4 % of each.

    Args:
        title: Name of the band.
        training: Quantiles of the mosaics trained on, evenly spaced from the least value to the greatest; empty:
            unknown.
        mosaic: The same of the other mosaic.
        matched: The same once it is matched to those trained on; None: it isn't.
    """
    curves: list[tuple[Sequence[float], dict[str, Any]]] = [
        (values, look)
        for values, look in (
            (training, {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.3, "zorder": 4}),
            (mosaic, {"color": BEFORE, "linewidth": 1.6}),
            (matched, {"color": AFTER, "linewidth": 2.2, "zorder": 3}),
        )
        if values is not None and len(values)
    ]
    trimmed = [np.quantile(values, [1 / 256, 255 / 256]) for values, _ in curves]
    low, high = min(float(each[0]) for each in trimmed), max(float(each[1]) for each in trimmed)
    edge = 0.03 * (high - low) or 0.5
    at = np.linspace(low - edge, high + edge, _PLACES)
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(3.9, 2.3), layout="constrained")
        axes = figure.subplots()
        for values, look in curves:
            axes.plot(at, smoothed_density(values, at, _SMOOTHED * (high - low + 2 * edge)), **look)
        axes.set(title=title, xlim=(at[0], at[-1]), yticks=[])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("pixels", color=MUTED)
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines["left"].set_color(RULE)
        return figure


def smoothed_density(quantiles: ArrayLike, at: ArrayLike, width: float) -> NDArray[np.float64]:
    """Return the density of a distribution known by its quantiles, smoothed by a Gaussian.

    Args:
        quantiles: (n,) quantiles, evenly spaced from the least value to the greatest.
        at: (m,) values to give the density at.
        width: Standard deviation of the smoothing, in the values' unit, positive.

    Returns:
        (m,) float64; its integral over all values is 1.

    Example:
        >>> float(smoothed_density([3.0, 3.0, 3.0], [3.0], 1.0)[0].round(4))  # the Gaussian's own greatest density
        0.3989
    """
    given = np.asarray(quantiles, dtype=np.float64)
    steps = np.linspace(0, given.size - 1, _BETWEEN * (given.size - 1) + 1)
    known = np.interp(steps, np.arange(given.size), given)  # else each of the few quantiles in a tail is a bump
    weights = np.ones(known.size)
    weights[[0, -1]] = 0.5  # the least and the greatest stand for half a step each
    apart = (np.asarray(at, dtype=np.float64)[:, None] - known) / width
    density: NDArray[np.float64] = np.exp(-0.5 * apart**2) @ weights / (weights.sum() * width * np.sqrt(2 * np.pi))
    return density
