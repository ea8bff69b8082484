"""Figures as SVG inside the page: in the page's letters, and in its colours by day and by night."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from lulcseg.pictures.figures import INK, MUTED, RULE, STYLE

GRID, PAGE = "#eef1f4", "#fefefe"
"""Colour of grid lines; and of what is drawn in the page's own colour, such as the edge of a dot."""

_VARIABLES = {INK: "--ink", MUTED: "--soft", RULE: "--rule", GRID: "--grid", PAGE: "--page"}
"""What stands for the style sheet's colours while matplotlib draws."""

THEMED = {**STYLE, "svg.fonttype": "none", "grid.color": GRID, "figure.facecolor": "none", "axes.facecolor": "none"}
"""Settings to draw under: letters stay letters, nothing is filled."""


def inline_svg(figure: Figure, key: str, about: str, colours: Sequence[str] = ()) -> str:
    """Encode a figure as an ``<svg>`` element.

    Args:
        figure: Drawn under :data:`THEMED`.
        key: Unique in the page; keeps the ids of several figures apart.
        about: What it shows, for those who don't see it.
        colours: Those that it draws values in, as #rrggbb; the page's ``--v0``, ``--v1``, … take their place.

    Returns:
        The element. Class names and other words in the figure are escaped by matplotlib.
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
    drawn = _apart(drawn, key)
    drawn = re.sub(r"(font: (?:\w+ )?[\d.]+px) [^;\"]*", r"\1 var(--letters)", drawn)
    variables = _VARIABLES | {colour: f"--v{i}" for i, colour in enumerate(colours)}
    for colour, variable in variables.items():
        drawn = drawn.replace(colour, f"var({variable})")
    box = re.search(r'viewBox="[^"]*"', drawn)
    start = f'<svg class="plot" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""} role="img"'
    return f'{start} aria-label="{escape(about)}">' + drawn[drawn.index(">") + 1 :].strip()


def _apart(drawn: str, key: str) -> str:
    """Drop ids that nothing points to, and begin the others with the figure's key."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", drawn))

    def kept(match: re.Match[str]) -> str:
        return f' id="{key}-{match[1]}"' if match[1] in used else ""

    drawn = re.sub(r' id="([^"]*)"', kept, drawn)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{key}-", drawn)
