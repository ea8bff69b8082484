"""What a map by several models costs beside a map by one of them: time and peak memory, as ratios.

python benchmarks/ensemble.py [--size 2048] [--models 5] [--plan multiple] [--filters 32 --patch 512] [--rounds 3]

The models are U-Nets with random weights, in the format that prediction chooses here. Every map is made in a process
of its own, one model's and several models' in turn; each includes everything: reading, scaling, blending, writing the
Cloud Optimized GeoTIFF, and reading it back. The fastest of --rounds counts for time, the median for memory. Memory
is stated as the peak, and as what is on top of the process before the map, with its models loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mosaic import BATCH, CLASSES, peak_memory, write_image


def main() -> None:
    """Make the maps in turn, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="side of the mosaic, pixels")
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--plan", default="multiple", choices=("single", "multiple", "cheap"))
    parser.add_argument("--filters", type=int, default=32, help="of the U-Net's first level; 32: the paper's")
    parser.add_argument("--patch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)  # one map, in a process of its own
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(**asked.one)))
        return
    found: dict[int, list[dict[str, float]]] = {1: [], asked.models: []}
    with tempfile.TemporaryDirectory(prefix="ensemble") as name:
        image = write_image(Path(name) / "image.tif", asked.size)
        kind = {key: getattr(asked, key) for key in ("plan", "filters", "patch", "threads")}
        for _ in range(asked.rounds):
            for models, rows in found.items():
                one = json.dumps({"image": str(image), "models": models, **kind})
                done = subprocess.run(
                    [sys.executable, __file__, "--one", one], capture_output=True, text=True, check=False,
                )  # fmt: skip
                if done.returncode:
                    sys.exit(done.stderr[-2000:])
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                print(f"{models} models: {rows[-1]['seconds']:.1f} s", flush=True)
    show(found)


def measured(image: str, models: int, plan: str, *, filters: int, patch: int, threads: int) -> dict[str, Any]:
    """Map an image by several models, and return seconds, bytes of memory, and bytes of weights."""
    import torch

    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.mosaic.ensemble import Ensemble
    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.mosaic.trained_model import TrainedModel
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.model import ModelSettings
    from lulcseg.settings.mosaic import MosaicSettings
    from lulcseg.training.model_record import ModelRecord
    from lulcseg.training.predictor import device_of
    from lulcseg.training.task import SegmentationTask

    torch.set_num_threads(threads)
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=3, dtype="uint8", resolution=[0.5, 0.5], patch_size=patch,
        model=ModelSettings(filters=filters, depth=4),
    )  # fmt: skip
    assert len(record.legend) == CLASSES
    folder = Path(image).parent
    scene_file = folder / "scene.yaml"
    scene_file.write_text(f"name: mosaic\nimagery: {{files: [{Path(image).name}]}}\n", encoding="utf-8")
    members = []
    for seed in range(models):
        torch.manual_seed(seed)
        checkpoint = folder / f"model{seed}.ckpt"
        checkpoint.write_bytes(bytes([seed]))  # a map's identity holds its hash
        members.append(TrainedModel(SegmentationTask(record), checkpoint))
    ensemble = Ensemble(tuple(members))
    device = device_of("auto")
    size = torch.zeros(BATCH, 3, patch, patch, dtype=torch.uint8, device=device)
    (first, *_) = ensemble.on(device, None)
    first(size, torch.ones(BATCH, patch, patch, dtype=torch.bool, device=device))
    before = peak_memory()
    with tempfile.TemporaryDirectory(prefix="map", dir=folder) as out:
        scene = Scene.open(str(scene_file), Path(out))
        result = map_scene(
            ensemble, scene, MosaicSettings(name=plan, batch_size=BATCH), Path(out) / "map.tif", label=plan
        )
    assert result is not None
    return {
        "seconds": result.seconds,
        "memory": peak_memory() - before,
        "peak": peak_memory(),
        "weights": ensemble.weights,
    }


def show(found: dict[int, list[dict[str, float]]]) -> None:
    """Print a table in Markdown, and the ratios."""
    import pandas as pd

    from lulcseg.trials.tables import as_markdown

    cells, best = [], {}
    for models, rows in found.items():
        seconds = min(row["seconds"] for row in rows)
        peak, memory = (statistics.median(row[key] for row in rows) for key in ("peak", "memory"))
        best[models] = (seconds, peak)
        weights = rows[0]["weights"]
        cells.append([
            str(models), f"{seconds:.1f}", f"{peak / 1e6:,.0f}", f"{memory / 1e6:,.0f}", f"{weights / 1e6:,.0f}",
        ])  # fmt: skip
    columns = ["models", "seconds", "peak memory (MB)", "on top of the warm model (MB)", "weights (MB)"]
    print(as_markdown(pd.DataFrame(cells, columns=columns), escape=False), end="")
    (one, one_peak), (several, several_peak) = best.values()
    print(f"{several / one:.2f} × the time and {several_peak / one_peak:.2f} × the peak memory of one model")


if __name__ == "__main__":
    main()
