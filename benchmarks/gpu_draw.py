"""The picture of benchmarks/gpu.py: rates beside the device's ceiling, and what each switch is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpu_course import SWITCHES, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"plain": "#c8c4b7", "step": "#0b5d3b", "prepared": "#3fa7a3", "loop": "#8fce6a"}
NAMES = {
    "plain": "plain\nmodule",
    "step": "(a)\nstep",
    "prepared": "(b)\nto 0…1",
    "prepared_paper": "(b)\naugmented,\nscaled",
    "loop": "(c)\nloop",
    "loop_paper": "(c)\naugmented,\nscaled",
}
"""What is drawn of :data:`gpu_course.MEASURED`, under its bar."""


def draw(content: Row, path: Path) -> None:
    """Draw rates with their share of the ceiling, and what each switch is worth; nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"No picture: matplotlib isn't here. Elsewhere: python gpu.py --draw {path.with_suffix('.json')}")
        return
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_rates(left, {name: row for name, row in content["rates"].items() if name in NAMES})
    _draw_switches(right, content["switches"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    sizes = content["settings"]
    figure.suptitle(
        f"{content['machine']['device']}: {sizes['filters']} filters, {sizes['batch']} patches of {sizes['patch']}²",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)


def _draw_rates(axes: Axes, rates: dict[str, Row]) -> None:
    for place, (name, row) in enumerate(rates.items()):
        rate = row.get("rate") or 0.0
        axes.bar(place, rate, color=COLOURS[name.removesuffix("_paper")], width=0.7)
        if row["failed"]:
            words = "failed"
        else:
            low, high = (abs(row[end] - rate) for end in ("lowest", "highest"))
            axes.errorbar(place, rate, [[low], [high]], color="black", linewidth=0.8, capsize=2)
            words = f"{rate:,.4g}" + (f"\n{row['share']:.1%}" if row["share"] is not None else "")
        axes.annotate(
            words, (place, row.get("highest", 0.0)), (0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_xticks(range(len(rates)), [NAMES[name] for name in rates], fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.16)
    axes.set_ylabel("patches/s")
    axes.set_title("Training, and its share of the matrix product's speed", fontsize=10)


def _draw_switches(axes: Axes, switches: dict[str, Row]) -> None:
    for place, row in enumerate(switches.values()):
        ratio = row["ratio"]
        if ratio is not None:
            axes.barh(place, ratio, color="#e07b1a" if ratio < 1 else "#8fce6a", height=0.62)
        words = f"{ratio:.2f}" if ratio is not None else str(row["failed"])[:44]
        inside = ratio is not None and ratio > 0.2  # and left of the line at 1, so that no number lies on it
        axes.annotate(
            words, (min(ratio or 0.0, 1.0), place), (-4 if inside else 4, 0), textcoords="offset points",
            ha="right" if inside else "left", va="center", fontsize=8,
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.9)
    axes.set_yticks(range(len(switches)), [SWITCHES[name] for name in switches], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.15, *(1.15 * (row["ratio"] or 0) for row in switches.values())))
    axes.set_xlabel("× the speed of (a)")
    axes.set_title("The step, changed in one thing", fontsize=10)
