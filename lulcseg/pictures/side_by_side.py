"""Imagery and maps of the same ground side by side (the paper's Figure 11: single and multiple pass)."""

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
from lulcseg.pictures.canvas import EDGE, GAP, SMALL, TEXT, Canvas, line_height, shorten_text
from lulcseg.pictures.class_map import ClassMap, class_lookup, join_classes
from lulcseg.pictures.ground_scale import metres_per_pixel
from lulcseg.pictures.painting import enlarge, paint_classes
from lulcseg.pictures.reduced_imagery import window_imagery
from lulcseg.pictures.sheet import NO_CLASS, Key, Sheet, format_share
from lulcseg.pictures.window_choice import choose_window, differs, window_around
from lulcseg.scene.scene import Scene

LEAST_SIZE, MOST_SIZE = 16, 2048
"""Bounds of a window's side, pixels."""

_LEAST_SIDE = 320
"""Smaller windows are enlarged by a whole factor, pixels."""

_LEAST_ACROSS = 280
_MOST_IN_A_ROW = 4
_CAPTION = 46
_DIFFERING = (178, 24, 60)
_FADED = 0.3
"""Share of the imagery's contrast that is left where maps agree."""


@dataclass(frozen=True)
class SideBySide:
    """A picture of maps side by side.

    Attributes:
        picture: RGB.
        window: Its ground, in pixels of the scene's grid.
        centre: Centre of the window, in map units.
        about: Where the window is and why it was chosen, in a sentence.
    """

    picture: Image.Image
    window: Window
    centre: tuple[float, float]
    about: str


@dataclass(frozen=True)
class _Panel:
    """A picture with its title and a line about it."""

    title: str
    about: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Ground:
    """A window: its maps and labels as places in ``classes``, (h, w) uint8, 255 where there is no class."""

    scene: Scene
    window: Window
    maps: Sequence[ClassMap]
    read: Sequence[NDArray[np.uint8]]
    labels: NDArray[np.uint8] | None
    classes: Sequence[LandClass]

    def legend_keys(self) -> list[Key]:
        """Return the legend of the classes that occur."""
        drawn = [*self.read, *([] if self.labels is None else [self.labels])]
        places = np.unique(np.concatenate([index.ravel() for index in drawn])).tolist()
        keys = [Key(self.classes[k].colour, self.classes[k].name) for k in places if k != IGNORE]
        return [*keys, Key(None, NO_CLASS)] if IGNORE in places else keys

    def difference(self) -> str:
        """Return on how much of the window the first two maps differ, in words."""
        one, other = self.read[:2]
        both, differing = int(((one != IGNORE) & (other != IGNORE)).sum()), int(differs(one, other).sum())
        return f"on {format_share(differing, both)} of the ground that both map" if differing else "nowhere"

    def panels(self, factor: int) -> list[_Panel]:
        """Return the panels, each pixel enlarged to a square of ``factor`` × ``factor``."""
        imagery = window_imagery(self.scene, self.window, max(self.window.height, self.window.width))
        imagery = enlarge(imagery, factor)
        date, name = self.scene.date, self.scene.name
        panels = [_Panel("Imagery" if date is None else f"Imagery, {date}", name, imagery)]
        alike = len({m.path.name for m in self.maps}) < len(self.maps)
        panels += [
            _Panel(m.title, str(m.path) if alike else m.path.name, paint_classes(enlarge(index, factor), self.classes))
            for m, index in zip(self.maps, self.read, strict=True)
        ]
        if self.labels is not None:
            panels.append(_Panel("Labels", name, paint_classes(enlarge(self.labels, factor), self.classes)))
        if len(self.read) > 1:
            title = "Where they differ" if len(self.read) == 2 else "Where the first two differ"
            where = enlarge(differs(*self.read[:2]), factor)
            panels.append(_Panel(title, self.difference(), _marked(imagery, where)))
        return panels


def draw_side_by_side(
    paths: Sequence[Path], scene: Scene, *, at: tuple[float, float] | None = None, size: int = 768
) -> SideBySide:
    """Draw a window of a scene's imagery, of maps of it and of its labels side by side, at full resolution.

    A pixel of the imagery or a map is a pixel of the picture, or a square of pixels if the window is small. With two
    or more maps, a last panel marks where the first two differ.

    Args:
        paths: Maps on the scene's pixels; each may cover a part of the scene. A map that carries no legend has the
            scene's.
        scene: The scene. Its labels are drawn if there are any in the window.
        at: Easting and northing of the window's centre, in the scene's CRS; near an edge the window is moved inside.
            None: where the first two maps differ most, or, of a single map, where the mix of classes is richest.
        size: Side of the window in pixels, 16…2,048; cut if the maps share less ground.

    Returns:
        The picture, and where it is.

    Raises:
        LulcsegError: A size out of bounds; a file that is missing, isn't a map, or isn't aligned with the scene's
            pixels; maps that share no ground; ``at`` outside of it.
    """
    if not LEAST_SIZE <= size <= MOST_SIZE:
        raise LulcsegError(
            f"{size} pixels are out of bounds", where="--size", remedy=f"choose {LEAST_SIZE} to {MOST_SIZE:,}"
        )
    maps = [ClassMap.open(path, scene.legend) for path in paths]
    area = _shared_ground(maps, scene)
    classes = join_classes([*(m.legend for m in maps), scene.legend])
    window = choose_window(maps, classes, scene.grid, area, size) if at is None else _window_at(at, scene, area, size)
    read = [m.read(window, scene.grid, classes) for m in maps]
    ground = _Ground(scene, window, maps, read, _labels(scene, classes, window), classes)
    b = scene.grid.bounds(window)
    centre = (b.left + b.right) / 2, (b.bottom + b.top) / 2
    where = f"{window.height:,} × {window.width:,} pixels around {centre[0]:.10g},{centre[1]:.10g}"
    named = f"{where} ({CRS.from_user_input(scene.grid.crs).name})"
    return SideBySide(_lay_out(ground, named), window, centre, f"{where}{_reason(ground, given=at is not None)}.")


def _shared_ground(maps: Sequence[ClassMap], scene: Scene) -> Window:
    """Return the ground that a scene and all maps of it share."""
    area = scene.grid.window
    for number, class_map in enumerate(maps):
        area = area.intersection(class_map.window_in(scene.grid))
        if area.is_empty:
            others = "the scene and the maps before it" if number else "the scene"
            raise LulcsegError(
                f"shares no ground with {others}", where=class_map.path, remedy="give maps of one ground"
            )
    return area


def _window_at(at: tuple[float, float], scene: Scene, area: Window, size: int) -> Window:
    b = scene.grid.bounds(area)
    if not (b.left <= at[0] < b.right and b.bottom < at[1] <= b.top):
        raise LulcsegError(
            f"{at[0]:.10g},{at[1]:.10g} is outside the ground that the scene and the maps share",
            where="--at",
            remedy=f"choose E from {b.left:.10g} to {b.right:.10g} and N from {b.bottom:.10g} to {b.top:.10g}",
        )
    row, col = scene.grid.rowcol(*at)
    return window_around(int(row), int(col), area, size)


def _labels(scene: Scene, classes: Sequence[LandClass], window: Window) -> NDArray[np.uint8] | None:
    """Return a scene's labels, or None if there are none in the window."""
    if scene.labels is None:
        return None
    index: NDArray[np.uint8] = class_lookup(scene.legend, classes)[scene.labels.read(window)]
    return index if (index != IGNORE).any() else None


def _marked(imagery: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return imagery faded to light greys, with some of its pixels marked."""
    grey = 255 - _FADED * (255 - imagery.mean(axis=2, keepdims=True))
    picture = np.rint(grey).astype(np.uint8).repeat(3, axis=2)
    picture[where] = _DIFFERING
    return picture


def _reason(ground: _Ground, *, given: bool) -> str:
    """Return why a window was chosen, and how far maps differ there, in words."""
    if len(ground.read) == 1:
        return "" if given else ", where the mix of classes is richest"
    difference = ground.difference()
    if given:
        return f": the first two maps differ {difference}"
    if difference == "nowhere":
        return ", where the mix of classes is richest: the first two maps differ nowhere"
    return f", where the first two maps differ most: {difference}"


def _lay_out(ground: _Ground, where: str) -> Image.Image:
    """Lay out the page: panels in rows as even as possible, scale bar, legend, and where the window is."""
    window, keys = ground.window, ground.legend_keys()
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
    foot = sheet.bar_height(metres) + sheet.keys_height(width, keys) + sheet.px(6) + line_height(small)
    canvas = Canvas(width + 2 * EDGE, EDGE + rows * down + foot + EDGE)
    for number, panel in enumerate(panels):
        x, y = EDGE + number % columns * (across + GAP), EDGE + number // columns * down
        below = canvas.text(x, y, shorten_text(panel.title, across, text, bold=True), across, text, bold=True)
        canvas.text(x, below, shorten_text(panel.about, across, small), across, small, muted=True)
        canvas.framed_picture(x, y + caption, panel.pixels)
    per_pixel = None if metres is None else metres / factor
    y = sheet.scale_bar(canvas, EDGE, EDGE + rows * down, per_pixel, max(60, wide // 3))
    y = sheet.keys(canvas, EDGE, y, width, keys)
    canvas.text(EDGE, y + sheet.px(6), shorten_text(where, width, small), width, small, muted=True)
    return canvas.page
