"""Figures of simulated reference samples: how far their scores scatter, and what strata change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lulcseg.assessment.design import SIMPLE_RANDOM
from lulcseg.pictures.figure_style import INK, MUTED, RULE, plain
from lulcseg.pictures.inline_svg import PAGE, THEMED
from lulcseg.pictures.palette import value_colours

_SCORES = {"f1": "F1", "users": "User's accuracy", "producers": "Producer's accuracy"}
_RATIOS = {"users": "User's accuracy", "producers": "Producer's accuracy", "share": "Share of the area"}
_WIDTH = 11.6
_SPAN = 0.56
"""Share of a class's row that its marks take."""

_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def reference_figures(errors: Mapping[str, pd.DataFrame], compared: pd.DataFrame) -> tuple[Figure, Figure]:
    """Draw the results of simulated reference samples.

    Args:
        errors: Name of a set of area shares → result of :func:`lulcseg.study.samples.simple_random_error` under them;
            all of the same classes and number of points.
        compared: Result of :func:`lulcseg.study.samples.compare_designs`.

    Returns:
        The scatter of scores at simple random points (:func:`scatter_figure`), and the errors of stratified samples
        relative to them (:func:`ratio_figure`).

    Raises:
        ValueError: Tables of different classes or numbers of points, or none.
    """
    return scatter_figure(errors), ratio_figure(compared)


def scatter_figure(errors: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each class's true F1, user's and producer's accuracy, and the range of 95 % of the estimates.

    One row per class, the commonest of the first table on top; under its name its expected number of reference
    points.

    Args:
        errors: As for :func:`reference_figures`.
    """
    tables = {name: table[table["figure"].isin(_SCORES)] for name, table in errors.items()}
    first = next(iter(tables.values()), pd.DataFrame())
    if first.empty or any(set(t["class"]) != set(first["class"]) for t in tables.values()):
        raise ValueError("tables to draw side by side are of the same classes, and of some")
    if len(points := {int(n) for t in tables.values() for n in t["points"].unique()}) > 1:
        raise ValueError(f"tables to draw side by side are of one number of points, not {sorted(points)}")
    expected = {name: t[t["figure"] == "f1"].set_index("class")["expected_points"] for name, t in tables.items()}
    names = next(iter(expected.values())).sort_values(ascending=False, kind="stable").index.tolist()
    colours, offsets = value_colours([None] * len(tables)), _offsets(len(tables))
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(_WIDTH, 1.5 + 0.52 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(_SCORES), sharey=True)
        for axes, (metric, title) in zip(panels, _SCORES.items(), strict=True):
            for table, colour, offset in zip(tables.values(), colours, offsets, strict=True):
                found = table[table["figure"] == metric].set_index("class").loc[names]
                at = np.arange(len(names)) + offset
                axes.hlines(at, found["low"], found["high"], color=colour, linewidth=3.2, alpha=0.55)
                axes.scatter(found["true"], at, s=26, color=colour, edgecolors=PAGE, linewidths=0.8, zorder=3)
            axes.set(title=title, xlim=(-0.02, 1.02), xticks=[0, 0.25, 0.5, 0.75, 1])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            _rows(axes, len(names))
        panels[1].set_xlabel("under each class: the reference points to be expected of it")
        labels = [f"{plain(c)}\n{' | '.join(_count(e[c]) for e in expected.values())}" for c in names]
        panels[0].set_yticks(range(len(names)), labels)
        handles = [
            *(Line2D([], [], color=c, marker="s", markersize=7, linestyle="none") for c in colours[: len(tables)]),
            Line2D([], [], color=MUTED, marker="o", markersize=5, linestyle="none"),
            Line2D([], [], color=MUTED, linewidth=3.2, alpha=0.55),
        ]
        words = [
            *map(plain, tables),
            "every pixel",
            f"95 % of the estimates from {points.pop():,} simple random points",
        ]
        figure.legend(handles, words, loc="outside lower center", ncols=len(words), handletextpad=0.4)
        return figure


def ratio_figure(compared: pd.DataFrame) -> Figure:
    """Draw the root mean square error of stratified samples over that of simple random ones of the same size.

    Left of 1, stratification helps. One row per class, the commonest on top; one colour per allocation; filled marks
    are of the largest sample, hollow ones of the smallest. Measures without error in either design, such as the
    user's accuracy of a class that is never right, have no mark.

    Args:
        compared: As for :func:`reference_figures`.
    """
    stratified = compared[compared["design"] != SIMPLE_RANDOM]
    if stratified.empty:
        raise ValueError("there is no stratified design to draw")
    share = compared[compared["figure"] == "share"].drop_duplicates("class").set_index("class")["true"]
    names = share.sort_values(ascending=False, kind="stable").index.tolist()
    designs = list(dict.fromkeys(stratified["design"]))
    sizes = sorted({int(stratified["points"].min()), int(stratified["points"].max())})
    colours, offsets = value_colours([None] * len(designs)), _offsets(len(designs))
    with mpl.rc_context(THEMED):
        figure = Figure(figsize=(_WIDTH, 1.5 + 0.52 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(_RATIOS), sharey=True)
        for axes, (metric, title) in zip(panels, _RATIOS.items(), strict=True):
            axes.axvline(1, color=INK, linewidth=0.9, zorder=1)
            for design, colour, offset in zip(designs, colours, offsets, strict=True):
                for size in sizes:
                    rows = (
                        (stratified["figure"] == metric)
                        & (stratified["design"] == design)
                        & (stratified["points"] == size)
                    )
                    ratio = stratified[rows].set_index("class")["ratio"].loc[names].where(lambda r: r > 0)
                    axes.scatter(
                        ratio,
                        np.arange(len(names)) + offset,
                        s=30,
                        facecolors=colour if size == sizes[-1] else PAGE,
                        edgecolors=colour,
                        linewidths=1.3,
                        zorder=3 if size == sizes[-1] else 2,
                    )
            axes.set(title=title, xscale="log")
            _rows(axes, len(names))
        _same_scale(panels, stratified[stratified["figure"].isin(_RATIOS)]["ratio"])
        panels[1].set_xlabel(
            "root mean square error, that of as many simple random points = 1\nunder each class: its share of the area"
        )
        panels[0].set_yticks(range(len(names)), [f"{plain(c)}\n{100 * share[c]:.2g} %" for c in names])
        handles = [Line2D([], [], color=c, marker="s", markersize=7, linestyle="none") for c in colours[: len(designs)]]
        words = [plain(f"stratified, {design}") for design in designs]
        for size in sizes:
            fill = MUTED if size == sizes[-1] else PAGE
            handles.append(
                Line2D([], [], color=MUTED, marker="o", markersize=5.5, linestyle="none", markerfacecolor=fill)
            )
            words.append(f"{size:,} points")
        figure.legend(handles, words, loc="outside lower center", ncols=len(words), handletextpad=0.4)
        return figure


def _same_scale(panels: Sequence[Axes], ratios: pd.Series) -> None:
    """Give logarithmic axes the same range, which includes 1, and ticks written as plain numbers."""
    known = ratios[np.isfinite(ratios) & (ratios > 0)]
    low, high = min(0.5, float(known.min())) / 1.25, max(2.0, float(known.max())) * 1.25
    for axes in panels:
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(FixedLocator([t for t in _TICKS if low <= t <= high]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())


def _rows(axes: Axes, n: int) -> None:
    """Draw lines between rows, the first on top."""
    axes.set_ylim(n - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.grid(visible=False, axis="y")
    for edge in np.arange(n - 1) + 0.5:
        axes.axhline(edge, color=RULE, linewidth=0.6, zorder=0)


def _offsets(n: int) -> list[float]:
    """Return the offsets of n marks in a row from its centre."""
    return [_SPAN * ((i + 0.5) / n - 0.5) for i in range(n)]


def _count(points: float) -> str:
    return f"{points:,.0f}" if points >= 10 else f"{points:.1f}"
