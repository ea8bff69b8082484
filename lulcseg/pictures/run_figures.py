"""Figures of a single run: learning curves and a confusion matrix, for the report and the loggers."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lulcseg.assessment.assessment import Assessment
from lulcseg.pictures.figure_style import INK, STYLE, plain

_SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colour-blind-safe colours; series also differ in their dashes."""

_MOST_CELLS = 30
"""Classes up to which a confusion matrix has a cell of full size for each."""

_PARTS = {"train": "training", "val": "validation"}
_SHARES = {"accuracy", "overall_accuracy", "kappa", "mean_f1", "f1", "iou", "mean_iou", "mean_users", "mean_producers"}


def learning_curves(metrics: pd.DataFrame) -> Figure | None:
    """Draw loss and scores against the optimiser step.

    Args:
        metrics: Lightning's CSV log: ``step`` and sparse columns such as ``train/loss_step``,
            ``train/loss_epoch``, ``val/loss``, ``val/mean_f1``.

    Returns:
        The figure, or None if there is nothing to draw.
    """
    loss = {name: values for name, values in _curves(metrics).items() if name[1] == "loss"}
    scores = {name: values for name, values in _curves(metrics).items() if name[1] in _SHARES}
    panels = [(title, curves) for title, curves in (("Loss", loss), ("Scores", scores)) if curves]
    if not panels:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4 * len(panels), 3.3), layout="constrained")
        for axes, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            colour = {key: _SERIES[i % len(_SERIES)] for i, key in enumerate(_colour_keys(curves, title))}
            for (part, metric, per_step), values in curves.items():
                axes.plot(
                    values.index,
                    values.to_numpy(),
                    color=colour[part if title == "Loss" else metric],
                    linewidth=0.7 if per_step else 1.8,
                    alpha=0.4 if per_step else 1.0,
                    linestyle="--" if part == "train" and title == "Scores" else "-",
                    marker="o" if len(values) == 1 else None,
                    label=_curve_label(part, metric, per_step),
                )
            axes.set_title(title)
            axes.set_xlabel("optimiser step")
            if title == "Scores":
                axes.set_ylim(min(0.0, axes.get_ylim()[0]), 1.0)
            else:
                axes.set_ylim(bottom=0)
            axes.legend(loc="best")
        return figure


def confusion_figure(assessment: Assessment) -> Figure:
    """Draw a confusion matrix: counts, shaded by their share of the reference class.

    Beyond 30 classes the figure grows no more, has no counts and names some of the classes: its pixels would take
    gigabytes.
    """
    matrix = assessment.confusion
    names = assessment.legend.names
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        every = -(-len(names) // _MOST_CELLS)
        side = 1.8 + 0.52 * min(len(names), _MOST_CELLS)
        figure = Figure(figsize=(side + 0.8, side), layout="constrained")
        axes = figure.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (i, j), count in np.ndenumerate(matrix):
            if count and every == 1:
                colour = "white" if share[i, j] > 0.55 else INK
                axes.text(j, i, f"{count:,}", ha="center", va="center", fontsize=8, color=colour)
        ticks, shown = range(0, len(names), every), [plain(n) for n in names[::every]]
        axes.set_xticks(ticks, shown, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, shown)
        axes.set(xlabel="map", ylabel="reference")
        axes.tick_params(length=0)
        return figure


def _curves(metrics: pd.DataFrame) -> dict[tuple[str, str, bool], pd.Series]:
    """Return curves by (part, metric, whether logged at each step), indexed by step."""
    curves = {}
    for column in metrics.columns:
        part, _, metric = str(column).partition("/")
        if part not in _PARTS or "step" not in metrics:
            continue  # learning rates, scores of finished maps
        per_step = metric.endswith("_step")
        values = metrics.set_index("step")[column].dropna()
        if len(values):
            curves[part, metric.removesuffix("_step").removesuffix("_epoch"), per_step] = values
    return curves


def _colour_keys(curves: dict[tuple[str, str, bool], pd.Series], title: str) -> list[str]:
    return list(dict.fromkeys(part if title == "Loss" else metric for part, metric, _ in curves))


def _curve_label(part: str, metric: str, per_step: bool) -> str:
    who = _PARTS[part]
    label = who if metric == "loss" else f"{metric.replace('_', ' ').replace('f1', 'F1')}, {who}"
    return f"{label}, each step" if per_step else label
