"""What growth.py measures: operations of growing size, each prepared apart from what is timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mosaic import CLASSES, untrained, write_image
from plan import Landscape

type Work = Callable[[Path], Path]
"""Does the work into an empty folder and returns the file that it wrote."""

NETWORK = {"bands": 3, "classes": CLASSES, "filters": 4, "depth": 2}
PATCH, ACROSS = 256, 1024
SEEDS = 5
ASSESSED = 4096
"""Side of the map that points are compared with, pixels."""


@dataclass(frozen=True, slots=True)
class Arm:
    """An operation.

    Attributes:
        title: What is done.
        unit: What its size counts.
        sizes: From the smallest to the largest.
        prepare: Writes what is needed into a folder, and returns the work.
    """

    title: str
    unit: str
    sizes: tuple[int, ...]
    prepare: Callable[[Path, int], Work]


def plan(_: Path, patches: int) -> Work:
    """Draw a plan over the paper's features, with ground held out, and save it."""
    from lulcseg.sampling.draw import draw_plan
    from lulcseg.settings.sampling import SamplingSettings, ValidationSettings

    scene = Landscape(40)
    settings = SamplingSettings(totals="exact", patches=patches, patch_size=128, min_valid=0.0)

    def work(out: Path) -> Path:
        draw_plan([scene], settings, ValidationSettings(), seed=1).save(out / "plan.gpkg")
        return out / "plan.gpkg"

    return work


def burn(_: Path, pixels: int) -> Work:
    """Burn the paper's features of all classes but Other, which cover 6 % of the ground, on a part of it."""
    from lulcseg.grid import Window
    from lulcseg.scene import label_burning

    scene = Landscape(40)
    features = scene.polygons()
    features = features[features["class_index"] != scene.legend.names.index("Other")]
    side = round(pixels**0.5)
    start = (scene.grid.width - side) // 2
    grid = scene.grid.crop(Window(start, start, side, side))

    def work(out: Path) -> Path:
        kind: dict[str, Any] = {"uncovered": 255, "boundary": None, "cache": out, "legend": scene.legend}
        return label_burning.burn(features, grid, **kind).path

    return work


def rows(folder: Path, count: int) -> Work:
    """Map a mosaic of 1,024 columns in a single pass of a tiny network."""
    return _mapped(folder, count, ACROSS)


def columns(folder: Path, count: int) -> Work:
    """Map a mosaic of 1,024 rows likewise."""
    return _mapped(folder, ACROSS, count)


def _mapped(folder: Path, height: int, width: int) -> Work:
    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.mosaic import MosaicSettings

    image = write_image(folder / f"image{height}_{width}.tif", height, width)
    scene = image.with_suffix(".yaml")
    scene.write_text(f"name: mosaic\nimagery: {{files: [{image.name}]}}\n", encoding="utf-8")
    model = untrained(folder / "model.ckpt", NETWORK, PATCH)

    def work(out: Path) -> Path:
        map_scene(model, Scene.open(str(scene), out), MosaicSettings(name="single"), out / "map.tif", label="single")
        return out / "map.tif"

    return work


def polygons(folder: Path, pixels: int) -> Work:
    """Write a class map as polygons with the default unit and tolerance."""
    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.maps.polygons import write_polygons
    from lulcseg.settings.mosaic import MosaicSettings

    side, settings = round(pixels**0.5), MosaicSettings()
    raster = folder / f"classes{side}.tif"
    write_classes(raster, side)

    def work(out: Path) -> Path:
        path = out / "map.gpkg"
        write_polygons(raster, PAPER_LEGEND, path, min_area=settings.min_area, simplify=settings.simplify)
        return path

    return work


def assess(folder: Path, count: int) -> Work:
    """Compare points with a class map, with estimates for the whole map."""
    import geopandas as gpd
    import numpy as np

    from lulcseg.assessment.assess_files import assess_files
    from lulcseg.legend import PAPER_LEGEND

    raster, points, rng = folder / "classes.tif", folder / f"points{count}.gpkg", np.random.default_rng(1)
    left, top, names = write_classes(raster, ASSESSED)
    row, col = rng.integers(0, ASSESSED, (2, count))
    other = rng.choice(PAPER_LEGEND.names, count)
    reference = np.where(rng.random(count) < 0.8, names[row, col], other)
    places = gpd.points_from_xy(left + 0.5 * (col + 0.5), top - 0.5 * (row + 0.5), crs="EPSG:28355")
    gpd.GeoDataFrame({"class": reference}, geometry=places).to_file(points)

    def work(out: Path) -> Path:
        assess_files(points, raster, legend=PAPER_LEGEND).save(out / "map")
        return out / "map_points.csv"

    return work


def write_classes(path: Path, side: int) -> tuple[float, float, Any]:
    """Write a map of patches of some 500 m² with specks of wrong pixels, repeated every 1,024 pixels.

    Returns:
        Its left and top, in metres, and its classes' names, (side, side).
    """
    import numpy as np
    import rasterio
    from scipy.ndimage import gaussian_filter

    from lulcseg.legend import PAPER_LEGEND

    rng, repeated = np.random.default_rng(0), 1024
    fields = [gaussian_filter(rng.normal(size=(repeated, repeated)), 16, mode="wrap") for _ in PAPER_LEGEND]
    index = np.argmax(fields, axis=0)
    index = np.where(rng.random(index.shape) < 0.01, rng.integers(0, len(PAPER_LEGEND), index.shape), index)
    index = np.tile(index.astype(np.uint8), (-(-side // repeated),) * 2)[:side, :side]
    left, top = 330_000.0, 8_050_000.0
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "height": side, "width": side, "nodata": 255,
        "crs": "EPSG:28355", "transform": rasterio.Affine(0.5, 0, left, 0, -0.5, top), "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "deflate",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.array(PAPER_LEGEND.codes, dtype=np.uint8)[index], 1)
    return left, top, np.array(PAPER_LEGEND.names)[index] if side == ASSESSED else index


def rank(folder: Path, runs: int) -> Work:
    """Read and rank a trial of five seeds a value."""
    from lulcseg.trials.ranking import rank_trial
    from lulcseg.trials.scores_by_seed import views
    from lulcseg.trials.tables import ranking_frame, write_table
    from lulcseg.trials.trial_reader import read_trial

    trial = write_runs(folder, runs)

    def work(out: Path) -> Path:
        read = read_trial(trial)
        for view in views(read):
            write_table(out / "ranking.csv", ranking_frame(rank_trial(read, view)).to_csv())
        return out / "ranking.csv"

    return work


def report(folder: Path, runs: int) -> Work:
    """Write the page and the tables of such a trial."""
    from lulcseg.report.trial.trial_page import write_trial_report

    trial = write_runs(folder, runs)
    return lambda _: write_trial_report(trial)


def write_runs(folder: Path, runs: int) -> Path:
    """Write a trial's folder: records and assessments, without maps or curves."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' made-up runs
    from tests.support.trials import write_trial

    values = {f"batch{number}": number for number in range(1, 1 + runs // SEEDS)}
    agree = {name: 0.9 - 0.3 * number / len(values) for name, number in values.items()}
    contrast = {"kind": "slope", "values": None}
    kind: dict[str, Any] = {"seeds": range(SEEDS), "levels": values, "contrast": contrast, "n_points": 200}
    return write_trial(folder / f"trial{runs}", agree, **kind)


ARMS = {
    "plan": Arm("plan, drawn and saved", "patches", (10**3, 10**4, 10**5, 10**6), plan),
    "burn": Arm("labels burned", "pixels", (10**6, 10**7, 10**8, 10**9, 10**10), burn),
    "rows": Arm("map of 1,024 columns", "rows", (1024, 2048, 4096, 8192, 16384, 32768), rows),
    "columns": Arm("map of 1,024 rows", "columns", (1024, 2048, 4096, 8192, 16384, 32768), columns),
    "polygons": Arm("polygons of a map", "pixels", tuple(side**2 for side in (1024, 2048, 4096, 8192)), polygons),
    "assess": Arm("points assessed", "points", (10**3, 10**4, 10**5, 10**6), assess),
    "rank": Arm("runs ranked", "runs", (10, 40, 200, 1000), rank),
    "report": Arm("a trial's page", "runs", (10, 40, 200, 1000), report),
}
