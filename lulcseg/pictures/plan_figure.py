"""A sampling plan over the imagery: where the patches lie (the paper's Figures 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from lulcseg.grid import Bounds
from lulcseg.legend import Legend
from lulcseg.pictures.figure_style import INK, MUTED, STYLE, plain
from lulcseg.sampling.plan import VALIDATION, Plan
from lulcseg.sampling.plan_cells import cells_of

_MOST_OUTLINES = 4000
_MOST_COVER = 5.0
"""Outlines that cover the ground more often than this are indistinguishable: centres are drawn instead."""

_POINTS_WIDE = 8.0 * 72
"""Width of the figure in points."""


def plan_figure(plan: Plan, scene: str, legend: Legend, preview: Path | None) -> Figure:
    """Draw a plan over one of its scenes.

    Args:
        plan: The plan.
        scene: Name of the scene.
        legend: The classes.
        preview: Picture of the scene's extent; None leaves the background blank.
    """
    background = None
    if preview is not None:
        with Image.open(preview) as picture:
            background = np.asarray(picture.convert("RGB"))
    held_out = ((plan.meta.get("validation") or {}).get("held_out") or {}).get(scene, [])
    return patches_figure(
        plan.of(scene),
        plan.grid(scene).bounds(),
        legend,
        background,
        cells=cells_of(plan, scene) if plan.meta["method"] == "grid" else None,
        held_out=[Bounds(*b) for b in held_out],
    )


def patches_figure(
    rows: gpd.GeoDataFrame,
    bounds: Bounds,
    legend: Legend,
    background: NDArray[np.uint8] | None = None,
    *,
    cells: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    held_out: Sequence[Bounds] = (),
) -> Figure:
    """Draw patches over the imagery, coloured by the class that each was drawn for.

    Args:
        rows: A plan's rows of one scene: ``class_index`` (−1: drawn for no class), ``split`` (outlines of
            validation patches are dotted) and the extents as geometry.
        bounds: Extent of the scene, in map units.
        legend: The classes.
        background: (h, w, 3) uint8 picture of the scene's extent; None leaves it blank.
        cells: Of a systematic grid: indices into ``rows`` and numbers of cells
            (:func:`lulcseg.sampling.plan_cells.cells_of`). Patches are then drawn as the cells they were
            split from, each as far as it still has patches.
        held_out: Extents of the ground held out for validation, hatched.

    Returns:
        The figure; of many or dense patches it has the centres instead of the outlines.
    """
    patches = _Patches.of(rows)
    places = patches if cells is None else patches.as_cells(*cells)
    width, height = bounds.right - bounds.left, bounds.top - bounds.bottom
    with mpl.rc_context({**STYLE, "axes.grid": False, "hatch.linewidth": 0.5}):
        figure = Figure(figsize=(8.0, min(10.0, max(3.0, 8.0 * height / width)) + 0.7), layout="constrained")
        axes = figure.subplots()
        if background is not None:
            extent = (bounds.left, bounds.right, bounds.bottom, bounds.top)
            axes.imshow(background.mean(axis=2), extent=extent, cmap="gray", vmin=-170, vmax=255, aspect="equal")
        blocks = [Rectangle((b.left, b.bottom), b.right - b.left, b.top - b.bottom) for b in held_out]
        axes.add_collection(
            PatchCollection(blocks, facecolor=(1, 1, 1, 0.35), edgecolor=MUTED, linewidth=0.5, hatch="////")
        )
        colours = np.array([*legend.colours / 255.0, mpl.colors.to_rgb(INK)])
        if len(places) > _MOST_OUTLINES or places.area > _MOST_COVER * width * height:
            _draw_centres(axes, places, colours)
        else:
            _draw_outlines(axes, places, colours, _POINTS_WIDE / width)
        axes.set(xlim=(bounds.left, bounds.right), ylim=(bounds.bottom, bounds.top), aspect="equal")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        n_cells = None if cells is None else np.unique(cells[1]).size
        keys = _class_keys(patches, legend, n_cells, bool(blocks))
        longest = max(len(str(key.get_label())) for key in keys)
        figure.legend(handles=keys, loc="outside lower center", ncols=min(4, max(1, 100 // (longest + 6))))
        return figure


@dataclass(frozen=True)
class _Patches:
    """Patches to draw: extents (n, 4) in map units, class (n,), whether each is held out (n,)."""

    extents: NDArray[np.float64]
    class_index: NDArray[np.int64]
    validation: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: gpd.GeoDataFrame) -> _Patches:
        extents = rows.geometry.bounds.to_numpy(dtype=np.float64).reshape(-1, 4)
        return cls(extents, rows["class_index"].to_numpy(dtype=np.int64), (rows["split"] == VALIDATION).to_numpy())

    def __len__(self) -> int:
        return len(self.extents)

    @property
    def sides(self) -> NDArray[np.float64]:
        return self.extents[:, 2:] - self.extents[:, :2]

    @property
    def area(self) -> float:
        return float(self.sides.prod(axis=1).sum())

    def where(self, chosen: NDArray[Any]) -> _Patches:
        return _Patches(self.extents[chosen], self.class_index[chosen], self.validation[chosen])

    def as_cells(self, patch: NDArray[np.int64], cell: NDArray[np.int64]) -> _Patches:
        """Return cells as far as they have patches; a cell split by held-out ground becomes two."""
        chosen = self.where(patch)
        by = pd.DataFrame(chosen.extents, columns=list("wsen")).groupby([cell, chosen.validation], sort=False)
        cells = by.agg({"w": "min", "s": "min", "e": "max", "n": "max"})
        validation = cells.index.get_level_values(1).to_numpy(dtype=np.bool_)
        return _Patches(cells.to_numpy(dtype=np.float64), np.full(len(cells), -1), validation)


def _draw_centres(axes: Axes, patches: _Patches, colours: NDArray[np.float64]) -> None:
    """Draw patches as dots, rarer classes on top."""
    counts = np.bincount(patches.class_index + 1, minlength=len(colours))
    ordered = patches.where(np.argsort(-counts[patches.class_index + 1], kind="stable"))
    centres = (ordered.extents[:, :2] + ordered.extents[:, 2:]) / 2
    size = float(np.clip(80_000 / len(ordered), 1.5, 25))
    edge = 0.4 if size > 6 else 0.0
    axes.scatter(centres[:, 0], centres[:, 1], s=size, c=colours[ordered.class_index], linewidths=edge, edgecolors=INK)


def _draw_outlines(axes: Axes, patches: _Patches, colours: NDArray[np.float64], points: float) -> None:
    """Draw patches as outlines, thinner if they are small; ``points`` is the length of a map unit in points."""
    side = float(np.median(patches.sides)) * points if len(patches) else 0.0
    line = float(np.clip(side / 8, 0.4, 1.5))
    for held_out, dash in ((False, "-"), (True, (0, (2, 1.5)))):
        chosen = patches.where(np.flatnonzero(patches.validation == held_out))
        boxes = [Rectangle((x, y), w, h) for (x, y, _, _), (w, h) in zip(chosen.extents, chosen.sides, strict=True)]
        # A darker line below keeps pale classes readable on pale ground.
        for colour, width in ((INK, 1.7 * line), (colours[chosen.class_index], line)):
            axes.add_collection(
                PatchCollection(boxes, facecolor="none", edgecolor=colour, linewidth=width, linestyle=dash)
            )


def _class_keys(patches: _Patches, legend: Legend, cells: int | None, blocks: bool) -> list[Artist]:
    """Return the legend's entries: classes with their number of patches, cells, held-out ground."""
    counts = np.bincount(patches.class_index + 1, minlength=len(legend) + 1)
    keys: list[Artist] = [
        Line2D([], [], color=c.colour, lw=3, label=f"{plain(c.name)} ({n:,})")
        for c, n in zip(legend, counts[1:].tolist(), strict=True)
        if n
    ]
    if counts[0]:
        label = f"patch ({counts[0]:,})" if cells is None else f"cell ({cells:,}; {counts[0]:,} patches)"
        keys.append(Line2D([], [], color=INK, lw=3, label=label))
    if patches.validation.any():
        label = f"to validate on ({int(patches.validation.sum()):,})"
        keys.append(Line2D([], [], color=MUTED, lw=1.5, ls=(0, (2, 1.5)), label=label))
    if blocks:
        keys.append(Rectangle((0, 0), 1, 1, facecolor="white", edgecolor=MUTED, hatch="////", label="held out"))
    return keys
