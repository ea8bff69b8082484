"""Accuracy and cost of reduced sets of passes, on the same checkpoints (the paper's open question).

python benchmarks/passes.py --checkpoints RUN/checkpoints/best.ckpt … --scene SCENE --reference CLASSES.tif
    [--checkpoints … --scene … --reference …] [--cache DIR] [--out passes]

Each group of checkpoints (replicates of one training) maps its scene with every set of passes. A map is compared with
the reference raster on all of its pixels. Kappa and mean F1 are means over the checkpoints; gains over the single pass
are paired, ± half the 95 % interval of their mean (Student's t) if there are several checkpoints. Cost is the ratio of
forward samples to those of the single pass; seconds are for the whole map, files included. "edges" is the share of
neighbouring pixels of different classes, as a ratio of map to reference: speckle and seams of patches raise it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.settings.mosaic import MosaicPass, MosaicSettings
from lulcseg.trials.tables import as_markdown

QUARTERS = [0, 90, 180, 270]
HALF = [0.5, 0.5]
FOUR = [[0.0, 0.0], [0.0, 0.5], HALF, [0.5, 0.0]]
SETS: dict[str, MosaicSettings] = {
    "single": MosaicSettings("single"),
    "mirrored: 1 pass × (0°, mirror)": MosaicSettings(passes=[MosaicPass(flips=True)], weight="uniform"),
    "crop 1/8": MosaicSettings("crop"),
    "2 passes": MosaicSettings(passes=[MosaicPass(), MosaicPass(HALF)]),
    "cheap: 2 passes, 2nd by 180°": MosaicSettings("cheap"),
    "2 passes, 2nd by 90°": MosaicSettings(passes=[MosaicPass(), MosaicPass(HALF, [90])]),
    "crop 1/4": MosaicSettings("crop", trim=0.25),
    "1 pass × 4 rotations": MosaicSettings(passes=[MosaicPass(rotations=QUARTERS)], weight="uniform"),
    "2 passes × (0°, 180°)": MosaicSettings(passes=[MosaicPass(rotations=[0, 180]), MosaicPass(HALF, [0, 180])]),
    "4 passes": MosaicSettings(passes=[MosaicPass(offset) for offset in FOUR]),
    "4 passes, each by another quarter": MosaicSettings(
        passes=[MosaicPass(offset, [angle]) for offset, angle in zip(FOUR, QUARTERS, strict=True)]
    ),
    "multiple, uniform weights": MosaicSettings("multiple", weight="uniform"),
    "multiple (the paper's, cone)": MosaicSettings("multiple"),
    "multiple, pyramid": MosaicSettings("multiple", weight="pyramid"),
    "multiple, Gaussian": MosaicSettings("multiple", weight="gaussian"),
    "multiple, Hann": MosaicSettings("multiple", weight="hann"),
    "multiple × mirror": MosaicSettings(
        passes=[MosaicPass([0.0, 0.0], QUARTERS, True), MosaicPass(HALF, QUARTERS, True)]
    ),
}  # fmt: skip


def main() -> None:
    """Map, compare, and print, save and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=Path, nargs="+", action="append", required=True)
    parser.add_argument("--scene", action="append", required=True)
    parser.add_argument("--reference", type=Path, action="append", required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=Path("passes"), help="folder for passes.json and passes.png")
    asked = parser.parse_args()
    rows = []
    for checkpoints, scene, reference in zip(asked.checkpoints, asked.scene, asked.reference, strict=True):
        for checkpoint in checkpoints:
            rows += map_and_compare(checkpoint, scene, reference, asked.cache)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "passes.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    table = summarised(rows)
    show(table)
    draw(table, asked.out / "passes.png")


def map_and_compare(checkpoint: Path, scene_name: str, reference: Path, cache: Path | None) -> list[dict[str, Any]]:
    """Map a scene with one checkpoint and every set of passes; return one row per set."""
    from lulcseg.assessment.assess_files import assess_files
    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.mosaic.trained_model import TrainedModel
    from lulcseg.scene.scene import Scene
    from lulcseg.training.task import SegmentationTask

    model = TrainedModel(SegmentationTask.load_from_checkpoint(checkpoint), checkpoint)
    scene = Scene.open(scene_name, cache)
    legend = model.record.to_legend()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, settings) in enumerate(SETS.items()):
            mapped = map_scene(model, scene, settings, Path(folder) / f"{number}.tif", label=name)
            assert mapped is not None
            result = assess_files(reference, mapped.path, legend=legend)
            rows.append(
                {
                    "checkpoint": str(checkpoint),
                    "scene": scene.name,
                    "set": name,
                    "samples": mapped.samples,
                    "seconds": mapped.seconds,
                    "kappa": result.scores.kappa,
                    "mean_f1": result.scores.mean_f1,
                    "edges": edges(mapped.path) / edges(reference),
                }
            )
    return rows


def edges(path: Path) -> float:
    """Return the share of pairs of neighbouring pixels, both with a class, whose classes differ."""
    import rasterio

    with rasterio.open(path) as source:
        codes = source.read(1)
    differ = pairs = 0
    for one, other in ((codes[1:], codes[:-1]), (codes[:, 1:], codes[:, :-1])):
        both = (one != 255) & (other != 255)
        differ, pairs = differ + int((both & (one != other)).sum()), pairs + int(both.sum())
    return differ / pairs


def summarised(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return scene → set → means over checkpoints, and gains over the single pass with half their interval."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for scene in dict.fromkeys(row["scene"] for row in rows):
        table[scene] = {}
        for name in SETS:
            own = [r for r in rows if r["scene"] == scene and r["set"] == name]
            base = [r for r in rows if r["scene"] == scene and r["set"] == "single"]
            found = {key: float(np.mean([r[key] for r in own])) for key in ("kappa", "mean_f1", "edges", "seconds")}
            found["cost"] = own[0]["samples"] / base[0]["samples"]
            found["time"] = float(np.mean([r["seconds"] / b["seconds"] for r, b in zip(own, base, strict=True)]))
            for key in ("kappa", "mean_f1"):
                gains = np.array([r[key] - b[key] for r, b in zip(own, base, strict=True)])
                found[f"{key}_gain"], found[f"{key}_half"] = float(gains.mean()), half_interval(gains)
            found["n"] = len(own)
            table[scene][name] = found
    return table


def half_interval(values: NDArray[np.float64]) -> float | None:
    """Return half the 95 % interval of the mean (Student's t), or None for a single value."""
    from scipy import stats

    if len(values) < 2:
        return None
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def show(table: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print a table in Markdown for each scene."""
    for scene, sets in table.items():
        print(f"\n**{scene}**, {next(iter(sets.values()))['n']} checkpoints\n")
        rows = []
        for name, r in sets.items():
            gains = [
                f"{r[f'{key}_gain']:+.4f}" + (f" ± {r[f'{key}_half']:.4f}" if r[f"{key}_half"] is not None else "")
                for key in ("kappa", "mean_f1")
            ]
            kappa, f1 = f"{r['kappa']:.3f}", f"{r['mean_f1']:.3f}"
            cost, edges = [f"{r['cost']:.1f}", f"{r['time']:.1f}"], f"{r['edges']:.2f}"
            rows.append([name, *cost, kappa, gains[0], f1, gains[1], edges])
        columns = ["set", "cost", "time", "kappa", "gain in kappa", "mean F1", "gain in mean F1", "edges"]
        print(as_markdown(pd.DataFrame(rows, columns=columns), escape=False), end="")


def draw(table: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Draw each set's gain in kappa with its interval, a panel a scene, the sets in order of cost."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 + 3.2 * len(table), 0.6 + 0.27 * len(SETS)), layout="constrained")
    panels = figure.subplots(1, len(table), squeeze=False, sharey=True)[0]
    rows = range(len(SETS))
    for axes, (scene, sets) in zip(panels, table.items(), strict=True):
        axes.axvline(0, color="0.6", linewidth=0.8)
        for row, (name, settings) in enumerate(SETS.items()):
            r, colour = sets[name], "#0072b2" if settings == MosaicSettings(settings.name) else "0.35"
            axes.errorbar(
                r["kappa_gain"], row, xerr=r["kappa_half"], fmt="o", ms=4.5, color=colour, elinewidth=1, capsize=2
            )
        axes.set(title=scene, xlabel="gain in kappa over the single pass")
        axes.set_yticks(rows, SETS, fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
    panels[0].invert_yaxis()
    costs = [f"{next(iter(table.values()))[name]['cost']:.0f} ×" for name in SETS]
    side = panels[-1].twinx()
    side.set_ylim(panels[-1].get_ylim())
    side.set_yticks(rows, costs, fontsize=8)
    side.tick_params(axis="y", length=0)
    side.set_ylabel("forward passes", fontsize=8)
    side.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
