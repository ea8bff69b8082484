"""Write the pictures of README and docs from a finished demo: python docs/pictures.py demo."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.windows import Window

from lulcseg.run_folder.folder import RunFolder

IMAGES = Path(__file__).parent / "images"
CROP = Window(420, 560, 640, 640)
GAP = 8


def main(demo: Path) -> None:
    """Write landscape.jpg, map.jpg, beside.jpg, report.jpg and the contact sheets."""
    found = sorted((demo / "cache" / "synthetic").glob("v*_size2048_*"))
    run = RunFolder(demo / "run")
    maps = [run.map_file(f"synthetic_2018_{mosaic}") for mosaic in ("single", "multiple")]
    if not found or not all(path.exists() for path in (*maps, run.report)):
        sys.exit(f"{demo} holds no finished demo, of which the pictures are made; make one: make demo DEMO={demo}")
    scenes = found[-1]
    dates = [_read_image(scenes / f"{year}.tif") for year in (2018, 2015)]
    _save_row(dates, "landscape.jpg")
    _save_row(
        [dates[0], *(_paint_classes(path) for path in maps), _paint_classes(scenes / "truth_2018.tif")], "map.jpg"
    )
    _write_beside(maps, demo / "cache")
    _write_screenshot(run.report)
    _write_sheets(demo / "cache")


def _write_beside(maps: list[Path], cache: Path) -> None:
    """Write beside.jpg: where single and multiple pass differ most (the paper's Figure 11)."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "beside.png"
        where = ["--scene", "synthetic2018", "--cache", str(cache), "--size", "512", "--out", str(picture)]
        subprocess.run([sys.executable, "-m", "lulcseg.cli", "beside", *map(str, maps), *where], check=True)
        Image.open(picture).convert("RGB").save(IMAGES / "beside.jpg", quality=85, optimize=True)


def _write_sheets(cache: Path) -> None:
    """Write augment_*.jpg, the contact sheets in docs/augmentation.md."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["contact", "scene=synthetic2018", "patches=3", "seed=1", f"cache={cache}", f"out={folder}/sheet.png"]
        subprocess.run([sys.executable, "-m", "lulcseg.cli", *command], check=True)
        for path in Path(folder).glob("sheet*.png"):
            name = path.stem.removeprefix("sheet").strip("_") or "versions"
            with Image.open(path) as sheet:
                smaller = sheet.convert("RGB")
            smaller.thumbnail((1100, 10_000), Image.Resampling.LANCZOS)
            smaller.save(IMAGES / f"augment_{name}.jpg", quality=80, optimize=True)


def _read_image(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as source:
        return np.moveaxis(source.read(window=CROP), 0, -1)


def _paint_classes(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as source:
        codes, table = source.read(1, window=CROP), source.colormap(1)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for code, (red, green, blue, _) in table.items():
        colours[code] = red, green, blue
    return colours[codes]


def _save_row(pictures: list[NDArray[np.uint8]], name: str) -> None:
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, dtype=np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)][:-1]
    Image.fromarray(np.concatenate(parts, axis=1)).save(IMAGES / name, quality=88)


def _write_screenshot(page: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("No Chromium: report.jpg is not updated\n")
        return
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        shot = Path(profile) / "report.png"
        target = [f"--user-data-dir={profile}", "--window-size=1280,1500", f"--screenshot={shot}"]
        subprocess.run([chromium, *flags, *quiet, *target, page.resolve().as_uri()], check=True, capture_output=True)
        Image.open(shot).convert("RGB").save(IMAGES / "report.jpg", quality=85)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
