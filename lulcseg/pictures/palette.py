"""Colours that colour-blind readers tell apart: of classes beside the legend's own, and of a trial's values."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.colors import to_hex

CLASSES = ("#cc6677", "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499")
"""Paul Tol's scheme "muted" (2021): nine hues, told apart under all three kinds of colour blindness."""

COMMONEST = "#dddddd"
"""His pale grey, for the class that fills most of the ground."""

_NOMINAL = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
"""Okabe and Ito's colours, black and yellow left out (neither is seen on every ground), and a brown."""

_NOMINAL_DARK = ("#4aa8dd", "#ee7a2e", "#22bd92", "#dc93b9", "#f0b429", "#8ccdf2", "#b8975a")
"""The same, lighter, for a dark page."""

_LIGHT, _DARK = (0.22, 0.78), (0.38, 0.95)
"""The parts of viridis that are seen on a white and on a dark page."""


def safe_colours(n: int, commonest: int | None) -> list[str]:
    """Return a colour a class that does not rest on telling red from green.

    Beyond ten classes the hues come again: there, classes are told apart by picking one in the legend.

    Args:
        n: Number of classes.
        commonest: Index of the class that is drawn grey, if one is.
    """
    colours, used = [], 0
    for index in range(n):
        if index == commonest:
            colours.append(COMMONEST)
        else:
            colours.append(CLASSES[used % len(CLASSES)])
            used += 1
    return colours


def value_colours(levels: Sequence[float | None], *, dark: bool = False) -> list[str]:
    """Return a colour a value: along a scale where the values are numbers in order, else apart.

    Args:
        levels: The number each value stands for, None for those that stand for none.
        dark: For a dark page.
    """
    numbers = [level for level in levels if level is not None]
    ordered = len(numbers) == len(levels) and len(levels) > 2 and numbers == sorted(set(numbers))
    if not ordered and len(levels) <= len(_NOMINAL):
        return list((_NOMINAL_DARK if dark else _NOMINAL)[: len(levels)])
    first, last = _DARK if dark else _LIGHT
    steps = max(len(levels) - 1, 1)
    return [to_hex(mpl.colormaps["viridis"](first + (last - first) * i / steps)) for i in range(len(levels))]
