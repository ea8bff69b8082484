"""The same ground in imagery and on maps, side by side (the paper's Figure 11: single and multiple pass)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE, LandClass
from lulcseg.maps.classraster import ClassRaster
from lulcseg.pictures.canvas import SMALL, TEXT, Canvas
from lulcseg.pictures.map_images import ShownMap, classes_of, imagery_picture, joint_table
from lulcseg.pictures.sheet import (
    EDGE,
    GAP,
    NO_CLASS,
    Key,
    Sheet,
    enlarged,
    framed,
    metres_per_pixel,
    painted,
    share_text,
    shortened,
)
from lulcseg.pictures.window_choice import choose_window, differs, window_around
from lulcseg.scene.scene import Scene

LEAST_SIZE, MOST_SIZE = 16, 2048
"""Sides that a window may have, pixels."""

_LEAST_SIDE = 320
"""Smaller windows are enlarged by a whole factor, so that they can be seen, pixels."""

_LEAST_ACROSS = 280
_MOST_IN_A_ROW = 4
_CAPTION = 46
_DIFFERING = (178, 24, 60)
_FADED = 0.3
"""How much of the imagery's light and dark is left where maps agree."""


@dataclass(frozen=True)
class Beside:
    """A picture of maps side by side.

    Attributes:
        picture: RGB.
        window: The ground it shows, in pixels of the scene's grid.
        centre: Of the window, in map units.
        about: Where that is and what makes it worth seeing, in a sentence.
    """

    picture: Image.Image
    window: Window
    centre: tuple[float, float]
    about: str


@dataclass(frozen=True)
class _Panel:
    """A picture, what it is called, and a line about it."""

    title: str
    about: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Ground:
    """What there is of a window: maps and labels as places in ``classes``, (h, w) uint8, 255 where there is none."""

    scene: Scene
    window: Window
    maps: Sequence[ShownMap]
    read: Sequence[NDArray[np.uint8]]
    labels: NDArray[np.uint8] | None
    classes: Sequence[LandClass]

    def occurring(self) -> list[Key]:
        """Return the classes that occur."""
        shown = [*self.read, *([] if self.labels is None else [self.labels])]
        places = np.unique(np.concatenate([index.ravel() for index in shown])).tolist()
        keys = [Key(self.classes[k].colour, self.classes[k].name) for k in places if k != IGNORE]
        return [*keys, Key(None, NO_CLASS)] if IGNORE in places else keys

    def difference(self) -> str:
        """Say on how much of the window the first two maps differ."""
        one, other = self.read[:2]
        both, differing = int(((one != IGNORE) & (other != IGNORE)).sum()), int(differs(one, other).sum())
        return f"on {share_text(differing, both)} of the ground that both map" if differing else "nowhere"

    def panels(self, factor: int) -> list[_Panel]:
        """Return what stands side by side, each pixel a square of ``factor`` × ``factor``."""
        imagery = imagery_picture(self.scene, self.window, max(self.window.height, self.window.width))
        imagery = enlarged(imagery, factor)
        date, name = self.scene.date, self.scene.name
        panels = [_Panel("Imagery" if date is None else f"Imagery, {date}", name, imagery)]
        alike = len({m.path.name for m in self.maps}) < len(self.maps)
        panels += [
            _Panel(m.title, str(m.path) if alike else m.path.name, painted(enlarged(index, factor), self.classes))
            for m, index in zip(self.maps, self.read, strict=True)
        ]
        if self.labels is not None:
            panels.append(_Panel("Labels", name, painted(enlarged(self.labels, factor), self.classes)))
        if len(self.read) > 1:
            title = "Where they differ" if len(self.read) == 2 else "Where the first two differ"
            where = enlarged(differs(*self.read[:2]), factor)
            panels.append(_Panel(title, self.difference(), _marked(imagery, where)))
        return panels


def beside(paths: Sequence[Path], scene: Scene, *, at: tuple[float, float] | None = None, size: int = 768) -> Beside:
    """Draw a window of a scene's imagery, maps of it, and its labels, side by side at full resolution.

    A pixel of the imagery or a map is a pixel of the picture, or a square of them where the window is small. With two
    maps or more, a last panel marks where the first two differ.

    Args:
        paths: Maps on the scene's pixels; each may be a part of the scene. One that carries no legend has the
            scene's.
        scene: The scene. Its labels are shown where there are any in the window.
        at: Easting and northing of the window's middle, in the scene's CRS; near an edge the window is moved inside.
            None: where the first two maps differ most, or where the mix of classes is richest on a single one.
        size: Side of the window in pixels, 16…2,048; less where the maps share less ground.

    Returns:
        The picture, and where it is.

    Raises:
        LulcsegError: A size out of bounds; a map that is missing, no map, or not on the scene's pixels; maps that
            share no ground; ``at`` outside of it.
    """
    if not LEAST_SIZE <= size <= MOST_SIZE:
        raise LulcsegError(
            f"{size} pixels are no side for a window", where="--size", remedy=f"choose {LEAST_SIZE} to {MOST_SIZE:,}"
        )
    maps = [ShownMap.open(path, scene.legend) for path in paths]
    area = _shared(maps, scene)
    classes = classes_of([*(m.legend for m in maps), scene.legend])
    window = choose_window(maps, classes, scene.grid, area, size) if at is None else _window_at(at, scene, area, size)
    read = [_read(m, classes, scene, window) for m in maps]
    ground = _Ground(scene, window, maps, read, _labels(scene, classes, window), classes)
    b = scene.grid.bounds(window)
    centre = (b.left + b.right) / 2, (b.bottom + b.top) / 2
    where = f"{window.height:,} × {window.width:,} pixels around {centre[0]:.10g},{centre[1]:.10g}"
    named = f"{where} ({CRS.from_user_input(scene.grid.crs).name})"
    return Beside(_page(ground, named), window, centre, f"{where}{_why(ground, wished=at is not None)}.")


def _shared(maps: Sequence[ShownMap], scene: Scene) -> Window:
    """Return the ground that a scene and all maps of it share."""
    area = scene.grid.window
    for number, shown in enumerate(maps):
        area = area.intersection(shown.window_in(scene.grid))
        if area.is_empty:
            others = "the scene and the maps before it" if number else "the scene"
            raise LulcsegError(f"shares no ground with {others}", where=shown.path, remedy="give maps of one ground")
    return area


def _window_at(at: tuple[float, float], scene: Scene, area: Window, size: int) -> Window:
    b = scene.grid.bounds(area)
    if not (b.left <= at[0] < b.right and b.bottom < at[1] <= b.top):
        raise LulcsegError(
            f"{at[0]:.10g},{at[1]:.10g} is off the ground that the scene and the maps share",
            where="--at",
            remedy=f"choose E from {b.left:.10g} to {b.right:.10g} and N from {b.bottom:.10g} to {b.top:.10g}",
        )
    row, col = scene.grid.rowcol(*at)
    return window_around(int(row), int(col), area, size)


def _read(shown: ShownMap, classes: Sequence[LandClass], scene: Scene, window: Window) -> NDArray[np.uint8]:
    place = shown.window_in(scene.grid)
    own = Window(window.row - place.row, window.col - place.col, window.height, window.width)
    with ClassRaster(shown.path, shown.legend) as raster:
        index: NDArray[np.uint8] = joint_table(shown.legend, classes)[raster.read(own)]
    return index


def _labels(scene: Scene, classes: Sequence[LandClass], window: Window) -> NDArray[np.uint8] | None:
    """Return a scene's labels, or None where there are none in the window."""
    if scene.labels is None:
        return None
    index: NDArray[np.uint8] = joint_table(scene.legend, classes)[scene.labels.read(window)]
    return index if (index != IGNORE).any() else None


def _marked(imagery: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fade imagery to light greys, and mark some of its pixels."""
    grey = 255 - _FADED * (255 - imagery.mean(axis=2, keepdims=True))
    picture = np.rint(grey).astype(np.uint8).repeat(3, axis=2)
    picture[where] = _DIFFERING
    return picture


def _why(ground: _Ground, *, wished: bool) -> str:
    """Say why a window was chosen, and how far maps differ there."""
    if len(ground.read) == 1:
        return "" if wished else ", where the mix of classes is richest"
    difference = ground.difference()
    if wished:
        return f": the first two maps differ {difference}"
    if difference == "nowhere":
        return ", where the mix of classes is richest: the first two maps differ nowhere"
    return f", where the first two maps differ most: {difference}"


def _page(ground: _Ground, where: str) -> Image.Image:
    """Put a picture together: panels in rows as even as can be, keys, and where it is."""
    window, keys = ground.window, ground.occurring()
    factor = -(-_LEAST_SIDE // min(window.height, window.width))
    if max(window.height, window.width) * factor > MOST_SIZE:
        factor = 1
    panels = ground.panels(factor)
    high, wide = window.height * factor, window.width * factor
    across = max(wide, _LEAST_ACROSS)
    rows = -(-len(panels) // _MOST_IN_A_ROW)
    columns = -(-len(panels) // rows)
    width = columns * (across + GAP) - GAP
    sheet = Sheet(width)
    text, small, caption = sheet.px(TEXT), sheet.px(SMALL), sheet.px(_CAPTION)
    down = caption + high + sheet.px(10)
    metres = metres_per_pixel(ground.scene.grid.crop(window))
    foot = sheet.bar_height(metres) + sheet.keys_height(width, keys) + sheet.px(6) + round(small * 1.35)
    canvas = Canvas(width + 2 * EDGE, EDGE + rows * down + foot + EDGE)
    for number, panel in enumerate(panels):
        x, y = EDGE + number % columns * (across + GAP), EDGE + number // columns * down
        below = canvas.text(x, y, shortened(panel.title, across, text, bold=True), across, text, bold=True)
        canvas.text(x, below, shortened(panel.about, across, small), across, small, muted=True)
        framed(canvas, x, y + caption, panel.pixels)
    per_pixel = None if metres is None else metres / factor
    y = sheet.scale_bar(canvas, EDGE, EDGE + rows * down, per_pixel, max(60, wide // 3))
    y = sheet.keys(canvas, EDGE, y, width, keys)
    canvas.text(EDGE, y + sheet.px(6), shortened(where, width, small), width, small, muted=True)
    return canvas.page
