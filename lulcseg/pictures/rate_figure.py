"""Figure of a learning-rate range test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from lulcseg.pictures.figure_style import MUTED, STYLE

_LOSS, _SUGGESTED, _LOWEST = "#0072b2", "#009e73", "#d55e00"


def rate_figure(
    rates: Sequence[float], losses: Sequence[float], curve: Sequence[float], suggested: float | None, lowest: float
) -> Figure:
    """Draw losses against the learning rate, on a logarithmic axis.

    Args:
        rates: The rate of each step.
        losses: The loss of each.
        curve: The smoothed loss of each.
        suggested: The rate suggested, if any.
        lowest: The rate of the lowest smoothed loss.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.plot(rates, losses, color=_LOSS, linewidth=0.7, alpha=0.4, label="loss of a step")
        axes.plot(rates, curve, color=_LOSS, linewidth=1.8, label="smoothed")
        axes.axvline(lowest, color=_LOWEST, linewidth=1, linestyle=":", label=f"lowest, {lowest:.2g}")
        if suggested is not None:
            axes.axvline(
                suggested, color=_SUGGESTED, linewidth=1.2, linestyle="--", label=f"suggested, {suggested:.2g}"
            )
        axes.set_xscale("log")
        finite = [loss for loss in curve if math.isfinite(loss)]
        floor, ceiling = min([*finite, *(loss for loss in losses if math.isfinite(loss))]), finite[0]
        axes.set_ylim(floor - 0.05 * (ceiling - floor), ceiling + 0.5 * (ceiling - floor) + 1e-9)
        axes.set_title("Learning-rate range test")
        axes.set_xlabel("learning rate", color=MUTED)
        axes.set_ylabel("training loss")
        axes.legend(loc="best")
        return figure
