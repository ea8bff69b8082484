"""Scale bar and legend below pictures of maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lulcseg.pictures.canvas import SMALL, TEXT, Canvas, find_font, shorten_text, text_width
from lulcseg.pictures.figure_style import INK, MUTED
from lulcseg.pictures.ground_scale import round_length
from lulcseg.pictures.painting import draw_chequers, parse_colour

NO_CLASS = "no class"
"""Name of the legend's key for pixels without a class."""

_SWATCH, _SWATCH_TO_NAME, _NAME_TO_NOTE, _KEY_TO_KEY, _LINE = 16, 10, 14, 36, 26
_BAR_HIGH, _BAR_LINE = 6, 34
_BASE_WIDTH = 1200
"""Width of a page on which text has its nominal size, pixels."""


class Key(NamedTuple):
    """An entry of a legend: colour of its swatch (None: chequers), name, and a figure."""

    colour: str | None
    name: str
    note: str = ""


class Sheet:
    """Draws scale bar and legend below the pictures on a page.

    Lengths and text have their nominal size on a page of up to 1,200 pixels and grow with wider pages, since both are
    viewed at the same size.

    Args:
        width: Width of the pictures, in pixels.
    """

    def __init__(self, width: int) -> None:
        self._zoom = max(1.0, width / _BASE_WIDTH)

    def px(self, length: float) -> int:
        """Return a length, given in pixels of a page of 1,200, in pixels of this page."""
        return round(length * self._zoom)

    def scale_bar(self, canvas: Canvas, x: int, y: int, metres: float | None, longest: int) -> int:
        """Draw a bar of round length with its name; return the lower edge.

        Args:
            canvas: The page.
            x: Left edge, pixels.
            y: Upper edge, pixels.
            metres: Metres per pixel of the page; None draws nothing.
            longest: Maximum length of the bar, in pixels.
        """
        if metres is None:
            return y
        length, words = round_length(longest * metres)
        wide, top, high = max(2, round(length / metres)), y + self.px(6), self.px(_BAR_HIGH)
        canvas.draw.rectangle((x, top, x + wide - 1, top + high), fill="white", outline=INK)
        canvas.draw.rectangle((x, top, x + wide // 2 - 1, top + high), fill=INK)
        canvas.draw.text((x + wide + self.px(8), y), words, font=find_font(self.px(SMALL)), fill=INK)
        return y + self.bar_height(metres)

    def bar_height(self, metres: float | None) -> int:
        """Return the height of the scale bar, in pixels."""
        return 0 if metres is None else self.px(_BAR_LINE)

    def keys(self, canvas: Canvas, x: int, y: int, width: int, keys: Sequence[Key]) -> int:
        """Draw a legend in columns, filled downwards, figures right-aligned; return the lower edge."""
        _, rows, wide = self._columns(width, keys)
        side, font = self.px(_SWATCH), find_font(self.px(TEXT))
        before = side + self.px(_SWATCH_TO_NAME)
        for number, key in enumerate(keys):
            left = x + (number // rows) * (wide + self.px(_KEY_TO_KEY))
            top = y + (number % rows) * self.px(_LINE)
            swatch = np.full((side, side, 3), 255, dtype=np.uint8)
            if key.colour is None:
                draw_chequers(swatch, np.ones((side, side), dtype=np.bool_))
            else:
                swatch[:] = parse_colour(key.colour)
            canvas.framed_picture(left + 1, top + self.px(2), swatch)
            noted = text_width(key.note, self.px(TEXT)) + self.px(_NAME_TO_NOTE) if key.note else 0
            name = shorten_text(key.name, wide - before - noted, self.px(TEXT))
            canvas.draw.text((left + before, top), name, font=font, fill=INK)
            canvas.draw.text((left + wide, top), key.note, font=font, fill=MUTED, anchor="ra")
        return y + rows * self.px(_LINE)

    def keys_height(self, width: int, keys: Sequence[Key]) -> int:
        """Return the height of the legend, in pixels."""
        return self._columns(width, keys)[1] * self.px(_LINE)

    def _columns(self, width: int, keys: Sequence[Key]) -> tuple[int, int, int]:
        """Return columns, rows, and the width of a column in pixels."""
        names, notes = [k.name for k in keys], [k.note for k in keys]
        name, note = (max((text_width(w, self.px(TEXT)) for w in words), default=0) for words in (names, notes))
        apart = self.px(_NAME_TO_NOTE) if note else 0
        wide = min(width, self.px(_SWATCH) + self.px(_SWATCH_TO_NAME) + name + apart + note)
        columns = max(1, (width + self.px(_KEY_TO_KEY)) // (wide + self.px(_KEY_TO_KEY)))
        return columns, -(-len(keys) // columns), wide


def format_share(count: int, total: int) -> str:
    """Return a share in percent as text; a class that occurs is never printed as 0.0 %.

    Example:
        >>> format_share(1, 3), format_share(1, 10_000), format_share(0, 5)
        ('33.3 %', '< 0.1 %', '–')
    """
    if not count:
        return "–"
    share = 100 * count / total
    return "< 0.1 %" if share < 0.1 else f"{share:.1f} %"
