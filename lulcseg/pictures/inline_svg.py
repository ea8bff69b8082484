"""Figures as SVG inside a page: in the page's font, and in its colours, light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from lulcseg.pictures.figure_style import INK, MUTED, RULE, STYLE

GRID, PAGE = "#eef1f4", "#fefefe"
"""Colour of grid lines, and of what is drawn in the page's background colour, such as the edge of a dot."""

_VARIABLES = {INK: "--ink", MUTED: "--soft", RULE: "--rule", GRID: "--grid", PAGE: "--page"}
"""Colours that matplotlib draws with → custom properties of the style sheet that replace them."""

THEMED = {**STYLE, "svg.fonttype": "none", "grid.color": GRID, "figure.facecolor": "none", "axes.facecolor": "none"}
"""matplotlib settings to draw under: text stays text, backgrounds are transparent."""


def inline_svg(figure: Figure, key: str, about: str, colours: Sequence[str] = ()) -> str:
    """Encode a figure as an ``<svg>`` element.

    Args:
        figure: Drawn under :data:`THEMED`.
        key: Prefix of the figure's ids, unique in the page.
        about: What it shows, for screen readers.
        colours: Colours of a trial's values in the figure, ``#rrggbb``; replaced by the page's ``--v0``, ``--v1``, ….

    Returns:
        The element. matplotlib has escaped class names and other text in it.
    """
    buffer = io.StringIO()
    with mpl.rc_context(THEMED):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'(\d\.\d{2})\d+(?=[ ",;)\n])', r"\1", drawn)  # a hundredth of a point is enough
    drawn = _prefix_ids(drawn, key)
    drawn = re.sub(r"(font: (?:\w+ )?[\d.]+px) [^;\"]*", r"\1 var(--letters)", drawn)
    variables = _VARIABLES | {colour: f"--v{i}" for i, colour in enumerate(colours)}
    for colour, variable in variables.items():
        drawn = drawn.replace(colour, f"var({variable})")
    box = re.search(r'viewBox="[^"]*"', drawn)
    start = f'<svg class="plot" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""} role="img"'
    return f'{start} aria-label="{escape(about)}">' + drawn[drawn.index(">") + 1 :].strip()


def _prefix_ids(drawn: str, key: str) -> str:
    """Drop ids that nothing refers to, and prefix the others with the figure's key."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", drawn))

    def kept(match: re.Match[str]) -> str:
        return f' id="{key}-{match[1]}"' if match[1] in used else ""

    drawn = re.sub(r' id="([^"]*)"', kept, drawn)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{key}-", drawn)
