"""Class maps to be pictured: their legends joined by name, and their pixels on a scene's grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, PAPER_LEGEND, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster, carried_legend, open_raster
from lulcseg.maps.share_encoding import SHARE_SCALE
from lulcseg.pictures.map_names import describe_passes
from lulcseg.scene.file_names import FileName
from lulcseg.scene.raster_headers import same_crs


@dataclass(frozen=True)
class ClassMap:
    """A class map: its file, its legend, its pixel grid and its tags."""

    path: FileName
    legend: Legend
    grid: Grid
    tags: dict[str, str]

    @classmethod
    def open(cls, path: FileName, fallback: Legend | None = None) -> ClassMap:
        """Read a map's header.

        Args:
            path: The map.
            fallback: Legend used if the map carries none.

        Raises:
            LulcsegError: The map is missing, isn't a class raster, or has no legend.
        """
        if holds_values(path):
            raise LulcsegError("holds values, not classes", where=path, remedy="draw it with lulcseg quicklook")
        legend = carried_legend(path) or fallback
        with ClassRaster(path, legend or PAPER_LEGEND) as raster:  # reports files that can't hold classes first
            grid = raster.grid
        if legend is None:
            raise LulcsegError(
                "carries no legend", where=path, remedy="name its scene with --scene, whose legend is then used"
            )
        return cls(path, legend, grid, read_tags(path))

    @property
    def title(self) -> str:
        """Caption of its picture: its passes if the tags state them, else its file name."""
        passes = describe_passes(self.tags)
        return f"Map, {passes}" if passes else self.path.stem

    def window_in(self, grid: Grid) -> Window:
        """Return its extent in pixels of another grid, such as a scene's.

        Raises:
            LulcsegError: Its pixels are not aligned with that grid.
        """
        if not same_crs(self.grid.crs, grid.crs):
            own, others = CRS.from_user_input(self.grid.crs).name, CRS.from_user_input(grid.crs).name
            raise LulcsegError(f"is in {own}, the scene in {others}", where=self.path, remedy="give maps of the scene")
        offset = grid.offset_of(self.grid)
        if offset is None:
            raise LulcsegError(
                f"its pixels ({_describe_pixels(self.grid)}) are not the scene's ({_describe_pixels(grid)})",
                where=self.path,
                remedy="give maps of the scene, or warp it to the scene's pixels",
            )
        return Window(*offset, self.grid.height, self.grid.width)

    @contextmanager
    def opened(self, grid: Grid, classes: Sequence[LandClass]) -> Iterator[ClassMapReader]:
        """Open its pixels for reading by windows of a grid.

        Args:
            grid: The grid whose windows are read, such as a scene's.
            classes: The classes whose places are returned; all of its own among them.

        Raises:
            LulcsegError: Its pixels are not aligned with the grid, or it can't be read.
        """
        place = self.window_in(grid)
        with ClassRaster(self.path, self.legend) as raster:
            yield ClassMapReader(raster, place, class_lookup(self.legend, classes))

    def read(self, window: Window, grid: Grid, classes: Sequence[LandClass]) -> NDArray[np.uint8]:
        """Return a window of a grid as places in ``classes``, (h, w) uint8, 255 where there is no class.

        Raises:
            LulcsegError: As :meth:`opened`, or a code that the legend lacks.
        """
        with self.opened(grid, classes) as reader:
            return reader.read(window)


@dataclass(frozen=True)
class ClassMapReader:
    """An open class map, read by windows of a grid."""

    raster: ClassRaster
    place: Window
    lookup: NDArray[np.uint8]

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return a window's classes, (h, w) uint8, 255 where there is none."""
        own = Window(window.row - self.place.row, window.col - self.place.col, window.height, window.width)
        index: NDArray[np.uint8] = self.lookup[self.raster.read(own)]
        return index


def holds_values(path: FileName) -> bool:
    """Return whether a raster's first band is a layer of values 0…1 in steps of 1/250, by its scale.

    Of several bands, that is the disagreement of an ensemble; those of probabilities are one layer a class.

    Raises:
        LulcsegError: The file is missing or isn't a raster.
    """
    with open_raster(path) as data:
        is_layer = data.count == 1 or data.descriptions[0] == "disagreement"
        return bool(is_layer and data.dtypes[0] == "uint8" and abs(data.scales[0] - SHARE_SCALE) < 1e-6)


def read_tags(path: FileName) -> dict[str, str]:
    """Return a raster's metadata."""
    with open_raster(path) as data:
        return {str(key): str(value) for key, value in data.tags().items()}


def join_classes(legends: Sequence[Legend]) -> list[LandClass]:
    """Return the classes of several legends, each name once, as the first legend that has it defines it."""
    by_name: dict[str, LandClass] = {}
    for legend in legends:
        for land_class in legend:
            by_name.setdefault(land_class.name, land_class)
    return list(by_name.values())


def class_lookup(legend: Legend, classes: Sequence[LandClass]) -> NDArray[np.uint8]:
    """Return a (256,) table from a legend's class index to the place of that name in ``classes``; else 255.

    Example:
        >>> cane, road = LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333")
        >>> class_lookup(Legend((cane, road)), [road, cane])[:3].tolist()
        [1, 0, 255]
    """
    names = {c.name: number for number, c in enumerate(classes)}
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[: len(legend)] = [names[c.name] for c in legend]
    return table


def _describe_pixels(grid: Grid) -> str:
    return f"{grid.xres:g} × {grid.yres:g} from {grid.left:.10g}, {grid.top:.10g}"
