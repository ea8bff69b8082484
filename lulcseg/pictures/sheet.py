"""What pictures of maps are drawn from: painted classes, keys, a scale bar, words that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw
from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError

from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass
from lulcseg.pictures.canvas import SMALL, TEXT, Canvas, font_of
from lulcseg.pictures.figures import INK, MUTED, RULE

EDGE, GAP = 20, 12
"""White around the page and between panels, pixels."""

NO_CLASS = "no class"
_CHECK = 8
_CHECKED = (255, 234)
"""Side in pixels and greys of the chequers that stand for ground without a class."""

_SWATCH, _SWATCH_TO_NAME, _NAME_TO_NOTE, _KEY_TO_KEY, _LINE = 16, 10, 14, 36, 26
_BAR_HIGH, _BAR_LINE = 6, 34
_READABLE = 1200


class Key(NamedTuple):
    """An entry beside a picture: its swatch (None: chequers), its name, and a figure."""

    colour: str | None
    name: str
    note: str = ""


def painted(index: NDArray[np.uint8], classes: Sequence[LandClass]) -> NDArray[np.uint8]:
    """Paint classes in their colours; ground without one is chequered.

    Args:
        index: (h, w) places in ``classes``, 255 where there is no class.
        classes: At most 255.

    Returns:
        (h, w, 3) uint8.
    """
    table = np.full((256, 3), 255, dtype=np.uint8)
    table[: len(classes)] = [rgb(c.colour) for c in classes]
    picture = table[index]
    chequer(picture, index == IGNORE)
    return picture


def rgb(colour: str) -> list[int]:
    """Return red, green and blue of ``#rrggbb``."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def chequer(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    """Lay chequers over (h, w, 3) pixels, in place, where there is nothing to see."""
    down, across = (np.arange(n) // _CHECK % 2 == 1 for n in where.shape)
    for grey, chosen in zip(_CHECKED, (down[:, None] == across, down[:, None] != across), strict=True):
        picture[where & chosen] = grey


def enlarged[T: np.generic](pixels: NDArray[T], factor: int) -> NDArray[T]:
    """Return (h, w, …) pixels, each a square of ``factor`` × ``factor``."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def metres_per_pixel(grid: Grid) -> float | None:
    """Return the width on the ground of the pixel in a grid's middle, in metres; None where the CRS can't tell it."""
    x = grid.left + grid.xres * (grid.width / 2 + np.array([-0.5, 0.5]))
    y = np.full(2, grid.top - grid.yres * grid.height / 2)
    try:
        lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
        metres = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    except ProjError:
        return None
    return float(metres) if math.isfinite(metres) and metres > 0 else None


def round_length(longest: float) -> tuple[float, str]:
    """Return the greatest round length of at most ``longest`` metres (1, 2 or 5 times a power of ten), and its name."""
    power = 10.0 ** math.floor(math.log10(longest))
    length = max((factor * power for factor in (1, 2, 5) if factor * power <= longest * (1 + 1e-9)), default=power)
    if length >= 1000:
        return length, f"{length / 1000:,.0f} km"
    return length, f"{length:g} m" if length >= 1 else f"{length * 100:g} cm"


def framed(canvas: Canvas, x: int, y: int, pixels: NDArray[np.uint8]) -> None:
    """Lay (h, w, 3) pixels on a page, with a hairline around them."""
    height, width = pixels.shape[:2]
    ImageDraw.Draw(canvas.page).rectangle((x - 1, y - 1, x + width, y + height), outline=RULE)
    canvas.picture(x, y, pixels)


class Sheet:
    """Draws what stands below pictures on a page; all of it grows with the page.

    Args:
        width: Of the pictures, in pixels: letters are as large as the house's on a page of 1,200 pixels, and larger
            on a wider one, as people look at both at one size.
    """

    def __init__(self, width: int) -> None:
        """Take the measure of the page."""
        self._zoom = max(1.0, width / _READABLE)

    def px(self, length: float) -> int:
        """Return a length, given in pixels for a page of 1,200, in pixels of this one."""
        return round(length * self._zoom)

    def scale_bar(self, canvas: Canvas, x: int, y: int, metres: float | None, longest: int) -> int:
        """Draw a bar of round length with its name; return where the next thing begins.

        Args:
            canvas: The page.
            x: Left end.
            y: Upper edge.
            metres: Metres to a pixel of the page; None draws nothing.
            longest: Of the bar, in pixels.
        """
        if metres is None:
            return y
        length, words = round_length(longest * metres)
        wide, top, high = max(2, round(length / metres)), y + self.px(6), self.px(_BAR_HIGH)
        draw = ImageDraw.Draw(canvas.page)
        draw.rectangle((x, top, x + wide - 1, top + high), fill="white", outline=INK)
        draw.rectangle((x, top, x + wide // 2 - 1, top + high), fill=INK)
        draw.text((x + wide + self.px(8), y), words, font=font_of(self.px(SMALL)), fill=INK)
        return y + self.bar_height(metres)

    def bar_height(self, metres: float | None) -> int:
        """Return how high the scale bar is, in pixels."""
        return 0 if metres is None else self.px(_BAR_LINE)

    def keys(self, canvas: Canvas, x: int, y: int, width: int, keys: Sequence[Key]) -> int:
        """Draw keys in columns, filled downwards, their figures flush right; return where the next thing begins."""
        _, rows, wide = self._columns(width, keys)
        draw, side, font = ImageDraw.Draw(canvas.page), self.px(_SWATCH), font_of(self.px(TEXT))
        before = side + self.px(_SWATCH_TO_NAME)
        for number, key in enumerate(keys):
            left = x + (number // rows) * (wide + self.px(_KEY_TO_KEY))
            top = y + (number % rows) * self.px(_LINE)
            swatch = np.full((side, side, 3), 255, dtype=np.uint8)
            if key.colour is None:
                chequer(swatch, np.ones((side, side), dtype=np.bool_))
            else:
                swatch[:] = rgb(key.colour)
            framed(canvas, left + 1, top + self.px(2), swatch)
            noted = text_width(key.note, self.px(TEXT)) + self.px(_NAME_TO_NOTE) if key.note else 0
            name = shortened(key.name, wide - before - noted, self.px(TEXT))
            draw.text((left + before, top), name, font=font, fill=INK)
            draw.text((left + wide, top), key.note, font=font, fill=MUTED, anchor="ra")
        return y + rows * self.px(_LINE)

    def keys_height(self, width: int, keys: Sequence[Key]) -> int:
        """Return how high the keys are, in pixels."""
        return self._columns(width, keys)[1] * self.px(_LINE)

    def _columns(self, width: int, keys: Sequence[Key]) -> tuple[int, int, int]:
        """Return columns, rows, and the width of a column."""
        names, notes = [k.name for k in keys], [k.note for k in keys]
        name, note = (max((text_width(w, self.px(TEXT)) for w in words), default=0) for words in (names, notes))
        apart = self.px(_NAME_TO_NOTE) if note else 0
        wide = min(width, self.px(_SWATCH) + self.px(_SWATCH_TO_NAME) + name + apart + note)
        columns = max(1, (width + self.px(_KEY_TO_KEY)) // (wide + self.px(_KEY_TO_KEY)))
        return columns, -(-len(keys) // columns), wide


def text_width(words: str, size: int = TEXT, *, bold: bool = False) -> int:
    """Return how wide words are on a page, in pixels."""
    return math.ceil(font_of(size, bold=bold).getlength(words))


def shortened(words: str, width: int, size: int = TEXT, *, bold: bool = False) -> str:
    """Cut words to a width in pixels, in the middle: of file names the end tells them apart."""
    if text_width(words, size, bold=bold) <= width:
        return words
    for kept in range(len(words) - 1, 0, -1):
        cut = f"{words[: -(-kept // 2)].rstrip()}…{words[len(words) - kept // 2 :].lstrip()}"
        if text_width(cut, size, bold=bold) <= width:
            return cut
    return "…"


def share_text(count: int, total: int) -> str:
    """Return a share in percent as printed: a class that is there is never 0.0 %."""
    if not count:
        return "–"
    share = 100 * count / total
    return "< 0.1 %" if share < 0.1 else f"{share:.1f} %"
