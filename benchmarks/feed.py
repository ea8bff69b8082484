"""Patches a second that reach the training loop: lulcseg, TorchGeo and bare rasterio windows, in one run.

python benchmarks/feed.py [--size 6144] [--seconds 2] [--polygons 400 4000] [--workers 0 1 2] [--out feed]

A patch is 512² pixels of three bands with its labels. Every arm reads the same files, whose pages the system holds
already; GDAL's own cache is kept smaller than the image, as it is beside a real mosaic. "bare" reads windows of the
image with rasterio and does nothing else; "bare + labels" reads those of a label raster as well. Without worker
processes these two are a plain loop, all others a DataLoader that stacks batches. A process computes with one thread.
The arms take turns, three rounds each, and the fastest round counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PATCH = 512
BATCH = 8
ROUNDS = 3
AHEAD = 2
CRS, LEFT, TOP, RES = "EPSG:28355", 330_000.0, 8_050_000.25, 0.5
TILES: dict[str, dict[str, Any]] = {
    "raw": {},
    "deflate": {"compress": "deflate"},
    "zstd": {"compress": "zstd"},
    "jpeg": {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 85},
}
ARMS = ("lulcseg", "lulcseg, decoded", "TorchGeo", "bare", "bare + labels")
COLOURS = {"lulcseg": "#0b5d3b", "lulcseg, decoded": "#8fce6a", "TorchGeo": "#d81b60", "bare + labels": "#c8c4b7"}


@dataclass(frozen=True)
class Rate:
    """What one arm reached.

    Attributes:
        tiles: How the image's tiles are compressed.
        polygons: Number of polygons the labels are drawn from.
        workers: Loader processes; 0: this one reads.
        arm: Who reads.
        patches_per_second: How fast.
    """

    tiles: str
    polygons: int
    workers: int
    arm: str
    patches_per_second: float


def main() -> None:
    """Make the files, time every arm in turn, and print, save and draw the rates."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=6144, help="side of the image, pixels")
    parser.add_argument("--image", type=Path, help="8-bit RGB image to repeat; default: made-up patterns")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each arm is timed, all rounds together")
    parser.add_argument("--polygons", type=int, nargs="+", default=[400, 4000])
    parser.add_argument("--tiles", nargs="+", default=list(TILES), choices=list(TILES))
    parser.add_argument("--workers", type=int, nargs="+", default=list(range(min(cores, 8) + 1)))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--gdal-cache", type=int, default=16, help="GDAL's block cache in each process, MB")
    parser.add_argument("--out", type=Path, default=Path("feed"), help="folder for feed.json and feed.png")
    settings = parser.parse_args()
    if settings.size <= PATCH:
        parser.error(f"--size {settings.size}: the image must be larger than a patch of {PATCH} pixels")
    os.environ["GDAL_CACHEMAX"] = str(settings.gdal_cache)
    import torch

    torch.set_num_threads(1)  # threads that wait for a busy core would be what is timed
    rates: list[Rate] = []
    with tempfile.TemporaryDirectory(prefix="feed") as folder:
        for tiles in settings.tiles:
            image = write_image(Path(folder) / f"{tiles}.tif", settings.size, TILES[tiles], settings.image)
            for polygons in settings.polygons:
                rates += measure(image, tiles, polygons, settings)
            image.unlink()
    settings.out.mkdir(parents=True, exist_ok=True)
    chosen = {key: value for key, value in vars(settings).items() if key not in {"out", "image"}}
    content = {"settings": chosen, "cores": cores, "rates": [asdict(rate) for rate in rates]}
    (settings.out / "feed.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(rates, settings.arms)
    draw(rates, settings.out / "feed.png")


def write_image(path: Path, size: int, options: dict[str, Any], texture: Path | None = None) -> Path:
    """Write an RGB GeoTIFF that repeats an image, or soft patterns under noise that deflate to two thirds."""
    import numpy as np
    import rasterio
    from rasterio.windows import Window
    from scipy.ndimage import zoom

    if texture is None:
        rng = np.random.default_rng(0)
        soft = zoom(rng.normal(110, 40, (64, 64)), 32, order=1)
        pixels = np.clip(soft + rng.normal(0, 2, (3, *soft.shape)), 0, 255).astype(np.uint8)
    else:
        with rasterio.open(texture) as source:
            pixels = source.read([1, 2, 3])
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 3, "height": size, "width": size, "crs": CRS, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "interleave": "pixel",
        "transform": rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP),
    }  # fmt: skip
    with rasterio.open(path, "w", **(profile | options)) as out:
        for row in range(0, size, 256):
            height = min(256, size - row)
            strip = pixels.take(range(row, row + height), axis=1, mode="wrap").take(range(size), axis=2, mode="wrap")
            out.write(strip, window=Window(0, row, size, height))
    return path


def write_scene(image: Path, polygons: int, size: int) -> Path:
    """Write polygons over a third of the image, and a scene file; return the scene file."""
    import geopandas as gpd
    import numpy as np
    import shapely
    import yaml

    rng = np.random.default_rng(polygons)
    side = size * RES
    radius = np.sqrt(side**2 / 3 / polygons / np.pi) * rng.uniform(0.6, 1.4, polygons)
    x, y = rng.uniform(0, side, (2, polygons))
    code = rng.integers(1, 9, polygons)
    shapes = shapely.buffer(shapely.points(LEFT + x, TOP - y), radius, quad_segs=8)
    folder = image.parent / f"{image.stem}{polygons}"
    folder.mkdir()
    frame = gpd.GeoDataFrame({"code": code}, geometry=shapes, crs=CRS)
    frame.to_file(folder / "polygons.gpkg")
    legend = [{"code": i, "name": f"class {i}", "colour": "#000000"} for i in range(9)]
    labels = {"file": "polygons.gpkg", "column": "code", "uncovered": "class 0"}
    scene = {"imagery": {"files": [str(image)]}, "labels": labels, "legend": legend}
    (folder / "scene.yaml").write_text(yaml.safe_dump(scene), encoding="utf-8")
    return folder / "scene.yaml"


def measure(image: Path, tiles: str, polygons: int, settings: argparse.Namespace) -> list[Rate]:
    """Time every arm over one image and one set of polygons."""
    from lulcseg.sampling.draw import draw_plan
    from lulcseg.sampling.torchgeo_samplers import PlanSampler
    from lulcseg.scene.dataset import SceneDataset
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.sampling import SamplingSettings

    path = write_scene(image, polygons, settings.size)
    scene = Scene.open(str(path), path.parent / "cache")
    rows = draw_plan([scene], SamplingSettings(patches=2000, patch_size=PATCH, min_valid=0.0), seed=0).of(
        scene.name, "train"
    )
    order = PlanSampler(SceneDataset(scene), rows, shuffle=True, seed=0).order.indices()
    windows = list(zip(rows["col"].to_numpy()[order].tolist(), rows["row"].to_numpy()[order].tolist(), strict=True))

    def stream(arm: str, workers: int) -> Iterator[int]:
        files = [image, scene.labels.path] if arm == "bare + labels" else [image]
        if arm.startswith("bare"):
            return loaded(BareWindows(files), windows, workers) if workers else bare_reads(files, windows)
        if arm == "TorchGeo":
            return torchgeo_loader(image, path.parent / "polygons.gpkg", workers)
        data = SceneDataset(scene, decoded=path.parent / "cache" if "decoded" in arm else None)
        return loaded(data, PlanSampler(data, rows, shuffle=True, seed=0), workers)

    found = []
    for workers in settings.workers:
        streams = {arm: stream(arm, workers) for arm in settings.arms}
        speeds: dict[str, float] = {}
        for _, (arm, batches) in itertools.product(range(ROUNDS), streams.items()):
            speed = rate(batches, settings.seconds / ROUNDS, skip=1 + 2 * AHEAD * workers)
            speeds[arm] = max(speeds.get(arm, 0.0), speed)
        streams.clear()  # ends the loaders' processes
        found += [Rate(tiles, polygons, workers, arm, speed) for arm, speed in speeds.items()]
        told = ", ".join(f"{arm} {speed:.0f}" for arm, speed in speeds.items())
        print(f"{tiles}, {polygons} polygons, {workers} workers: {told} patches/s", flush=True)
    return found


def bare_reads(files: list[Path], windows: list[tuple[int, int]]) -> Iterator[int]:
    """Read windows of files one by one; yield how many patches that were."""
    import rasterio
    from rasterio.windows import Window

    sources = [rasterio.open(file) for file in files]
    for col, row in itertools.cycle(windows):
        for source in sources:
            source.read(window=Window(col, row, PATCH, PATCH))
        yield 1


class BareWindows:
    """A dataset that reads windows of files and hands them over as tensors."""

    def __init__(self, files: list[Path]) -> None:
        """Remember the files; they open at the first read, in the process that reads."""
        self.files = files
        self.sources: list[Any] = []

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Any]:
        """Read the patch whose first column and row are given."""
        import rasterio
        import torch
        from rasterio.windows import Window

        self.sources = self.sources or [rasterio.open(file) for file in self.files]
        window = Window(*place, PATCH, PATCH)
        return {str(i): torch.from_numpy(source.read(window=window)) for i, source in enumerate(self.sources)}


def loaded(data: Any, sampler: Any, workers: int) -> Iterator[int]:
    """Walk a dataset epoch after epoch; yield how many patches each batch has."""
    from torch.utils.data import DataLoader

    keep = {"persistent_workers": True, "prefetch_factor": AHEAD} if workers else {}
    loader = DataLoader(data, BATCH, sampler=sampler, num_workers=workers, **keep)
    while True:
        for batch in loader:
            yield len(next(iter(batch.values())))


def torchgeo_loader(image: Path, polygons: Path, workers: int) -> Iterator[int]:
    """Walk TorchGeo's intersection of raster and polygons with its random sampler, as its documentation shows."""
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset, VectorDataset, stack_samples
    from torchgeo.samplers import RandomPatchSampler

    raster = RasterDataset(image)
    data = raster & VectorDataset(polygons, crs=raster.crs, res=raster.res, label_name="code")
    sampler = RandomPatchSampler(data, size=PATCH, length=100_000, generator=0)
    for batch in DataLoader(data, BATCH, sampler=sampler, num_workers=workers, collate_fn=stack_samples):
        yield len(batch["image"])


def rate(batches: Iterator[int], seconds: float, skip: int) -> float:
    """Return patches a second over some seconds, after the batches that wait already."""
    for _ in itertools.islice(batches, skip):
        pass
    started, patches = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        patches += next(batches)
    return patches / (time.perf_counter() - started)


def show(rates: list[Rate], arms: list[str]) -> None:
    """Print a table: rates, and in brackets what they are beside the bare reads of the image."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Patches of {PATCH}² a second (× bare reads of the image)")
    for column in ("tiles", "polygons", "workers", *arms):
        table.add_column(column, justify="right")
    for key, row in by_row(rates).items():
        bare = row.get("bare")
        cells = [f"{row[arm]:.0f}" + (f" ({row[arm] / bare:.2f})" if bare else "") for arm in arms]
        table.add_row(*map(str, key), *cells)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def by_row(rates: list[Rate]) -> dict[tuple[str, int, int], dict[str, float]]:
    """Return (tiles, polygons, workers) → arm → patches a second."""
    rows: dict[tuple[str, int, int], dict[str, float]] = {}
    for r in rates:
        rows.setdefault((r.tiles, r.polygons, r.workers), {})[r.arm] = r.patches_per_second
    return rows


def draw(rates: list[Rate], path: Path) -> None:
    """Draw each arm's rate beside the bare reads', for the fewest and the most workers."""
    from matplotlib.figure import Figure

    rows = by_row(rates)
    if any("bare" not in row for row in rows.values()):
        return
    tiles, polygons = list(dict.fromkeys(t for t, _, _ in rows)), list(dict.fromkeys(n for _, n, _ in rows))
    ends = sorted({min(w for _, _, w in rows), max(w for _, _, w in rows)})
    figure = Figure(figsize=(4.2 * len(polygons), 3.2 * len(ends)), layout="constrained")
    axes = figure.subplots(len(ends), len(polygons), sharey=True, squeeze=False)
    for (i, count), (j, n) in itertools.product(enumerate(ends), enumerate(polygons)):
        arms = [arm for arm in COLOURS if arm in rows[tiles[0], n, count]]
        for k, arm in enumerate(arms):
            heights = [rows[t, n, count][arm] / rows[t, n, count]["bare"] for t in tiles]
            places = [x + 0.8 * (k + 0.5) / len(arms) - 0.4 for x in range(len(tiles))]
            axes[i, j].bar(places, heights, 0.8 / len(arms), color=COLOURS[arm], label=arm)
        axes[i, j].axhline(1, color="black", linewidth=0.8)
        axes[i, j].set_yscale("log")
        axes[i, j].set_xticks(range(len(tiles)), tiles)
        axes[i, j].set_title(f"{n:,} polygons, " + (f"{count} workers" if count else "single process"), fontsize=10)
        axes[i, j].spines[["top", "right"]].set_visible(False)
        axes[i, 0].set_ylabel("× bare reads of the image")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
