"""A run directory as a run would leave it, with a made-up landscape; run as a script it writes one to look at.

python -m tests.support.runs OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.enums import Resampling

from lulcseg.assessment.class_sources import LabelSource, MapSource
from lulcseg.assessment.score_points import assess
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, PAPER_LEGEND, Legend
from lulcseg.pictures.previews import write_previews
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.sampling.plan_summary import summarise_plan

_GROUND = np.array(
    "132 150 70, 225 225 228, 38 70 45, 150 140 105, 105 140 60, 85 120 100, 70 95 50, 160 140 95, 120 115 70".replace(
        ",", ""
    ).split(),
    dtype=np.float64,
).reshape(-1, 3)
"""Mean colour of each class in the imagery."""


class FakeScene:
    """A scene over arrays, with the attributes and readers of a real one."""

    def __init__(self, name, image, index, grid, legend, valid=None):
        self.name, self.grid, self.legend, self.date = name, grid, legend, None
        self.bands, self.dtype = image.shape[0], image.dtype
        self._image, self._index = image, index
        self._valid = np.ones(index.shape, dtype=bool) if valid is None else valid
        self.imagery, self.labels = _Imagery(self), None if index is None else _Labels(self)


class _Imagery:
    def __init__(self, scene):
        self._scene = scene
        self.band_dtypes = (scene.dtype.name,) * scene.bands

    def read(self, window):
        s, (rows, cols) = self._scene, window.slices_in(self._scene.grid.window)
        return s._image[:, rows, cols], s._valid[rows, cols]


class _Labels:
    def __init__(self, scene):
        self._scene = scene

    def read(self, window):
        rows, cols = window.slices_in(self._scene.grid.window)
        return self._scene._index[rows, cols]


def landscape(height, width, n_classes, rng):
    """Return class indices of fields: nearest of scattered centres, most of them class 3 (Other)."""
    n = 70
    centres = rng.random((n, 2)) * [height, width]
    share = np.full(n_classes, 0.45 / (n_classes - 1))
    share[min(3, n_classes - 1)] = 0.55
    classes = rng.choice(n_classes, size=n, p=share)
    classes[:n_classes] = np.arange(n_classes)
    row, col = np.mgrid[:height, :width]
    row, col = row + 6 * np.sin(col / 23), col + 6 * np.sin(row / 19)
    nearest = np.argmin([(row - r) ** 2 + 0.6 * (col - c) ** 2 for r, c in centres], axis=0)
    return classes[nearest].astype(np.uint8), nearest


def photograph(index, fields, rng):
    """Paint a landscape as imagery: a colour a class, rows of crop, field borders and grain."""
    colour = _GROUND[index % len(_GROUND)].transpose(2, 0, 1)
    row, col = np.indices(index.shape)
    lines = 12 * np.sin((row * np.cos(fields) + col * np.sin(fields)) * 1.1) * (index != 3)
    border = (np.abs(np.diff(fields, axis=0, prepend=0)) + np.abs(np.diff(fields, axis=1, prepend=0))) > 0
    image = colour + lines + rng.normal(0, 7, index.shape) - 45 * border
    return np.clip(image, 0, 255).astype(np.uint8)


def mapped(index, rng, share, never=None):
    """Return a map that errs in patches: blocks take their neighbour's class, ``never`` becomes Other."""
    out = index.copy()
    for _ in range(int(share * index.size / 900)):
        r, c = rng.integers(0, index.shape[0] - 30), rng.integers(0, index.shape[1] - 30)
        out[r : r + 30, c : c + 30] = index[rng.integers(index.shape[0]), rng.integers(index.shape[1])]
    if never is not None:
        out[out == never] = 3
    return out


def write_map(path, index, grid, legend, overviews=(2, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": IGNORE, "crs": grid.crs, "tiled": True}
    transform = rasterio.Affine(*grid.transform)
    with rasterio.open(path, "w", height=grid.height, width=grid.width, transform=transform, **profile) as out:
        out.write(legend.index_to_code()[index], 1)
        if overviews:
            out.build_overviews(overviews, Resampling.mode)
        out.update_tags(LULCSEG_LEGEND=json.dumps(legend.to_plain()))


def reference_points(index, grid, rng, n):
    row, col = rng.integers(0, grid.height, n), rng.integers(0, grid.width, n)
    x, y = grid.xy(row, col)
    truth = index[row, col].astype(np.int64)
    unclear = rng.random(n) < 0.01
    return gpd.GeoDataFrame(
        {"class_index": np.where(unclear, -1, truth), "reason": np.where(unclear, "not interpretable", "")},
        geometry=gpd.points_from_xy(x, y),
        crs=grid.crs,
    )


def write_run(run: Path, legend: Legend = PAPER_LEGEND, size=(700, 900), n_points=900) -> Path:
    """Write a run directory of two scenes: one trained on and mapped in two ways, one mapped only."""
    rng = np.random.default_rng(4)
    grid = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 0.5, 0.5, *size)
    truth, fields = landscape(*size, len(legend), rng)
    record_scenes, maps = {}, []
    for scene_name, passes in (("synthetic2018", ("single", "multiple")), ("synthetic2015", ("multiple",))):
        labels = np.roll(truth, 5, axis=1)  # digitised a little off
        labels[:25] = IGNORE
        scene = FakeScene(scene_name, photograph(truth, fields, rng), labels, grid, legend)
        record_scenes[scene_name] = write_previews(scene, run / "previews", max_px=800)
        points = reference_points(truth, grid, rng, n_points)
        inside = rng.random(n_points) < 0.4
        common = {"scene": scene_name, "reference": f"data/{scene_name}_points.gpkg", "design": "simple random"}
        sources = [("labels", None, LabelSource(scene.labels, grid, f"data/{scene_name}.gpkg"))]
        for mosaic in passes:
            share = {"single": 0.35, "multiple": 0.2}[mosaic] + 0.25 * (scene_name == "synthetic2015")
            index = mapped(truth, rng, share, never=len(legend) - 1 if scene_name == "synthetic2015" else None)
            index[:, -30:] = IGNORE
            path = run / "maps" / f"{scene_name}_{mosaic}.tif"
            write_map(path, index, grid, legend)
            maps.append({"scene": scene_name, "mosaic": mosaic, "path": f"maps/{path.name}", "seconds": 12.5})
            sources.append(("map", mosaic, MapSource(path, legend)))
        for compared, mosaic, source in sources:
            result = assess(
                points,
                source,
                legend,
                compared=compared,
                mosaic=mosaic,
                in_training=inside if mosaic else None,
                **common,
            )
            result.save(run / "assessment" / f"{scene_name}_{mosaic or 'labels'}")
    plan = make_plan(grid, truth, legend, rng)
    plan.save(run / "plan.gpkg")
    write_metrics(run / "metrics.csv", rng)
    (run / "config.yaml").write_text(
        "name: demo\nscene: synthetic2018\nsampling:\n  method: stratified\n  patch_size: 96\n"
    )
    record = {
        "name": "Demo: stratified, 96 px",
        "seed": 1,
        "started": "2026-03-02T09:14:03+10:00",
        "finished": "2026-03-02T09:21:47+10:00",
        "training_seconds": 287.4,
        "steps": 600,
        "train_scenes": ["synthetic2018"],
        "checkpoint": "checkpoints/best.ckpt",
        "git": {"commit": "0f3c9ab", "dirty": False},
        "environment": {"python": "3.12.8", "torch": "2.8.0", "device": "cpu", "packages": {"rasterio": "1.5.2"}},
        "plan": {"path": "plan.gpkg", "digest": plan.digest(), "train": 110, "validation": 10},
        "scenes": record_scenes,
        "maps": maps,
    }
    record["plan"]["per_class"] = summarise_plan(plan)["drawn_for"]
    (run / "record.json").write_text(json.dumps(record, indent=1))
    return run


def make_plan(grid, truth, legend, rng, n=120):
    size = min(96, grid.height // 3)
    row, col = rng.integers(0, grid.height - size, n), rng.integers(0, grid.width - size, n)
    drawn_for = truth[row + size // 2, col + size // 2].astype(np.int64)
    split = np.where(np.arange(n) < 10, "validation", "train")
    rows = patch_rows("synthetic2018", grid, row, col, size, class_index=drawn_for, feature=0, split=split)
    area = np.bincount(truth.ravel(), minlength=len(legend)) * grid.pixel_area
    drawn = np.bincount(drawn_for, minlength=len(legend))
    classes = [
        {"name": name, "features": 9, "area_m2": float(area[i]), "wanted": int(drawn[i]), "drawn": int(drawn[i])}
        for i, name in enumerate(legend.names)
    ]
    grid_plain = {f: getattr(grid, f) for f in ("crs", "left", "top", "xres", "yres", "height", "width")}
    meta = {"method": "stratified", "seed": 1, "patch_size": size, "legend": legend.names, "classes": classes}
    return Plan(rows, {**meta, "scenes": {"synthetic2018": grid_plain}, "features_left_out": [], "dropped": 0})


def write_metrics(path, rng, epochs=12, steps=50):
    rows = []
    for epoch in range(epochs):
        for step in range(epoch * steps, (epoch + 1) * steps, 5):
            rows.append(
                {"epoch": epoch, "step": step, "train/loss_step": 2 * np.exp(-step / 150) + 0.4 + rng.normal(0, 0.1)}
            )
        end = (epoch + 1) * steps - 1
        level = 1 - np.exp(-(epoch + 1) / 4)
        rows.append(
            {
                "epoch": epoch,
                "step": end,
                "train/loss_epoch": 2 * np.exp(-end / 150) + 0.4,
                "train/accuracy": 0.93 * level,
            }
        )
        rows.append(
            {"epoch": epoch, "step": end, "val/loss": 2 * np.exp(-end / 170) + 0.55, "val/mean_f1": 0.78 * level}
        )
        rows[-1] |= {"val/accuracy": 0.9 * level, "val/kappa": 0.74 * level}
    pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    from lulcseg.report.run.run_page import write_report

    print(write_report(write_run(Path(sys.argv[1]))))
