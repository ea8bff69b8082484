"""The study's figures: box plots of each trial's scores by view, and the effect of each question."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lulcseg.pictures.figure_style import INK, MUTED, RULE, STYLE
from lulcseg.pictures.palette import value_colours
from lulcseg.study.effects import DIFFERS, FEWEST, SAME, UNTOLD, in_view
from lulcseg.study.questions import AFTER, Question, Questions, StudyView
from lulcseg.trials.paper_figures import paper_figures

_VERDICT_COLOURS = {DIFFERS: "#0072b2", SAME: "#009e73", UNTOLD: MUTED}

BOXED = 5
"""Scores from which on they have a box; fewer have a dash at their mean."""


def score_boxes(
    whole: pd.DataFrame,
    arms: Sequence[tuple[str, str]],
    views: Sequence[StudyView],
    metric: str,
    years: Sequence[int | None],
    *,
    printed_as: Sequence[tuple[str, str]] = (),
    called: Mapping[str, str] | None = None,
) -> Figure:
    """Draw a score's box plots over the seeds: one panel per view, one box per arm; a diamond is the paper's score.

    Fewer than five scores have a dash at their mean instead of a box.

    Args:
        whole: Scores of whole maps.
        arms: Trial and value of each box, in order.
        views: The panels.
        metric: The score.
        years: For each panel the year of the paper's scores drawn in it; None draws none.
        printed_as: Trial and value whose score in the paper stands beside each arm; none: the arms' own.
        called: Name in words of an arm, ``trial/value``; one without has its value's.
    """
    names = list(printed_as) or list(arms)
    colours = value_colours([None] * len(arms))
    any_printed = False
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 2.75 * len(views), 0.9 + 0.34 * len(arms) + 0.5), layout="constrained")
        panels = figure.subplots(1, len(views), sharey=True, squeeze=False)[0]
        for panel, view in enumerate(views):
            axes = panels[panel]
            for i, ((trial, value), colour) in enumerate(zip(arms, colours, strict=True)):
                _box(axes, i, in_view(whole, trial, value, view)[metric].to_numpy(), colour)
                printed = None if (year := years[panel]) is None else paper_figures(*names[i], year)
                if printed is not None:
                    any_printed = True
                    axes.plot(
                        getattr(printed, metric), i, "D", color="white", markeredgecolor=INK, markersize=5, zorder=4
                    )
            axes.set_title(_break_title(view.title), fontsize=8.5)
            axes.set(xlim=(min(-0.03, axes.dataLim.x0 - 0.03), 1.03), xticks=[0, 0.25, 0.5, 0.75, 1])
            axes.set_ylim(len(arms) - 0.4, -0.6)
            axes.set_yticks(range(len(arms)), _arm_names(arms, called or {}))
            axes.tick_params(length=0)
            axes.grid(visible=False, axis="y")
        scored = metric.replace("_", " ").replace("f1", "F1")
        figure.supxlabel(f"{scored}; diamond: the paper's" if any_printed else scored, color=MUTED, fontsize=9)
        return figure


def effects_figure(found: pd.DataFrame, questions: Questions) -> Figure:
    """Draw the headline questions' effects with their 95 % intervals, each in the view that its conclusion rests on.

    Effects of fewer than three units, and shares, are left out. If no question is a headline, all are drawn.
    """
    shown = {q.id for q in questions.questions if q.headline} or {q.id for q in questions.questions}
    rows = found[found["primary"] & (found["n"] >= FEWEST) & (found["kind"] != "share") & found["question"].isin(shown)]
    rows = rows.iloc[::-1].reset_index(drop=True)
    asked = {q.id: q.text for q in questions.questions}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.9 + 0.25 * len(rows)), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-questions.margin, questions.margin, color=RULE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for i, (_, row) in enumerate(rows.iterrows()):
            colour = _VERDICT_COLOURS[str(row["verdict"])]
            axes.plot([row["low"], row["high"]], [i, i], color=colour, linewidth=1.6)
            axes.plot(row["effect"], i, "o", color=colour, markersize=5)
        labels = [textwrap.fill(f"{row['row']}  {asked[str(row['question'])]}", 78) for _, row in rows.iterrows()]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        band = f"grey: ± {questions.margin:g}"
        axes.set(
            xlabel=f"effect on kappa or the score named; {band}; {AFTER} asked after scores were seen",
            ylim=(-0.7, len(rows) - 0.3),
        )
        axes.tick_params(length=0)
        axes.grid(visible=False, axis="y")
        handles = [
            axes.plot([], [], "o-", color=colour, label=verdict)[0]
            for verdict, colour in _VERDICT_COLOURS.items()
            if (rows["verdict"] == verdict).any()
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=3, fontsize=8)
        return figure


def views_figure(found: pd.DataFrame, questions: Questions, ids: Sequence[str]) -> Figure:
    """Draw the effects of some questions in every view that has them, with their 95 % intervals.

    Questions that compare the same arms by the same score, in other views, are drawn as one; effects of fewer than
    three units, and shares, whose unit is another, are left out.

    Args:
        found: Table of :func:`lulcseg.study.effects.effects`.
        questions: The study's questions.
        ids: Names of the questions, from the top.
    """
    asked = {q.id: q for q in questions.questions}
    shares = [name for name in ids if asked[name].kind == "share"]
    shown = found[(found["n"] >= FEWEST) & (found["kind"] != "share")]
    together = _asked_of_same([name for name in ids if (shown["question"] == name).any()], asked)
    rows = [shown[shown["question"].isin(names)].sort_values("primary") for names in together]
    views = [name for name in questions.views if any((each["view"] == name).any() for each in rows)]
    most = max((len(set(each["view"])) for each in rows), default=1)
    shades = _view_shades(list(questions.views))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.9 + 0.16 * len(rows) * max(2, most)), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-questions.margin, questions.margin, color=RULE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for i, each in enumerate(rows):
            own = [name for name in views if (each["view"] == name).any()]
            for _, row in each.iterrows():
                at = i + 0.7 / most * (own.index(str(row["view"])) - (len(own) - 1) / 2)
                axes.plot([row["low"], row["high"]], [at, at], color=shades[str(row["view"])], linewidth=1.4)
                axes.plot(
                    row["effect"], at, "D" if row["primary"] else "o", color=shades[str(row["view"])],
                    markersize=5.5 if row["primary"] else 4, markeredgecolor=INK if row["primary"] else "none",
                )  # fmt: skip
        labels = [textwrap.fill(_label(names, asked), 60) for names in together]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        said = f"effect, with its 95 % interval; diamond: the conclusion's view; grey: ± {questions.margin:g}"
        if shares:
            said += f"; {', '.join(shares)}, shares of a gap, are in the tables"
        axes.set(ylim=(len(rows) - 0.45, -0.55), xlabel=said)
        axes.tick_params(length=0)
        axes.grid(visible=False, axis="y")
        titles: dict[str, list[str]] = {}
        for name in views:
            titles.setdefault(shades[name], []).append(questions.views[name].title)
        handles = [axes.plot([], [], "o-", color=shade, label="; ".join(of))[0] for shade, of in titles.items()]
        figure.legend(handles=handles, loc="outside upper right", ncols=2, fontsize=8)
        return figure


def _asked_of_same(ids: Sequence[str], asked: Mapping[str, Question]) -> list[list[str]]:
    """Return the names of questions, those that compare the same arms by the same score together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in ids:
        q = asked[name]
        arms = (*q.first, "-", *q.second, "-", *q.without, "-", *q.ceiling)
        found.setdefault((*arms, q.metric, *q.classes), []).append(name)
    return list(found.values())


def _view_shades(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each view, the same in every figure; Korea's ``k_held`` has that of ``held``.

    >>> found = _view_shades(["own", "held", "k_held", "d_held"])
    >>> found["held"] == found["k_held"] != found["own"], found["d_held"] == found["held"]
    (True, False)
    """
    kinds = {name: name.removeprefix("k_") for name in names}
    different = list(dict.fromkeys(kinds.values()))
    shades = dict(zip(different, value_colours([None] * len(different)), strict=True))
    return {name: shades[kind] for name, kind in kinds.items()}


def _label(names: Sequence[str], asked: Mapping[str, Question]) -> str:
    """Return the label of questions that are drawn as one: their names, and what they ask but for where."""
    texts = [asked[name].asks for name in names]
    common = {text.rsplit(", ", 1)[0] for text in texts}
    said = common.pop() if len(texts) > 1 and len(common) == 1 else "; ".join(texts)
    mark = f"\N{NO-BREAK SPACE}{AFTER}" if any(asked[name].after for name in names) else ""
    return f"{', '.join(names)}  {said}{mark}"


def work_against_accuracy(
    whole: pd.DataFrame, arms: Sequence[tuple[str, str]], view: StudyView, work: Sequence[float]
) -> Figure:
    """Draw the gain of sets of passes over a single pass against their work: a dot per seed, a diamond for the mean.

    Args:
        whole: Scores of whole maps.
        arms: Trial and value of each set; the first is the single pass.
        view: The maps.
        work: Forward passes of a pixel, of each set.
    """
    order = sorted(range(len(arms)), key=lambda i: work[i])
    (colour,) = value_colours([None])
    base = in_view(whole, *arms[0], view).set_index("seed")["kappa"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.9 + 0.3 * len(arms)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for row, i in enumerate(order):
            own = in_view(whole, *arms[i], view).set_index("seed")["kappa"]
            gain = (own - base).dropna()
            axes.plot(gain, [row] * len(gain), "o", color=colour, markersize=3.5, alpha=0.5)
            axes.plot(gain.mean(), row, "D", color=colour, markersize=7, markeredgecolor="white", label=arms[i][1])
        axes.set_yticks(range(len(arms)), [f"{arms[i][1]}, {work[i]:.3g} ×" for i in order])
        axes.set(xlabel="kappa gained over a single pass", ylim=(len(arms) - 0.5, -0.5))
        axes.set_title("sets by forward passes of a pixel", fontsize=8.5, loc="left")
        axes.tick_params(length=0)
        return figure


def _arm_names(arms: Sequence[tuple[str, str]], called: Mapping[str, str]) -> list[str]:
    """Return the arms' names in words, or their values, with their trials where that isn't the first one's."""
    plain = {arm: arm[1] if arm[0] == arms[0][0] else f"{arm[1]} ({arm[0]})" for arm in arms}
    return [textwrap.fill(called.get("/".join(arm), plain[arm]), 34) for arm in arms]


def _box(axes: Axes, at: float, values: np.ndarray, colour: str) -> None:
    if not len(values):
        return
    if len(values) < BOXED:
        mean = float(values.mean())
        axes.plot([mean, mean], [at - 0.27, at + 0.27], color=colour, linewidth=1.8)
    else:
        line = {"color": colour}
        axes.boxplot(
            values, positions=[at], orientation="horizontal", widths=0.55, whis=(0, 100), manage_ticks=False,
            boxprops=line, medianprops=line | {"linewidth": 1.8}, whiskerprops=line, capprops=line,
        )  # fmt: skip
    axes.plot(values, np.full(len(values), at), "o", color=colour, markersize=3.2, alpha=0.7)


def _break_title(title: str) -> str:
    return title.replace(" (", "\n(").replace(", ", ",\n")
