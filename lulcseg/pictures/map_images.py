"""What pictures of maps show: maps with the legends they carry, and imagery of the same ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, PAPER_LEGEND, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster, carried_legend, open_raster
from lulcseg.maps.stored_shares import SHARE_SCALE
from lulcseg.pictures.previews import PreviewCells, PreviewScene, imagery_means
from lulcseg.scene.raster_headers import same_crs


@dataclass(frozen=True)
class ShownMap:
    """A class map to be shown: where it is, what its classes are, its pixels and its tags."""

    path: Path
    legend: Legend
    grid: Grid
    tags: dict[str, str]

    @classmethod
    def open(cls, path: Path, fallback: Legend | None = None) -> ShownMap:
        """Read a map's header.

        Args:
            path: The map.
            fallback: Its classes, if it carries no legend.

        Raises:
            LulcsegError: It is missing, no class raster, or nothing tells its classes.
        """
        if holds_values(path):
            raise LulcsegError("holds values, not classes", where=path, remedy="see it with lulcseg quicklook")
        legend = carried_legend(path) or fallback
        with ClassRaster(
            path, legend or PAPER_LEGEND
        ) as raster:  # a file that can hold no classes at all is told first
            grid = raster.grid
        if legend is None:
            raise LulcsegError(
                "carries no legend", where=path, remedy="name its scene with --scene, whose legend is then taken"
            )
        return cls(path, legend, grid, tags_of(path))

    @property
    def title(self) -> str:
        """What it is called above its picture: by its passes where its tags say them, else by its file."""
        passes = passes_of(self.tags)
        return f"Map, {passes}" if passes else self.path.stem

    def window_in(self, grid: Grid) -> Window:
        """Return where it lies in a scene's grid.

        Raises:
            LulcsegError: Its pixels aren't the scene's.
        """
        if not same_crs(self.grid.crs, grid.crs):
            own, others = CRS.from_user_input(self.grid.crs).name, CRS.from_user_input(grid.crs).name
            raise LulcsegError(f"is in {own}, the scene in {others}", where=self.path, remedy="give maps of the scene")
        offset = grid.offset_of(self.grid)
        if offset is None:
            raise LulcsegError(
                f"its pixels ({_pixels(self.grid)}) are not the scene's ({_pixels(grid)})",
                where=self.path,
                remedy="give maps of the scene, or warp it to the scene's pixels",
            )
        return Window(*offset, self.grid.height, self.grid.width)


def holds_values(path: Path) -> bool:
    """Whether a raster holds values 0…1 in steps of 1/250 (confidence and the like), as its band's scale says.

    Raises:
        LulcsegError: The file is missing or no raster.
    """
    with open_raster(path) as data:
        return bool(data.count == 1 and data.dtypes[0] == "uint8" and abs(data.scales[0] - SHARE_SCALE) < 1e-6)


def tags_of(path: Path) -> dict[str, str]:
    """Return a raster's metadata."""
    with open_raster(path) as data:
        return {str(key): str(value) for key, value in data.tags().items()}


def passes_of(tags: Mapping[str, str]) -> str:
    """Say by which passes a map was made, as far as its tags tell: ``single pass``."""
    label = tags.get("mosaic", "")
    return map_title(label).removeprefix("Map").removeprefix(", ") or label.replace("_", " ")


def classes_of(legends: Sequence[Legend]) -> list[LandClass]:
    """Return the classes of several legends, each name once, as the first that has it states it."""
    by_name: dict[str, LandClass] = {}
    for legend in legends:
        for land_class in legend:
            by_name.setdefault(land_class.name, land_class)
    return list(by_name.values())


def joint_table(legend: Legend, classes: Sequence[LandClass]) -> NDArray[np.uint8]:
    """Return a (256,) table from a legend's class index to the class of the same name in ``classes``; else 255."""
    names = {c.name: number for number, c in enumerate(classes)}
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[: len(legend)] = [names[c.name] for c in legend]
    return table


def imagery_picture(scene: PreviewScene, window: Window, longest: int) -> NDArray[np.uint8]:
    """Show a window of a scene's imagery, as the report's previews do.

    Args:
        scene: An open scene.
        window: The ground, in pixels of the scene's grid.
        longest: Longer side of the picture in pixels; a smaller window keeps its pixels.

    Returns:
        (h, w, 3) uint8, white where there is no imagery.
    """
    return imagery_means(_Part(scene, window), PreviewCells(scene.grid.crop(window), longest))


class _Part:
    """A window of a scene as a scene of its own."""

    labels = None

    def __init__(self, scene: PreviewScene, window: Window) -> None:
        self.name, self.legend, self.bands, self.dtype = scene.name, scene.legend, scene.bands, scene.dtype
        self.grid = scene.grid.crop(window)
        self.imagery = self
        self._scene, self._window = scene, window

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        moved = Window(window.row + self._window.row, window.col + self._window.col, window.height, window.width)
        return self._scene.imagery.read(moved)


def _pixels(grid: Grid) -> str:
    return f"{grid.xres:g} × {grid.yres:g} from {grid.left:.10g}, {grid.top:.10g}"


_PASSES = {
    "single": "single pass",
    "multiple": "multiple pass",
    "cheap": "two passes",
    "crop": "trimmed patches",
}


def map_title(mosaic: str | None) -> str:
    """Name a map by its passes, what was changed in them, and what stood for the batch where that was chosen.

    Args:
        mosaic: As maps are labelled: ``single``, ``multiple-hann``, ``single_patch``.
    """
    label, _, variant = (mosaic or "").partition("_")
    name, *changes = label.split("-")
    if name == "own":
        shown = "passes of its own"
    elif name in _PASSES:
        shown = _PASSES[name]
    else:
        return "Map"
    shown += f" ({', '.join(changes)})" if changes else ""
    return f"Map, {shown}" + (f", scaled over the {variant}" if variant else "")
