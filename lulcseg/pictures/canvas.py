"""A white page that pictures and wrapped text are drawn on, pixel by pixel, and the width of that text."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lulcseg.pictures.figure_style import INK, MUTED, RULE

TITLE, TEXT, SMALL = 22, 16, 14
"""Font sizes, pixels."""

EDGE, GAP = 20, 12
"""White around a page of maps and between its panels, pixels."""

_LINE = 1.35
"""Height of a line of text, in font sizes."""


@cache
def find_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the font of all pages, in a size in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, size)


class Canvas:
    """A white page.

    Args:
        width: Pixels.
        height: Pixels.

    Attributes:
        page: The RGB picture.
        draw: Draws lines and shapes on it.
    """

    def __init__(self, width: int, height: int) -> None:
        self.page = Image.new("RGB", (width, height), "white")
        self.draw = ImageDraw.Draw(self.page)

    def picture(self, x: int, y: int, pixels: NDArray[np.uint8]) -> None:
        """Draw (h, w, 3) uint8 pixels."""
        self.page.paste(Image.fromarray(pixels), (x, y))

    def framed_picture(self, x: int, y: int, pixels: NDArray[np.uint8]) -> None:
        """Draw (h, w, 3) uint8 pixels with a thin line around them."""
        height, width = pixels.shape[:2]
        self.draw.rectangle((x - 1, y - 1, x + width, y + height), outline=RULE)
        self.picture(x, y, pixels)

    def text(
        self, x: int, y: int, words: str, width: int, size: int = TEXT, *, bold: bool = False, muted: bool = False
    ) -> int:
        """Write words, wrapped to a width in pixels; return where the next line begins."""
        font, colour = find_font(size, bold=bold), MUTED if muted else INK
        for line in wrap_text(words, width, size, bold=bold):
            self.draw.text((x, y), line, font=font, fill=colour)
            y += line_height(size)
        return y


def line_height(size: int) -> int:
    """Return the height of a line of text of a font size, in pixels."""
    return round(size * _LINE)


def text_height(words: str, width: int, size: int) -> int:
    """Return the height of words wrapped to a width, in pixels."""
    return line_height(size) * len(wrap_text(words, width, size))


def text_width(words: str, size: int = TEXT, *, bold: bool = False) -> int:
    """Return the width of a line of words, in pixels."""
    return math.ceil(find_font(size, bold=bold).getlength(words))


def wrap_text(words: str, width: int, size: int, *, bold: bool = False) -> list[str]:
    """Break words into lines no longer than a width in pixels; a single longer word stays whole."""
    font, lines = find_font(size, bold=bold), [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def shorten_text(words: str, width: int, size: int = TEXT, *, bold: bool = False) -> str:
    """Cut words to a width in pixels, in the middle, since file names often differ at their end."""
    if text_width(words, size, bold=bold) <= width:
        return words
    for kept in range(len(words) - 1, 0, -1):
        cut = f"{words[: -(-kept // 2)].rstrip()}…{words[len(words) - kept // 2 :].lstrip()}"
        if text_width(cut, size, bold=bold) <= width:
            return cut
    return "…"
