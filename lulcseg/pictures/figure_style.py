"""Style of the matplotlib figures, and their encodings; nothing here uses matplotlib's global state."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, MUTED, RULE = "#1d2733", "#5d6b7a", "#d9dfe5"
"""Colours of text, of secondary text, and of thin lines; pictures of maps have them too."""

STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "grid.color": "#eef1f4",
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "lulcseg",
}
"""matplotlib settings to draw and encode a figure under, in ``mpl.rc_context(STYLE)``."""


def png(figure: Figure, dpi: int = 130) -> bytes:
    """Encode a figure as PNG."""
    return _encode(figure, "png", dpi=dpi)


def jpeg(figure: Figure, dpi: int = 150) -> bytes:
    """Encode a figure as JPEG, for figures drawn over imagery."""
    return _encode(figure, "jpeg", dpi=dpi)


def svg(figure: Figure) -> bytes:
    """Encode a figure as SVG, its text as outlines."""
    return _encode(figure, "svg", metadata={"Date": None})


def _encode(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=kind, facecolor="white", **options)
    return buffer.getvalue()


def plain(name: str) -> str:
    r"""Escape a class name, which matplotlib would read as mathematics (``$``) or hide from a legend (leading ``_``).

    Example:
        >>> plain("$A$"), plain("_roads")
        (' \\$A\\$', ' _roads')
    """
    return " " + name.replace("$", r"\$")
