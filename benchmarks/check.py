"""Megapixels a second that `lulcseg check` reads, beside rasterio's reading of the same files.

python benchmarks/check.py [--side 5760] [--rounds 4]

One tile of three bands of 8 bits, as a JPEG with a world file, and as tiled GeoTIFFs of JPEG and of deflate with a
nodata value, with 2,000 reference points. The arms take turns, and the fastest round counts. "a core" is by processor
time, of the check's pass over the imagery and its look at the points together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.shutil
import yaml
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter, zoom

from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.pixel_survey import PixelSurvey
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.scene import Scene

LEFT, TOP, RES, POINTS = 330_000.0, 7_390_000.0, 0.5, 2_000
TILES = {
    "JPEG": ("tile.jpg", {"driver": "JPEG", "QUALITY": 85}),
    "GeoTIFF, JPEG": ("jpeg.tif", {"driver": "GTiff", "TILED": "YES", "COMPRESS": "JPEG", "PHOTOMETRIC": "YCBCR"}),
    "GeoTIFF, deflate, nodata": ("nodata.tif", {"driver": "GTiff", "TILED": "YES", "COMPRESS": "DEFLATE"}),
}


def main() -> None:
    """Write the tile, let the arms take turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=5760)
    parser.add_argument("--rounds", type=int, default=4)
    sizes = parser.parse_args()
    table = Table(title=f"A tile of {sizes.side**2 / 1e6:.1f} megapixels")
    for column in ("tile", "read by", "seconds", "Mpx/s", "Mpx/s a core"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder), sizes.side)
        for name in TILES:
            image, scene = write_scene(Path(folder), name)
            arms = {"rasterio": partial(read_all, image), "check": partial(check, scene)}
            taken: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms}
            for _ in range(sizes.rounds):
                for arm, run in arms.items():
                    taken[arm].append(run())
            for arm, seconds in taken.items():
                wall, cpu = (min(each) for each in zip(*seconds, strict=True))
                pixels = sizes.side**2 / 1e6
                table.add_row(name, arm, f"{wall:.2f}", f"{pixels / wall:.0f}", f"{pixels / cpu:.0f}")
    Console().print(table)


def write_image(folder: Path, side: int) -> None:
    """Write a made-up image with structure of several sizes, and points on it."""
    rng = np.random.default_rng(0)
    light = sum(
        size * zoom(rng.normal(size=(side // size + 1,) * 2).astype(np.float32), size, order=0)[:side, :side]
        for size in (4, 16, 64)
    )
    light = gaussian_filter(np.asarray(light), 1.5)
    image = np.stack([np.clip(light + offset + rng.normal(size=light.shape) * 4, 1, 255) for offset in (110, 120, 95)])
    image[:, :, : side // 6] = 0
    place = rasterio.transform.from_origin(LEFT, TOP, RES, RES)
    profile = {"count": 3, "height": side, "width": side, "dtype": "uint8", "crs": "EPSG:31983", "transform": place}
    with rasterio.open(folder / "plain.tif", "w", driver="GTiff", **profile) as out:
        out.write(image.astype(np.uint8))
    x, y = LEFT + rng.random(POINTS) * side * RES, TOP - rng.random(POINTS) * side * RES
    points = gpd.GeoDataFrame({"class": ["field"] * POINTS}, geometry=gpd.points_from_xy(x, y), crs="EPSG:31983")
    points.to_file(folder / "points.gpkg")


def write_scene(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a tile and its scene file, and return their paths."""
    file, options = TILES[name]
    rasterio.shutil.copy(folder / "plain.tif", folder / file, **options)
    content = {
        "imagery": {"files": [file]} | ({"nodata": 0} if "nodata" in name else {}),
        "legend": [{"code": 1, "name": "field", "colour": "#c8a165"}, {"code": 2, "name": "wood", "colour": "#2d6a31"}],
        "points": {"file": "points.gpkg", "design": "simple random"},
    }
    path = folder / f"{Path(file).stem}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder / file, path


def read_all(path: Path) -> tuple[float, float]:
    """Return the seconds that pass, and those of the processor, while rasterio reads a file whole."""
    began = time.perf_counter(), time.process_time()
    with rasterio.open(path) as source:
        source.read()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def check(path: Path) -> tuple[float, float]:
    """Return the same for the check of a scene's imagery and points; no block is decoded yet."""
    scene = Scene.open(str(path), path.parent / "cache")
    began = time.perf_counter(), time.process_time()
    survey = PixelSurvey(scene.imagery, keep_validity=True)
    check_imagery(scene, survey)
    check_points(scene, survey=survey)
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    main()
