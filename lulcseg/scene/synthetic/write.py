"""Writes a synthetic landscape: mosaics, true classes, polygons, reference points, grounds and scene files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import rasterio
import shapely
import yaml
from affine import Affine
from rasterio.windows import Window as RasterWindow

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, PAPER_LEGEND
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.synthetic.digitise import digitise
from lulcseg.scene.synthetic.layout import Date, lay_out
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import SURVEY_2015, SURVEY_2018, TILE, Survey
from lulcseg.seeds import keyed

Shift = Literal["both", "sensor", "landuse", "none"]
Progress = Callable[[int, int], None]

CRS = "EPSG:28355"
RESOLUTION = 0.5
ORIGIN = (330_000.0, 8_090_000.0)
"""Easting and northing of the upper left corner, metres (MGA zone 55, Atherton Tablelands)."""
SMALLEST = 128
FLOWN = {2018: "2018-08-15", 2015: "2015-10-21"}
SCENES: tuple[tuple[Date, str | None], ...] = (
    (2018, None),
    (2015, None),
    (2018, "training"),
    (2018, "heldout"),
    (2015, "training"),
    (2015, "heldout"),
)
"""Date and ground of each scene file; None is the whole area."""


def write_landscape(
    out: Path,
    *,
    size: int = 2048,
    seed: int = 1,
    points: int = 10_000,
    shift: Shift = "both",
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write a landscape on two dates, with its true classes, polygons and reference points.

    The files are written to a temporary folder, which is renamed when complete, so ``out`` is never incomplete.

    Args:
        out: Folder to create; it may exist if it is empty.
        size: Side, pixels of 50 cm, at least 128.
        seed: Seed of the landscape.
        points: Number of reference points, a simple random sample of the area.
        shift: Differences of 2015 from 2018: the sensor (with sun and season), the land use, both or neither.
        progress: Progress callback, called with (done, total) blocks.

    Returns:
        Paths by name: ``2018``, ``truth_2018``, ``polygons_2018``, ``scene_2018`` … and ``points``.

    Raises:
        LulcsegError: ``size``, ``points`` or ``shift`` is out of range, or ``out`` is not empty or can't be written.
    """
    _check_arguments(size, points, shift)
    out = Path(out)
    workplace = _make_temporary_folder(out)
    try:
        partial = workplace / out.name
        partial.mkdir()
        names = _Writer(partial, size, seed, shift).write(points, progress)
        if out.exists():
            out.rmdir()
        partial.replace(out)
    except OSError as error:
        raise _write_error(out, error) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return {name: out / file for name, file in names.items()}


def _check_arguments(size: int, points: int, shift: str) -> None:
    """Raise a LulcsegError if an argument is out of range."""
    if size < SMALLEST:
        raise LulcsegError(f"{size} pixels are too few for a landscape", where="size", remedy=f"use {SMALLEST} or more")
    if points < 1:
        raise LulcsegError(f"{points} reference points are too few", where="points", remedy="use 1 or more")
    if shift not in ("both", "sensor", "landuse", "none"):
        raise LulcsegError(f"unknown shift '{shift}'", where="shift", remedy="use both, sensor, landuse or none")


def _write_error(out: Path, error: OSError) -> LulcsegError:
    return LulcsegError(f"can't be written ({error.strerror or error})", where=out, remedy="choose another folder")


def _make_temporary_folder(out: Path) -> Path:
    """Create a temporary folder beside ``out``, after checking that ``out`` is empty or does not exist."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise LulcsegError(
                "exists and is not an empty folder", where=out, remedy="choose another folder or empty it"
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    except OSError as error:
        raise _write_error(out, error) from error


class _Writer:
    """Writes one landscape to a folder and records the names of its files."""

    def __init__(self, folder: Path, size: int, seed: int, shift: Shift) -> None:
        other_sensor = shift in ("both", "sensor")
        self.folder, self.seed = folder, seed
        self.layout = lay_out(size, seed, land_use_change=shift in ("both", "landuse"), other_season=other_sensor)
        self.grid = Grid(CRS, *ORIGIN, RESOLUTION, RESOLUTION, size, size)
        self.surveys: dict[Date, Survey] = {2018: SURVEY_2018, 2015: SURVEY_2015 if other_sensor else SURVEY_2018}
        self.names: dict[str, str] = {}

    def write(self, points: int, progress: Progress | None) -> dict[str, str]:
        """Write all files and return their names by key."""
        windows = list(blocks(self.grid.window, TILE, TILE))
        finished = 0
        for date in self.surveys:
            for _ in self._write_rasters(date, windows):
                finished += 1
                if progress is not None:
                    progress(finished, len(windows) * len(self.surveys))
            drawn = digitise(self.layout, date, self.seed)
            self._write_vectors(f"polygons_{date}", {"class": drawn["class"]}, drawn.geometry.array)
        self._write_points(points)
        for ground, outline in zip(("training", "heldout"), self.layout.grounds, strict=True):
            self._write_vectors(f"{ground}_ground", {"name": [ground]}, [outline])
        for date, part in SCENES:
            self._write_scene(date, part)
        return self.names

    def _register(self, name: str, suffix: str) -> Path:
        """Record a file under a key and return its path."""
        self.names[name] = name + suffix
        return self.folder / self.names[name]

    def _write_rasters(self, date: Date, windows: list[Window]) -> Iterator[Window]:
        """Write the mosaic and the true classes of one date block by block, and yield each block once it is written."""
        renderer = Renderer(self.layout, date, self.surveys[date], self.seed, 2 * self.seed + (date == 2015))
        profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint8", "crs": CRS, "compress": "deflate"}
        profile |= {"height": self.grid.height, "width": self.grid.width, "transform": Affine(*self.grid.transform)}
        profile |= {"tiled": True, "blockxsize": 256, "blockysize": 256, "BIGTIFF": "IF_SAFER"}
        mosaic_path, truth_path = self._register(str(date), ".tif"), self._register(f"truth_{date}", ".tif")
        with (
            rasterio.open(mosaic_path, "w", count=3, photometric="RGB", predictor=2, **profile) as mosaic,
            rasterio.open(truth_path, "w", count=1, nodata=IGNORE, **profile) as truth,
        ):
            colours = PAPER_LEGEND.colours.tolist()
            truth.write_colormap(1, {code: (*rgb, 255) for code, rgb in zip(PAPER_LEGEND.codes, colours, strict=True)})
            for window in windows:
                at = RasterWindow(window.col, window.row, window.width, window.height)
                mosaic.write(renderer.image(window), window=at)
                truth.write(renderer.classes(window), 1, window=at)
                yield window

    def _write_vectors(self, name: str, columns: dict[str, Any], shapes: Any) -> None:
        """Write geometries in pixel coordinates to a GeoPackage in map coordinates."""
        grid = self.grid
        corner, step = np.array([grid.left, grid.top]), np.array([grid.xres, -grid.yres])
        geometry = shapely.transform(np.asarray(shapes, dtype=object), lambda xy: corner + xy * step)
        frame = gpd.GeoDataFrame(columns, geometry=geometry, crs=grid.crs)
        write_layer(frame, self._register(name, ".gpkg"), name)

    def _write_points(self, count: int) -> None:
        """Draw reference points and sample their true classes from the truth rasters."""
        rng = keyed(self.seed, 77)
        spots = shapely.points(rng.uniform(0, self.grid.width, count), rng.uniform(0, self.grid.height, count))
        names = dict(zip(PAPER_LEGEND.codes, PAPER_LEGEND.names, strict=True))
        left, top = self.grid.left, self.grid.top
        xy = shapely.get_coordinates(spots) * (RESOLUTION, -RESOLUTION) + (left, top)
        places = [(float(x), float(y)) for x, y in xy]
        columns: dict[str, Any] = {}
        for date in self.surveys:
            with rasterio.open(self.folder / self.names[f"truth_{date}"]) as truth:
                columns[f"class_{date}"] = [names[int(value[0])] for value in truth.sample(places)]
        columns["heldout"] = shapely.contains(self.layout.grounds[1], spots)
        self._write_vectors("points", columns, spots)

    def _write_scene(self, date: Date, part: str | None) -> None:
        """Write a scene file, with paths relative to it."""
        name = f"{date}" if part is None else f"{date}_{part}"
        scene: dict[str, Any] = {"name": f"synthetic_{name}", "date": FLOWN[date]}
        scene["imagery"] = {"files": [self.names[str(date)]], "bands": [1, 2, 3]}
        if part is not None:
            scene["boundary"] = self.names[f"{part}_ground"]
        scene["labels"] = {"file": self.names[f"polygons_{date}"], "column": "class", "uncovered": "Other"}
        scene["legend"] = PAPER_LEGEND.to_plain()
        scene["points"] = {"file": self.names["points"], "column": f"class_{date}", "design": "simple random"}
        text = yaml.safe_dump(scene, sort_keys=False, default_flow_style=None, allow_unicode=True)
        self._register(f"scene_{name}", ".yaml").write_text(text, encoding="utf-8")
