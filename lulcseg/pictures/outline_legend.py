"""Legend of contact sheets: classes as outlines, pixels without a label hatched, pixels without imagery grey."""

from __future__ import annotations

from collections.abc import Sequence

from lulcseg.legend import Legend
from lulcseg.pictures.canvas import TEXT, Canvas, find_font, line_height
from lulcseg.pictures.figure_style import INK, MUTED
from lulcseg.pictures.tiles import NO_IMAGERY

NO_LABEL, NO_GROUND = "no label", "no imagery"
"""Names of the two keys that aren't classes."""

_SWATCH = 16


def draw_outline_legend(canvas: Canvas, x: int, y: int, width: int, *, legend: Legend, names: Sequence[str]) -> None:
    """Draw the keys in rows.

    Args:
        canvas: The page.
        x: Left edge, pixels.
        y: Upper edge, pixels.
        width: Width of the rows, pixels.
        legend: The classes.
        names: Names of classes, :data:`NO_LABEL` and :data:`NO_GROUND`, as far as they occur.
    """
    for left, down, name in _place_keys(width, names):
        box = (x + left, y + down + 2, x + left + _SWATCH, y + down + 2 + _SWATCH)
        if name == NO_LABEL:
            _draw_hatch(canvas, box)
        elif name == NO_GROUND:
            canvas.draw.rectangle(box, fill=NO_IMAGERY)
        else:
            canvas.draw.rectangle(box, outline=legend.classes[legend.index(name)].colour, width=4)
        canvas.draw.text((box[2] + 8, y + down), name, font=find_font(TEXT), fill=INK)


def outline_legend_height(width: int, names: Sequence[str]) -> int:
    """Return the height of the legend, in pixels."""
    return max((down for _, down, _ in _place_keys(width, names)), default=0) + line_height(TEXT)


def _draw_hatch(canvas: Canvas, box: tuple[int, int, int, int]) -> None:
    canvas.draw.rectangle(box, fill=MUTED)
    for step in range(4, 2 * _SWATCH, 8):
        start = (box[0] + max(0, step - _SWATCH), box[1] + min(step, _SWATCH))
        end = (box[0] + min(step, _SWATCH), box[1] + max(0, step - _SWATCH))
        canvas.draw.line((*start, *end), fill="white", width=1)


def _place_keys(width: int, names: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return x, y and name of each key, in rows."""
    placed, x, y = [], 0, 0
    for name in names:
        wide = _SWATCH + 8 + round(find_font(TEXT).getlength(name)) + 24
        if x and x + wide > width:
            x, y = 0, y + round(TEXT * 1.6)
        placed.append((x, y, name))
        x += wide
    return placed
