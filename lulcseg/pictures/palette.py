"""Colour-blind-safe colours: for classes, instead of the legend's own, and for a trial's values."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.colors import to_hex

CLASSES = ("#cc6677", "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499")
"""Paul Tol's scheme "muted" (2021): nine hues, distinct under all three kinds of colour blindness."""

COMMONEST = "#dddddd"
"""Pale grey of the same scheme, for the class that covers most of the ground."""

_NOMINAL = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
"""Okabe and Ito's colours without black and yellow (neither is visible on every background), and a brown."""

_NOMINAL_DARK = ("#4aa8dd", "#ee7a2e", "#22bd92", "#dc93b9", "#f0b429", "#8ccdf2", "#b8975a")
"""The same, lighter, for dark pages."""

_LIGHT, _DARK = (0.22, 0.78), (0.38, 0.95)
"""The parts of viridis that are visible on a white and on a dark page."""


def safe_colours(n: int, commonest: int | None) -> list[str]:
    """Return a colour for each class that doesn't rely on distinguishing red from green.

    Beyond ten classes the hues repeat; the page then lets readers highlight a single class.

    Args:
        n: Number of classes.
        commonest: Index of the class that is drawn grey, if any.

    Example:
        >>> safe_colours(3, commonest=1)
        ['#cc6677', '#dddddd', '#332288']
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
    """Return a colour for each value: along a scale if the values are ascending numbers, else distinct hues.

    Args:
        levels: The number of each value, None for values that aren't numbers.
        dark: For a dark page.
    """
    numbers = [level for level in levels if level is not None]
    ordered = len(numbers) == len(levels) and len(levels) > 2 and numbers == sorted(set(numbers))
    if not ordered and len(levels) <= len(_NOMINAL):
        return list((_NOMINAL_DARK if dark else _NOMINAL)[: len(levels)])
    first, last = _DARK if dark else _LIGHT
    steps = max(len(levels) - 1, 1)
    return [to_hex(mpl.colormaps["viridis"](first + (last - first) * i / steps)) for i in range(len(levels))]
