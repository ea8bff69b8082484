"""Scene files of the real imagery, split by place: python docs/study/real_scenes.py FOLDER OUT.

FOLDER holds ``korea/`` (Sentinel-2 of two dates with class rasters) and ``dubai/`` (mosaics with polygons). Korea's
points are random pixels of its class rasters: they measure agreement with the labels, not accuracy.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import yaml

KOREA = {10: "Building", 30: "Road", 50: "Field", 70: "Forest", 100: "Other"}
DUBAI = {0: "Building", 1: "Land", 2: "Road", 3: "Vegetation", 4: "Water"}
COLOURS = ["#d81b60", "#6b6b6b", "#f2d43d", "#0b5d3b", "#c8c4b7"]
WEST = 341_000.0
"""Easting, in metres, of the widest gap between Korea's tiles: models are trained on the tiles east of it only."""
POINTS = 5000


def main() -> None:
    """Write all scene files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()  # scene files lead on from their own folder
    arguments.out.mkdir(parents=True, exist_ok=True)
    for year, month in ((2023, "202309"), (2024, "202412")):
        write_korea(folder / "korea", year, month, arguments.out)
    for tile in range(1, 7):
        write_dubai(folder / "dubai", tile, arguments.out, f"dubai_tile{tile}")
    for tile in range(1, 6):  # under one name, so that each is the same scene of another replicate
        write_dubai(folder / "dubai", tile, arguments.out, "dubai_left_out", str(tile))


def write_korea(folder: Path, year: int, month: str, out: Path) -> None:
    """Write both halves of a date, each with its points."""
    for half in ("east", "west"):
        images = [
            p for p in sorted((folder / "images").glob(f"{month}*.tif")) if (left_of(p) < WEST) == (half == "west")
        ]
        numbers = [p.stem.rsplit("_", 1)[1] for p in images]
        labels = [folder / "labels" / f"{month}_mask_{number}.tif" for number in numbers]
        name = f"korea{year}_{half}"
        draw_points(labels).to_file(out / f"{name}_points.gpkg", driver="GPKG")
        write_scene(out / f"{name}.yaml", name, KOREA, {
            "imagery": {"files": [str(p) for p in images], "bands": [1, 2, 3]},
            "labels": {"rasters": [str(p) for p in labels]},
            "points": {"file": f"{name}_points.gpkg", "column": "class", "design": "simple random"},
        })  # fmt: skip


def write_dubai(folder: Path, tile: int, out: Path, name: str, number: str = "") -> None:
    """Write a tile as a scene of a name, into a file of this name and a number; its points are in the same folder."""
    write_scene(out / f"{name}{number}.yaml", name, DUBAI, {
        "imagery": {"files": [str(folder / f"tile{tile}.tif")]},
        "labels": {"file": str(folder / f"tile{tile}_polygons.gpkg"), "column": "class", "uncovered": "ignore"},
        "points": {"file": str(folder / f"tile{tile}_points.gpkg"), "column": "class", "design": "simple random"},
    })  # fmt: skip


def left_of(path: Path) -> float:
    """Return the easting of an image's left edge."""
    with rasterio.open(path) as image:
        return float(image.bounds.left)


def draw_points(labels: list[Path]) -> gpd.GeoDataFrame:
    """Draw pixels at random, equally many from each raster (all have the same size)."""
    x, y, names = [], [], []
    crs = None
    for number, path in enumerate(labels):
        rng = np.random.default_rng([7, number])
        with rasterio.open(path) as file:
            codes, transform, crs = file.read(1), file.transform, file.crs
        drawn = rng.choice(codes.size, POINTS // len(labels), replace=False)
        rows, cols = np.unravel_index(drawn, codes.shape)
        east, north = transform * (cols + 0.5, rows + 0.5)
        x += east.tolist()
        y += north.tolist()
        names += [KOREA[int(code)] for code in codes[rows, cols]]
    return gpd.GeoDataFrame({"class": names}, geometry=gpd.points_from_xy(x, y), crs=crs)


def write_scene(path: Path, name: str, classes: dict[int, str], content: dict[str, Any]) -> None:
    """Write a scene file."""
    legend = [{"code": code, "name": n, "colour": c} for (code, n), c in zip(classes.items(), COLOURS, strict=True)]
    path.write_text(yaml.safe_dump({"name": name, **content, "legend": legend}, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
