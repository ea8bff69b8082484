"""A white page that pictures and wrapped text are laid on, pixel for pixel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lulcseg.legend import Legend
from lulcseg.pictures.figures import INK, MUTED, RULE
from lulcseg.pictures.tiles import NO_IMAGERY

TITLE, TEXT, SMALL = 22, 16, 14
"""Sizes of letters, pixels."""

NO_LABEL, NO_GROUND = "no label", "no imagery"
"""Keys of the legend's strip beside the classes: hatched, and grey."""

_LINE = 1.35
_SWATCH = 16


@cache
def font_of(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the pages' font in a size, in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, size)


class Canvas:
    """A page.

    Args:
        width: Pixels.
        height: Pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        """Make it white."""
        self.page = Image.new("RGB", (width, height), "white")
        self._draw = ImageDraw.Draw(self.page)

    def picture(self, x: int, y: int, pixels: NDArray[np.uint8]) -> None:
        """Lay (h, w, 3) uint8 pixels on."""
        self.page.paste(Image.fromarray(pixels), (x, y))

    def text(
        self, x: int, y: int, words: str, width: int, size: int = TEXT, *, bold: bool = False, muted: bool = False
    ) -> int:
        """Write words, wrapped to a width; return where the next line begins."""
        font, colour = font_of(size, bold=bold), MUTED if muted else INK
        for line in wrapped(words, width, size, bold=bold):
            self._draw.text((x, y), line, font=font, fill=colour)
            y += round(size * _LINE)
        return y

    def rule(self, x: int, y: int, width: int) -> None:
        """Draw a thin line across."""
        self._draw.line((x, y, x + width, y), fill=RULE, width=2)

    def keys(self, x: int, y: int, width: int, *, legend: Legend, names: list[str]) -> None:
        """Draw the legend's strip: classes by name, :data:`NO_LABEL` and :data:`NO_GROUND`."""
        for left, down, name in _placed(width, names):
            box = (x + left, y + down + 2, x + left + _SWATCH, y + down + 2 + _SWATCH)
            if name == NO_LABEL:
                self._draw.rectangle(box, fill=MUTED)
                for step in range(4, 2 * _SWATCH, 8):
                    ends = (box[0] + max(0, step - _SWATCH), box[1] + min(step, _SWATCH))
                    others = (box[0] + min(step, _SWATCH), box[1] + max(0, step - _SWATCH))
                    self._draw.line((*ends, *others), fill="white", width=1)
            elif name == NO_GROUND:
                self._draw.rectangle(box, fill=NO_IMAGERY)
            else:
                self._draw.rectangle(box, outline=legend.classes[legend.index(name)].colour, width=4)
            self._draw.text((box[2] + 8, y + down), name, font=font_of(TEXT), fill=INK)


def keys_height(width: int, names: list[str]) -> int:
    """Return how high the legend's strip is, in pixels."""
    return max((down for _, down, _ in _placed(width, names)), default=0) + round(TEXT * _LINE)


def wrapped(words: str, width: int, size: int, *, bold: bool = False) -> list[str]:
    """Cut words into lines no longer than a width in pixels (a single longer word stays whole)."""
    font, lines = font_of(size, bold=bold), [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _placed(width: int, names: list[str]) -> list[tuple[int, int, str]]:
    """Return x, y and name of each key of the legend, in rows."""
    placed, x, y = [], 0, 0
    for name in names:
        wide = _SWATCH + 8 + round(font_of(TEXT).getlength(name)) + 24
        if x and x + wide > width:
            x, y = 0, y + round(TEXT * 1.6)
        placed.append((x, y, name))
        x += wide
    return placed
