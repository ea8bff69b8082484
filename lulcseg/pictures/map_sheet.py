"""The quick look: a page with a whole map, its legend and the share of each class, and a scale bar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.pictures.canvas import (
    EDGE,
    GAP,
    SMALL,
    TEXT,
    TITLE,
    Canvas,
    find_font,
    shorten_text,
    text_height,
    text_width,
)
from lulcseg.pictures.class_map import ClassMap, holds_values
from lulcseg.pictures.figure_style import INK
from lulcseg.pictures.ground_scale import metres_per_pixel
from lulcseg.pictures.map_content import MapContent, ramp_colours, read_classes, read_values
from lulcseg.pictures.map_names import describe_passes
from lulcseg.pictures.painting import enlarge
from lulcseg.pictures.reduced_imagery import window_imagery
from lulcseg.pictures.sheet import Sheet
from lulcseg.scene.file_names import FileName
from lulcseg.scene.scene import Scene

NARROWEST, WIDEST = 320, 6000
"""Widths that a picture may have, pixels."""

_CAPTION = 26
_RAMP_LONGEST, _RAMP_HIGH = 420, 16
_LEAST_CONTENT = 560
"""Minimum width of text above a narrow map, pixels, if the picture is that wide."""


def draw_quicklook(path: FileName, *, scene: Scene | None = None, width: int = 1600) -> Image.Image:
    """Draw a whole map, with its legend and the share of each class, and a scale bar.

    Classes have their legend's colours and are never mixed: a pixel of a reduced picture is the commonest class of
    its ground, a pixel of a small map becomes a square of pixels. A raster of one band of values 0…1 in steps of 1/250
    (confidence, entropy, disagreement) is drawn on a colour ramp, which ends where next to no values lie beyond.

    Args:
        path: The map, here or elsewhere; read through its overviews, if it has any.
        scene: Its scene: the imagery of the same ground is drawn to the left of the map; its legend is used if the
            map carries none.
        width: Maximum width of the picture, in pixels, 320…6,000; neither side of the map is longer.

    Returns:
        An RGB picture.

    Raises:
        LulcsegError: A width out of bounds; a file that is missing, isn't a map, has no legend, or isn't aligned with
            its scene's pixels.
    """
    if not NARROWEST <= width <= WIDEST:
        raise LulcsegError(
            f"{width} pixels are out of bounds", where="--width", remedy=f"choose {NARROWEST} to {WIDEST}"
        )
    room = width - 2 * EDGE
    panel = room if scene is None else (room - GAP) // 2
    if holds_values(path):
        content = read_values(path, room, panel)
    else:
        content = read_classes(path, None if scene is None else scene.legend, room, panel)
    panels = [("", content.pixels)]
    if scene is not None:
        caption = "Imagery" if scene.date is None else f"Imagery, {scene.date}"
        panels = [(caption, _imagery_of(scene, path, content)), (content.ramp or "Map", content.pixels)]
    return _lay_out(content, panels, room)


def _imagery_of(scene: Scene, path: FileName, content: MapContent) -> NDArray[np.uint8]:
    """Return the imagery of a map's ground, at the size of the map's picture."""
    window = ClassMap(path, scene.legend, content.grid, content.tags).window_in(scene.grid)
    if window.intersection(scene.grid.window).is_empty:
        raise LulcsegError("it shares no ground with the scene", where=path, remedy="name the scene it was made from")
    height, width = content.pixels.shape[:2]
    factor = max(1, height // window.height)
    return enlarge(window_imagery(scene, window, max(height, width)), factor)


def _lay_out(content: MapContent, panels: list[tuple[str, NDArray[np.uint8]]], room: int) -> Image.Image:
    """Lay out the page: title, panels with their captions, scale bar, legend or ramp, note."""
    captioned = len(panels) > 1
    wides = [max(pixels.shape[1], text_width(words) if captioned else 0) for words, pixels in panels]
    wide = max(sum(wides) + GAP * (len(wides) - 1), min(room, _LEAST_CONTENT))
    sheet = Sheet(wide)
    title, text, small = (sheet.px(size) for size in (TITLE, TEXT, SMALL))
    about = describe_map(content)
    top = EDGE + round(title * 1.5) + text_height(about, wide, small) + sheet.px(8)
    panel_top = top + (sheet.px(_CAPTION) if captioned else 0)
    below = panel_top + max(pixels.shape[0] for _, pixels in panels) + sheet.px(10)
    metres = metres_per_pixel(content.grid)
    keys_high = _ramp_height(sheet) if content.ramp else sheet.keys_height(wide, content.keys)
    note_high = text_height(content.note, wide, small)
    canvas = Canvas(wide + 2 * EDGE, below + sheet.bar_height(metres) + keys_high + sheet.px(6) + note_high + EDGE)
    y = canvas.text(EDGE, EDGE, shorten_text(content.title, wide, title, bold=True), wide, title, bold=True)
    canvas.text(EDGE, y + round(title * 0.15), about, wide, small, muted=True)
    x = EDGE
    for (words, pixels), across in zip(panels, wides, strict=True):
        if captioned:
            canvas.text(x, top, _capitalise(words), across, text)
        canvas.framed_picture(x, panel_top, pixels)
        x += across + GAP
    map_width = panels[-1][1].shape[1]
    per_pixel = None if metres is None else metres * content.grid.width / map_width
    y = sheet.scale_bar(canvas, EDGE, below, per_pixel, max(60, map_width // 4))
    y = _draw_ramp(canvas, sheet, y, wide, content) if content.ramp else sheet.keys(canvas, EDGE, y, wide, content.keys)
    canvas.text(EDGE, y + sheet.px(6), content.note, wide, small, muted=True)
    return canvas.page


def describe_map(content: MapContent) -> str:
    """Return scene, date, passes and size of a map, as far as its tags state them."""
    tags, grid = content.tags, content.grid
    parts = [
        tags.get("scene", ""),
        tags.get("date", ""),
        describe_passes(tags),
        f"{grid.height:,} rows × {grid.width:,} columns",
    ]
    return " · ".join(part for part in parts if part)


def _draw_ramp(canvas: Canvas, sheet: Sheet, y: int, room: int, content: MapContent) -> int:
    """Draw the colour bar from 0 to its end, with its name and ticks; return the lower edge."""
    small, high = sheet.px(SMALL), sheet.px(_RAMP_HIGH)
    x, width = EDGE, min(sheet.px(_RAMP_LONGEST), room)
    top = canvas.text(x, y, shorten_text(_capitalise(content.ramp or ""), width, small), width, small) + sheet.px(4)
    canvas.framed_picture(x, top, ramp_colours(np.linspace(0, 1, width))[None].repeat(high, axis=0))
    for share, anchor in ((0.0, "la"), (0.25, "ma"), (0.5, "ma"), (0.75, "ma"), (1.0, "ra")):
        at, words = x + round(share * (width - 1)), f"{share * content.top:.4g}"
        words = f"≥ {words}" if share == 1 > content.top else words
        canvas.draw.line((at, top + high, at, top + high + sheet.px(4)), fill=INK)
        canvas.draw.text((at, top + high + sheet.px(6)), words, font=find_font(small), fill=INK, anchor=anchor)
    return y + _ramp_height(sheet)


def _ramp_height(sheet: Sheet) -> int:
    return round(sheet.px(SMALL) * 2.7) + sheet.px(_RAMP_HIGH + 14)


def _capitalise(words: str) -> str:
    """Return words with a capital first letter; the others stay as they are."""
    return words[:1].upper() + words[1:]
