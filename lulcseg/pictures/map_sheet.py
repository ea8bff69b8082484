"""A whole map at a glance: its colours, what they mean, how much of each there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rasterio.enums import Resampling

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE
from lulcseg.maps.areas import class_pixels
from lulcseg.maps.classraster import ClassRaster, open_raster
from lulcseg.maps.stored_shares import SHARE_STEPS
from lulcseg.pictures.canvas import SMALL, TEXT, TITLE, Canvas, font_of, wrapped
from lulcseg.pictures.figures import INK
from lulcseg.pictures.map_images import ShownMap, holds_values, imagery_picture, passes_of, tags_of
from lulcseg.pictures.sheet import (
    EDGE,
    GAP,
    NO_CLASS,
    Key,
    Sheet,
    chequer,
    enlarged,
    framed,
    metres_per_pixel,
    painted,
    share_text,
    shortened,
    text_width,
)
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.scene import Scene

NARROWEST, WIDEST = 320, 6000
"""Widths that a picture may have, pixels."""

_RAMP = "viridis"
_RAMP_ENDS = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Values that the colour ramp may end at: the least that only a hundredth of the pixels go beyond."""
_MOST_COUNTED = 250_000_000
"""Pixels of a map that are all counted, strip by strip; of larger ones those of the picture are."""

_CAPTION = 26
_RAMP_LONGEST, _RAMP_HIGH = 420, 16
_LEAST_CONTENT = 560
"""Width that text has even above a narrow map, pixels, if the picture's own allows."""


@dataclass(frozen=True)
class _Content:
    """A map read at the size of its picture.

    Attributes:
        title: What it is called.
        tags: The file's metadata.
        grid: Its pixels.
        pixels: (h, w, 3) uint8.
        keys: Of its classes; empty for a map of values.
        ramp: Name of the values that the colour ramp shows, or None.
        top: Value that the colour ramp ends at.
        note: What the figures are.
    """

    title: str
    tags: dict[str, str]
    grid: Grid
    pixels: NDArray[np.uint8]
    keys: list[Key]
    ramp: str | None
    note: str
    top: float = 1.0


@dataclass(frozen=True)
class _Size:
    """How large a raster is shown: read at (height, width), then enlarged by a whole factor."""

    height: int
    width: int
    factor: int

    @classmethod
    def of(cls, grid: Grid, most_high: int, most_wide: int) -> _Size:
        if grid.height <= most_high and grid.width <= most_wide:
            return cls(grid.height, grid.width, min(most_high // grid.height, most_wide // grid.width))
        scale = max(grid.height / most_high, grid.width / most_wide)
        return cls(max(1, round(grid.height / scale)), max(1, round(grid.width / scale)), 1)


def quicklook(path: Path, *, scene: Scene | None = None, width: int = 1600) -> Image.Image:
    """Draw a whole map, with its legend and the share of each class, and a scale bar.

    Classes have their legend's colours and are never mixed: a pixel of a reduced picture is the commonest class of
    its ground, one of a small map becomes a square of pixels. A raster of one band of values 0…1 in steps of 1/250
    (confidence, entropy, disagreement) is drawn on a colour ramp, which ends where next to no values lie beyond.

    Args:
        path: The map; read through its overviews, where it has them.
        scene: Its scene: the imagery of the same ground is shown at the map's left; its legend is used where the
            map carries none.
        width: Of the picture at most, in pixels, 320…6,000; neither side of the map is longer.

    Returns:
        An RGB picture.

    Raises:
        LulcsegError: A width out of bounds; no such file, no map, a map whose classes nothing tells, or one that
            doesn't lie on its scene's pixels.
    """
    if not NARROWEST <= width <= WIDEST:
        raise LulcsegError(
            f"{width} pixels are no width for a picture", where="--width", remedy=f"choose {NARROWEST} to {WIDEST}"
        )
    room = width - 2 * EDGE
    panel = room if scene is None else (room - GAP) // 2
    content = _values(path, room, panel) if holds_values(path) else _classes(path, scene, room, panel)
    panels = [("", content.pixels)]
    if scene is not None:
        caption = "Imagery" if scene.date is None else f"Imagery, {scene.date}"
        panels = [(caption, _imagery_beside(scene, path, content)), (content.ramp or "Map", content.pixels)]
    return _page(content, panels, room)


def _classes(path: Path, scene: Scene | None, most_high: int, most_wide: int) -> _Content:
    shown = ShownMap.open(path, None if scene is None else scene.legend)
    size = _Size.of(shown.grid, most_high, most_wide)
    with ClassRaster(path, shown.legend) as raster:
        index = raster.overview(size.height, size.width)
    total = shown.grid.height * shown.grid.width
    if total <= _MOST_COUNTED:
        counts, note = class_pixels(path, shown.legend), "Shares of the ground that is mapped"
    else:
        counts, total = np.bincount(index.ravel(), minlength=256)[: len(shown.legend)], index.size
        note = "Shares of the mapped ground in this picture, whose pixels are the commonest class of their ground"
    mapped = int(counts.sum())
    note += f"; {share_text(total - mapped, total)} of the extent has no class." if mapped < total else "."
    keys = [Key(c.colour, c.name, share_text(n, mapped)) for c, n in zip(shown.legend, counts.tolist(), strict=True)]
    keys += [Key(None, NO_CLASS)] if mapped < total else []
    pixels = painted(enlarged(index, size.factor), shown.legend.classes)
    return _Content(path.name, shown.tags, shown.grid, pixels, keys, None, note)


def _values(path: Path, most_high: int, most_wide: int) -> _Content:
    grid = read_header(path).grid
    with open_raster(path) as data:
        name = data.descriptions[0] or path.stem
        size = _Size.of(grid, most_high, most_wide)
        steps = data.read(1, out_shape=(size.height, size.width), resampling=Resampling.average)
    known = steps != IGNORE
    reached = np.percentile(steps[known], 99) / SHARE_STEPS if known.any() else 1.0
    end = min(value for value in _RAMP_ENDS if value >= min(reached, 1.0))
    pixels = enlarged(_ramp(np.arange(256) / (SHARE_STEPS * end))[steps], size.factor)
    chequer(pixels, enlarged(~known, size.factor))
    note = "There is no value anywhere."
    if known.any():
        low, high = np.percentile(steps[known], (5, 95)) / SHARE_STEPS
        mean = steps[known].mean() / SHARE_STEPS
        digits = 2 if end == 1.0 else 3
        spread = f"from {low:.{digits}f} to {high:.{digits}f} on nine tenths of the ground that has values"
        note = f"Mean {mean:.{digits}f}; {spread}."
    if not known.all():
        note += f" {share_text(int((~known).sum()), known.size)} of the picture has none."
    return _Content(path.name, tags_of(path), grid, pixels, [], name, note, end)


def _ramp(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Return colours of shares of the ramp, (n, 3) uint8; beyond its end they are the last one."""
    colours: NDArray[np.float64] = mpl.colormaps[_RAMP](np.minimum(shares, 1.0))[:, :3]
    return np.rint(colours * 255).astype(np.uint8)


def _imagery_beside(scene: Scene, path: Path, content: _Content) -> NDArray[np.uint8]:
    """Return the imagery of a map's ground, at the size of the map's picture."""
    window = ShownMap(path, scene.legend, content.grid, content.tags).window_in(scene.grid)
    if window.intersection(scene.grid.window).is_empty:
        raise LulcsegError("it shares no ground with the scene", where=path, remedy="name the scene it was made from")
    height, width = content.pixels.shape[:2]
    factor = max(1, height // window.height)
    return enlarged(imagery_picture(scene, window, max(height, width)), factor)


def _page(content: _Content, panels: list[tuple[str, NDArray[np.uint8]]], room: int) -> Image.Image:
    """Put a picture together."""
    captioned = len(panels) > 1
    wides = [max(pixels.shape[1], text_width(words) if captioned else 0) for words, pixels in panels]
    wide = max(sum(wides) + GAP * (len(wides) - 1), min(room, _LEAST_CONTENT))
    sheet = Sheet(wide)
    title, text, small = (sheet.px(size) for size in (TITLE, TEXT, SMALL))
    about = _about(content)
    top = EDGE + round(title * 1.5) + _high(about, wide, small) + sheet.px(8)
    panel_top = top + (sheet.px(_CAPTION) if captioned else 0)
    below = panel_top + max(pixels.shape[0] for _, pixels in panels) + sheet.px(10)
    metres = metres_per_pixel(content.grid)
    keys_high = _ramp_height(sheet) if content.ramp else sheet.keys_height(wide, content.keys)
    high = below + sheet.bar_height(metres) + keys_high + sheet.px(6) + _high(content.note, wide, small) + EDGE
    canvas = Canvas(wide + 2 * EDGE, high)
    y = canvas.text(EDGE, EDGE, shortened(content.title, wide, title, bold=True), wide, title, bold=True)
    canvas.text(EDGE, y + round(title * 0.15), about, wide, small, muted=True)
    x = EDGE
    for (words, pixels), across in zip(panels, wides, strict=True):
        if captioned:
            canvas.text(x, top, _capital(words), across, text)
        framed(canvas, x, panel_top, pixels)
        x += across + GAP
    shown = panels[-1][1].shape[1]
    per_pixel = None if metres is None else metres * content.grid.width / shown
    y = sheet.scale_bar(canvas, EDGE, below, per_pixel, max(60, shown // 4))
    y = _draw_ramp(canvas, sheet, y, wide, content) if content.ramp else sheet.keys(canvas, EDGE, y, wide, content.keys)
    canvas.text(EDGE, y + sheet.px(6), content.note, wide, small, muted=True)
    return canvas.page


def _about(content: _Content) -> str:
    """Say of a map what its tags and header tell."""
    tags, grid = content.tags, content.grid
    parts = [
        tags.get("scene", ""),
        tags.get("date", ""),
        passes_of(tags),
        f"{grid.height:,} rows × {grid.width:,} columns",
    ]
    return " · ".join(part for part in parts if part)


def _draw_ramp(canvas: Canvas, sheet: Sheet, y: int, room: int, content: _Content) -> int:
    """Draw the colour bar from 0 to its end, named; return where the next thing begins."""
    small, high = sheet.px(SMALL), sheet.px(_RAMP_HIGH)
    x, width = EDGE, min(sheet.px(_RAMP_LONGEST), room)
    top = canvas.text(x, y, shortened(_capital(content.ramp or ""), width, small), width, small) + sheet.px(4)
    framed(canvas, x, top, _ramp(np.linspace(0, 1, width))[None].repeat(high, axis=0))
    draw = ImageDraw.Draw(canvas.page)
    for share, anchor in ((0.0, "la"), (0.25, "ma"), (0.5, "ma"), (0.75, "ma"), (1.0, "ra")):
        at, words = x + round(share * (width - 1)), f"{share * content.top:.4g}"
        words = f"≥ {words}" if share == 1 > content.top else words
        draw.line((at, top + high, at, top + high + sheet.px(4)), fill=INK)
        draw.text((at, top + high + sheet.px(6)), words, font=font_of(small), fill=INK, anchor=anchor)
    return y + _ramp_height(sheet)


def _ramp_height(sheet: Sheet) -> int:
    return round(sheet.px(SMALL) * 2.7) + sheet.px(_RAMP_HIGH + 14)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _high(words: str, width: int, size: int) -> int:
    return round(size * 1.35) * len(wrapped(words, width, size))
