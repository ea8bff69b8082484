"""Table and picture of what benchmarks/augment.py measured; anew from a file: python augment_show.py augment.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

IMGAUG, KORNIA, SINGLE, GPU = "imgaug, 1 core", "Kornia, ", "1 thread", "GPU"
GROUPS = ("presets", "contrast", "noise", "geometry", "weather")
COLOURS = {GPU: "#8fce6a", SINGLE: "#0b5d3b", IMGAUG: "#d81b60"}
WORDS = {GPU: "lulcseg, GPU", SINGLE: "lulcseg, one thread", IMGAUG: "imgaug 0.4.0, one core"}

Rows = dict[str, dict[str, list[float]]]


def by_name(rates: list[dict[str, Any]]) -> Rows:
    """Return operation or preset → arm → patches a second by rounds, group by group."""
    rows: Rows = {}
    for rate in sorted(rates, key=lambda r: GROUPS.index(r["group"])):
        rows.setdefault(rate["name"], {})[rate["arm"]] = rate["rounds"]
    return rows


def times(row: dict[str, list[float]], arm: str, other: str) -> float | None:
    """Return how many times faster one arm is than another: the median over rounds."""
    if arm not in row or other not in row:
        return None
    return median(a / b for a, b in zip(row[arm], row[other], strict=True))


def show(content: dict[str, Any]) -> None:
    """Print rates, and in brackets how many times faster than imgaug; then what the training step pays."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 150)
    rows = by_name(content["rates"])
    arms = list(dict.fromkeys(arm for row in rows.values() for arm in row))
    table = Table(title="Patches of 512² a second" + (" (× imgaug)" if IMGAUG in arms else ""))
    table.add_column("operation")
    for arm in sorted(arms, key=lambda arm: arm.startswith(KORNIA)):
        table.add_column(arm, justify="right")
    group = {rate["name"]: rate["group"] for rate in content["rates"]}
    for i, (name, row) in enumerate(rows.items()):
        if i and group[name] != group[list(rows)[i - 1]]:
            table.add_section()
        table.add_row(name, *(_cell(row, arm) for arm in sorted(arms, key=lambda arm: arm.startswith(KORNIA))))
    console.print(table)
    if not content["steps"]:
        return
    without = median(content["steps"][0]["rounds"])
    table = Table(title=f"Training step, augmentation included ({content['steps'][0]['arm']})")
    table.caption = "the paper, with imgaug: 3.2 × the time; by the parts: 1 + the step's rate / the preset's own"
    for words in ("preset", "patches/s", "× the step without", "over the rounds", "by the parts"):
        table.add_column(words, justify="right")
    for step in content["steps"]:
        ends = f"{min(step['times']):.2f} to {max(step['times']):.2f}"
        alone = [rounds for arm, rounds in rows.get(step["preset"], {}).items() if arm == step["arm"]]
        parts = f"{1 + without / median(alone[0]):.2f}" if alone else ""
        table.add_row(step["preset"], _figure(median(step["rounds"]), 3), f"{median(step['times']):.2f}", ends, parts)
    console.print(table)
    if IMGAUG in rows.get("paper", {}):
        cores = without / median(rows["paper"][IMGAUG])
        console.print(f"imgaug's chain of the paper needs {cores:.2g} cores to keep up with the step without")


def _cell(row: dict[str, list[float]], arm: str) -> str:
    if arm not in row:
        return ""
    ratio = times(row, arm, IMGAUG) if arm != IMGAUG else None
    return _figure(median(row[arm]), 3) + (f" ({_figure(ratio, 2)})" if ratio else "")


def _figure(value: float, digits: int) -> str:
    """Write a number with so many digits, and none of 1e+03's kind."""
    return f"{value:.0f}" if value >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def draw(content: dict[str, Any], path: Path) -> None:
    """Draw every operation's rates as bars, lulcseg's beside imgaug's, Kornia's as marks, the step's as a line."""
    from matplotlib.figure import Figure

    rows = by_name(content["rates"])
    group = {rate["name"]: rate["group"] for rate in content["rates"]}
    arms = [arm for arm in COLOURS if any(arm in row for row in rows.values())]
    places, at = {}, 0.0
    for i, name in enumerate(rows):
        at += 1.0 + (0.7 if i and group[name] != group[list(rows)[i - 1]] else 0.0)
        places[name] = at
    figure = Figure(figsize=(8, 1.2 + 0.27 * at), layout="constrained")
    axes = figure.subplots()
    thick, labelled = 0.8 / len(arms), False
    for i, arm in enumerate(arms):
        names = [name for name in rows if arm in rows[name]]
        centres = [places[name] - 0.4 + thick * (i + 0.5) for name in names]
        axes.barh(
            centres, [median(rows[n][arm]) for n in names], thick, color=COLOURS[arm], label=WORDS[arm], linewidth=0
        )
        marks = [
            (median(rows[n][KORNIA + arm]), y) for n, y in zip(names, centres, strict=True) if KORNIA + arm in rows[n]
        ]
        if marks:
            look = {"s": 26, "marker": "D", "color": "white", "edgecolor": "black", "linewidth": 0.8, "zorder": 3}
            axes.scatter(*zip(*marks, strict=True), **look, label=None if labelled else "Kornia's own, on the same")
            labelled = True
    if content["steps"]:
        speed = median(content["steps"][0]["rounds"])
        axes.axvline(
            speed, color="black", linewidth=0.9, linestyle=(0, (4, 3)), label="training step without augmentation"
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}" if axes.get_xlim()[0] >= 0.5 else "{x:,g}")
    axes.set_yticks(list(places.values()), [name.replace("_", " ") for name in places])
    for name in rows:
        if group[name] == "presets":
            axes.get_yticklabels()[list(rows).index(name)].set_fontweight("bold")
    axes.set_ylim(at + 0.6, 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e1d8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("patches of 512² a second, image and labels together")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="augment.json of benchmarks/augment.py")
    file = parser.parse_args().file
    measured = json.loads(file.read_text(encoding="utf-8"))
    show(measured)
    draw(measured, file.with_suffix(".png"))
