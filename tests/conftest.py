"""Tiny georeferenced scenes, made by a script."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from hypothesis import settings

settings.register_profile("lulcseg", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("lulcseg")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background job, in which Ctrl-C would do nothing
    signal.signal(signal.SIGINT, signal.default_int_handler)

CRS = "EPSG:28355"
LEFT, TOP, RES = 330_000.0, 8_050_000.25, 0.5
LEGEND = [
    {"code": 10, "name": "Bare", "colour": "#c8a165"},
    {"code": 20, "name": "Trees", "colour": "#2d6a31"},
    {"code": 30, "name": "Water", "colour": "#2e86c1"},
]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """With several, other processes on the machine make small networks wait."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_raster(
    path: Path, data: np.ndarray, *, left: float = LEFT, top: float = TOP, res: float = RES, **options: Any
) -> Path:
    """Write (C, h, w) as a GeoTIFF on the tests' grid."""
    profile = {
        "driver": "GTiff", "count": data.shape[0], "height": data.shape[1], "width": data.shape[2],
        "dtype": data.dtype, "crs": CRS, "transform": rasterio.Affine(res, 0, left, 0, -res, top),
    }  # fmt: skip
    with rasterio.open(path, "w", **(profile | options)) as out:
        out.write(data)
    return path


def box(row: int, col: int, height: int, width: int) -> shapely.Polygon:
    """Return the extent of a window of the tests' grid."""
    return shapely.box(LEFT + col * RES, TOP - (row + height) * RES, LEFT + (col + width) * RES, TOP - row * RES)


def scene_maker(root: Path) -> Callable[..., Path]:
    """Return a maker of scenes, in folders below ``root``: bare ground, a block of trees, a pond inside it, 40 points.

    Trees are green, water blue, bare ground brown, with a little noise, so that a small model learns them.
    """

    def make(name: str = "scene", size: tuple[int, int] = (96, 128), seed: int = 0, **spec: Any) -> Path:
        rng = np.random.default_rng(seed)
        height, width = size
        truth = np.zeros(size, dtype=np.uint8)
        truth[: height // 2, : width // 2] = 1
        pond = (height // 8, width // 8, height // 6, width // 6)
        truth[pond[0] : pond[0] + pond[2], pond[1] : pond[1] + pond[3]] = 2
        palette = np.array([[180, 140, 90], [40, 110, 50], [30, 60, 160]])
        image = np.clip(palette[truth] + rng.normal(0, 12, (*size, 3)), 0, 255).astype(np.uint8)
        folder = root / name
        folder.mkdir()
        write_raster(folder / "image.tif", np.moveaxis(image, -1, 0))
        geometry = [box(0, 0, height // 2, width // 2), box(*pond)]
        gpd.GeoDataFrame({"class": ["Trees", "Water"]}, geometry=geometry, crs=CRS).to_file(folder / "labels.gpkg")
        rows, cols = rng.integers(0, height, 40), rng.integers(0, width, 40)
        xy = [shapely.Point(LEFT + (c + 0.5) * RES, TOP - (r + 0.5) * RES) for r, c in zip(rows, cols, strict=True)]
        names = [LEGEND[t]["name"] for t in truth[rows, cols]]
        gpd.GeoDataFrame({"class": names}, geometry=xy, crs=CRS).to_file(folder / "points.gpkg")
        content: dict[str, Any] = {
            "name": name,
            "date": "2018-08-15",
            "imagery": {"files": ["image.tif"]},
            "labels": {"file": "labels.gpkg", "column": "class", "uncovered": "Bare"},
            "legend": LEGEND,
            "points": {"file": "points.gpkg", "design": "simple random"},
        }
        content |= spec
        path = folder / "scene.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in content.items() if v is not None}))
        return path

    return make


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of scenes in the test's own folder."""
    return scene_maker(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a cache folder of the test's own."""
    return tmp_path / "cache"
