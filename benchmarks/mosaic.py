"""Mosaic prediction beside its own forward passes and beside TerraTorch, for growing mosaics: time and peak memory.

python benchmarks/mosaic.py [--sizes 1024 2048 4096] [--plans single offsets multiple] [--terratorch-python PATH]
    [--filters 32 --patch 512] [--largest 26624] [--out mosaic]

The model is the U-Net with random weights in the format that prediction chooses here (bf16 where the device computes
in it); it maps an 8-bit RGB GeoTIFF. Each arm is a process of its own, so that its peak memory is its own; memory is
what comes on top of the process with the model warm. "forward" is the network alone on as many batches of one shape,
timed in the same process, half of them before and half after. lulcseg's time is that of map_scene as a whole: reading,
scaling, blending, writing the Cloud Optimized GeoTIFF with overviews, reading it back, and writing the small files
beside it. TerraTorch's tiled inference gets the mosaic in memory (as uint8, its fastest case) and writes nothing; it
runs with patches at half-patch steps, as "offsets" does. The fastest of --rounds counts, in every arm.
--largest adds a single-pass mosaic of that side with a smaller network: at 26,624² nine float32 bands would take 25 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BATCH, CLASSES = 16, 9
SAMPLED = 8
"""Batches of bare forward passes that are timed before and after each map."""
SMALL = {"bands": 3, "classes": CLASSES, "filters": 8, "depth": 3}
COLOURS = {"single": "#0072b2", "offsets": "#009e73", "multiple": "#d55e00", "TerraTorch": "#cc79a7"}


def main() -> None:
    """Run every arm, and print, save and draw what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filters", type=int, default=32, help="of the U-Net's first level; 32: the paper's")
    parser.add_argument("--patch", type=int, default=512)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4096], help="sides of mosaics, pixels")
    parser.add_argument("--plans", nargs="+", default=["single", "offsets", "multiple"], choices=list(COLOURS)[:3])
    parser.add_argument("--terratorch-python", type=Path, help="python of an environment with TerraTorch 1.2.13")
    parser.add_argument("--largest", type=int, help="side of one more mosaic, single pass, smaller network")
    parser.add_argument("--rounds", type=int, default=3, help="but for the largest, which has one")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=Path("mosaic"), help="folder for mosaic.json and mosaic.png")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)  # one arm, in a process of its own
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(ours(**asked.one)))
        return
    rows: list[dict[str, Any]] = []
    network = {"bands": 3, "classes": CLASSES, "filters": asked.filters, "depth": 4}
    kind = {"threads": asked.threads, "patch": asked.patch}
    with tempfile.TemporaryDirectory(prefix="mosaic") as name:
        folder = Path(name)
        for size in asked.sizes:
            image = write_image(folder / "image.tif", size)
            for plan in asked.plans:
                rows.append(run_ours(image, size, plan, network, **kind, rounds=asked.rounds))
                if plan == "offsets" and asked.terratorch_python:
                    rows.append(run_terratorch(asked, image, size, network, rows[-1]))
        if asked.largest:
            image = write_image(folder / "image.tif", asked.largest)
            rows.append(run_ours(image, asked.largest, "single", SMALL, **kind, rounds=1))
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {"batch": BATCH, "network": network, "small": SMALL, **kind}
    content = {"settings": settings, "rows": rows}
    (asked.out / "mosaic.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(rows)
    draw(rows, asked.out / "mosaic.png")


def write_image(path: Path, size: int, width: int | None = None) -> Path:
    """Write an RGB GeoTIFF of soft patterns under noise, a strip at a time; ``size`` is its rows, and its width."""
    import numpy as np
    import rasterio
    from rasterio.windows import Window
    from scipy.ndimage import zoom

    width = width or size
    rng = np.random.default_rng(0)
    soft = zoom(rng.normal(110, 40, (64, 64)), 32, order=1)
    pixels = np.clip(soft + rng.normal(0, 2, (3, *soft.shape)), 0, 255).astype(np.uint8)
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 3, "height": size, "width": width, "crs": "EPSG:28355",
        "tiled": True, "blockxsize": 512, "blockysize": 512, "interleave": "pixel", "compress": "deflate",
        "transform": rasterio.Affine(0.5, 0, 330_000, 0, -0.5, 8_050_000), "bigtiff": "if_safer", "num_threads": "2",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        for row in range(0, size, 512):
            height = min(512, size - row)
            strip = pixels.take(range(row, row + height), axis=1, mode="wrap").take(range(width), axis=2, mode="wrap")
            out.write(strip, window=Window(0, row, width, height))
    return path


def run_ours(image: Path, size: int, plan: str, network: dict[str, int], **kind: int) -> dict[str, Any]:
    """Run an arm of ours in a process of its own."""
    one = {"image": str(image), "plan": plan, "network": network, **kind}
    return run([sys.executable, __file__, "--one", json.dumps(one)], plan, size)


def run_terratorch(
    asked: argparse.Namespace, image: Path, size: int, network: dict[str, int], beside: dict[str, Any]
) -> dict[str, Any]:
    """Run TerraTorch on the same mosaic, with the same model, patch, step and number format as a row of ours."""
    import torch

    from lulcseg.models.unet import UNet

    torch.manual_seed(0)
    weights = image.with_name("weights.pt")
    torch.save(UNet(**network).state_dict(), weights)
    command = [
        str(asked.terratorch_python), str(Path(__file__).with_name("terratorch_peer.py")), str(weights), str(image),
        "--network", json.dumps(network), "--patch", str(asked.patch), "--stride", str(asked.patch // 2),
        "--batch", str(BATCH), "--threads", str(asked.threads), "--rounds", str(asked.rounds),
        "--dtype", "bf16" if "bfloat16" in beside["format"] else "fp32",
    ]  # fmt: skip
    return run(command, "TerraTorch", size)


def run(command: list[str], arm: str, size: int) -> dict[str, Any]:
    """Run a command that ends with a line of JSON."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arm} at {size}² failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) | {"arm": arm, "size": size}
    best = {key: min(found[key]) for key in ("seconds", "forward_seconds")}
    print(f"{arm}, {size}²: {best['seconds']:.1f} s", flush=True)
    return found | {"rounds": {key: found[key] for key in best}} | best


def ours(image: str, plan: str, network: dict[str, int], *, threads: int, rounds: int, patch: int) -> dict[str, Any]:
    """Map an image and time it, and the bare forward passes beside it."""
    import torch

    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.mosaic import MosaicPass, MosaicSettings
    from lulcseg.training.predictor import device_of

    torch.set_num_threads(threads)
    offsets = [MosaicPass([row, col]) for row in (0.0, 0.5) for col in (0.0, 0.5)]
    passes = {"passes": offsets, "weight": "cone"} if plan == "offsets" else {"name": plan}
    settings = MosaicSettings(**passes, batch_size=BATCH)
    scene_file = Path(image).with_name("scene.yaml")
    scene_file.write_text(f"name: mosaic\nimagery: {{files: [{Path(image).name}]}}\n", encoding="utf-8")
    model = untrained(Path(image).with_name("model.ckpt"), network, patch)
    predictor = model.on(device_of(model.devices.accelerator))
    device = predictor.device
    batch = torch.rand(BATCH, 3, patch, patch, device=device).contiguous(memory_format=torch.channels_last)
    kind = predictor.dtype or torch.float32

    def forward(batches: int) -> float:
        """Time the network alone."""
        with torch.inference_mode(), torch.autocast(device.type, kind, enabled=kind != torch.float32):
            predictor.task.network(batch)
            started = time.perf_counter()
            for _ in range(batches):
                predictor.task.network(batch)
            return time.perf_counter() - started

    predictor(torch.zeros(BATCH, 3, patch, patch, dtype=torch.uint8), torch.ones(BATCH, patch, patch, dtype=torch.bool))
    before = peak_memory()
    seconds, forward_seconds = [], []
    for _ in range(rounds):
        sampled = forward(SAMPLED)
        with tempfile.TemporaryDirectory(prefix="map", dir=Path(image).parent) as folder:
            scene = Scene.open(str(scene_file), Path(folder))
            result = map_scene(model, scene, settings, Path(folder) / "map.tif", label=plan)
            assert result is not None
        batches = -(-result.samples // BATCH)
        seconds.append(result.seconds)
        forward_seconds.append((sampled + forward(SAMPLED)) / (2 * SAMPLED) * batches)
    return {
        "seconds": seconds, "forward_seconds": forward_seconds, "batches": batches, "samples": result.samples,
        "pixels": scene.grid.height * scene.grid.width, "peak": peak_memory(), "peak_before": before,
        "in_model": result.forward_seconds, "format": str(kind), "strips": result.strips,
        "classes": sum(area.pixels > 0 for area in result.areas),
    }  # fmt: skip


def untrained(checkpoint: Path, network: dict[str, int], patch: int) -> Any:
    """Return a U-Net with random weights as a model that maps; a map's identity holds its file's hash."""
    import torch

    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.mosaic.devices import Devices
    from lulcseg.mosaic.trained_model import TrainedModel
    from lulcseg.settings.model import ModelSettings
    from lulcseg.training.model_record import ModelRecord
    from lulcseg.training.task import SegmentationTask

    checkpoint.write_bytes(b"")
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=3, dtype="uint8", resolution=[0.5, 0.5], patch_size=patch,
        model=ModelSettings(filters=network["filters"], depth=network["depth"]),
    )  # fmt: skip
    torch.manual_seed(0)
    return TrainedModel(SegmentationTask(record), checkpoint, devices=Devices())


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes (getrusage's counts what its parent held)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def show(rows: list[dict[str, Any]]) -> None:
    """Print a table in Markdown."""
    import pandas as pd

    from lulcseg.trials.tables import as_markdown

    columns = ["mosaic", "arm", "seconds", "forward alone", "ratio", "memory on top (MB)", "bytes a pixel", "Mpx/s"]
    cells = []
    for r in rows:
        memory = r["peak"] - r["peak_before"]
        cells.append([
            f"{r['size']:,}²", r["arm"], f"{r['seconds']:.1f}", f"{r['forward_seconds']:.1f}",
            f"{r['seconds'] / r['forward_seconds']:.2f}", f"{memory / 1e6:,.0f}", f"{memory / r['pixels']:.2f}",
            f"{r['pixels'] / r['seconds'] / 1e6:.2f}",
        ])  # fmt: skip
    print(as_markdown(pd.DataFrame(cells, columns=columns), escape=False), end="")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw time beside the forward passes, and memory, against the mosaic's size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    for arm, colour in COLOURS.items():
        own = [r for r in rows if r["arm"] == arm]
        if not own:
            continue
        pixels = [r["pixels"] / 1e6 for r in own]
        style = {"color": colour, "marker": "o", "label": arm if arm == "TerraTorch" else f"lulcseg, {arm}"}
        time_axes.plot(pixels, [r["seconds"] / r["forward_seconds"] for r in own], **style)
        memory_axes.plot(pixels, [(r["peak"] - r["peak_before"]) / 1e6 for r in own], **style)
    time_axes.axhline(1, color="black", linewidth=0.8)
    time_axes.set(title="Time", ylabel="× bare forward passes", ylim=(0, None))
    memory_axes.set(title="Peak memory, besides model and libraries", ylabel="MB", yscale="log")
    span = sorted({r["pixels"] / 1e6 for r in rows})
    memory_axes.plot(span, [36 * p for p in span], color="black", linewidth=0.8, linestyle=":", label="9 float32 bands")
    for axes in (time_axes, memory_axes):
        axes.set(xscale="log", xlabel="million pixels")
        axes.spines[["top", "right"]].set_visible(False)
    memory_axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
