"""Writes the landscape's further sources, at 2 m, and scene files that list them beside the mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rasterio
import yaml
from affine import Affine
from rasterio.windows import Window as RasterWindow

from lulcseg.grid import Window, blocks
from lulcseg.scene.synthetic.heights_infrared import COARSER, HEIGHTS, near_infrared, surface_heights
from lulcseg.scene.synthetic.layout import Date, lay_out
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import SURVEY_2015, SURVEY_2018, TILE
from lulcseg.scene.synthetic.write import CRS, ORIGIN, RESOLUTION

VERSION = 1
"""Version of these files, part of the cache key: increase it whenever they change for a given size and seed."""

SOURCES: dict[str, dict[str, Any]] = {
    "dsm": {"resampling": "bilinear", "range": list(HEIGHTS)},
    "nir": {"resampling": "bilinear", "optical": True},
}
"""The sources by name, as scene files state them."""


def write_sources(folder: Path, *, size: int, seed: int, date: Date) -> None:
    """Write the sources of a date, of the landscape that ``write_landscape`` makes of the same size and seed.

    Args:
        folder: Folder to write to.
        size: Side of the landscape, pixels of 50 cm.
        seed: Its seed.
        date: The date.
    """
    renderer = Renderer(
        lay_out(size, seed), date, SURVEY_2018 if date == 2018 else SURVEY_2015, seed, 2 * seed + (date == 2015)
    )
    side, step = -(-size // COARSER), RESOLUTION * COARSER
    transform = Affine(step, 0, ORIGIN[0], 0, -step, ORIGIN[1])
    profile = {"driver": "GTiff", "crs": CRS, "transform": transform, "count": 1, "height": side, "width": side}
    profile |= {"compress": "deflate", "tiled": True, "blockxsize": 256, "blockysize": 256}
    with (
        rasterio.open(folder / "dsm.tif", "w", dtype="float32", predictor=3, **profile) as dsm,
        rasterio.open(folder / "nir.tif", "w", dtype="uint8", predictor=2, **profile) as nir,
    ):
        for window in blocks(Window(0, 0, side, side), TILE // COARSER, TILE // COARSER):
            at = RasterWindow(window.col, window.row, window.width, window.height)
            dsm.write(surface_heights(renderer, window), 1, window=at)
            nir.write(near_infrared(renderer, date, window), 1, window=at)


def scene_with(scene: Path, sources: Sequence[str]) -> str:
    """Return the text of a scene file, for the folder of the sources, that lists them beside the mosaic.

    Args:
        scene: The scene file of the mosaic alone, in the folder above.
        sources: Names of the sources, in order.
    """
    content = yaml.safe_load(scene.read_text(encoding="utf-8"))
    mosaic = content["imagery"] | {"files": [f"../{name}" for name in content["imagery"]["files"]]}
    listed = [{"name": name, "files": [f"{name}.tif"], **SOURCES[name]} for name in sources]
    content["imagery"] = [{"name": "rgb", **mosaic}, *listed]
    for key in ("labels", "points"):
        content[key]["file"] = f"../{content[key]['file']}"
    if "boundary" in content:
        content["boundary"] = f"../{content['boundary']}"
    return str(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True))
