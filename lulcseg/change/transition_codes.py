"""Codes, names and colours of a change map's classes: what stayed, and what became what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend

Pair = tuple[int, int]
"""Indices of a class on the first and on the second date."""

_GREY, _MUTED = np.array([236.0, 236.0, 232.0]), 0.72
_GREYISH, _LIGHT, _DARKENED = 40.0, 150.0, 0.5
"""What unchanged ground's colours are mixed with, and its share of the mix."""


@dataclass(frozen=True, slots=True)
class TransitionCodes:
    """The from–to pairs that a change map can hold, each with its code.

    Up to 15 classes the code of a pair is ``from · K + to``, by the classes' places in the legend, so that maps of the
    same classes share their codes. With more classes pairs are numbered in the order that they were added in.

    Attributes:
        classes: The K classes of both dates.
        pairs: The pairs, the unchanged ones of all classes first.
        codes: Their codes, 0…254.

    Example:
        >>> classes = Legend((LandClass(1, "Forest", "#0b5d3b"), LandClass(2, "Cane", "#8fce6a")))
        >>> codes = TransitionCodes.of(classes, [(0, 1)])
        >>> [(c.code, c.name, c.colour) for c in codes.legend()]
        [(0, 'Forest, unchanged', '#adc4b8'), (3, 'Cane, unchanged', '#d2e4c5'), (1, 'Forest → Cane', '#8fce6a')]
    """

    classes: Legend
    pairs: tuple[Pair, ...]
    codes: tuple[int, ...]

    @classmethod
    def of(cls, classes: Legend, changes: Iterable[Pair]) -> TransitionCodes:
        """Return codes for the unchanged classes and for changes.

        Args:
            classes: The classes of both dates.
            changes: The pairs that occur; unchanged ones among them are left out.

        Raises:
            LulcsegError: More pairs than a map of bytes has codes.
        """
        same = [(k, k) for k in range(len(classes))]
        return cls(classes, (), ())._extended([*same, *sorted(set(changes) - set(same))])

    def with_pairs(self, further: Iterable[Pair]) -> TransitionCodes:
        """Return these codes and those of further pairs; the codes of these stay as they are.

        Raises:
            LulcsegError: More pairs than a map of bytes has codes.
        """
        return self._extended(sorted(set(further) - set(self.pairs)))

    def legend(self) -> Legend:
        """Return the classes of the change map, in the order of :attr:`pairs`.

        Unchanged classes are the class's colour mixed with grey, changes the colour of the new class.
        """
        return Legend(tuple(LandClass(*each) for each in zip(self.codes, self.names(), self._colours(), strict=True)))

    def names(self) -> list[str]:
        """Return the pairs' names: ``Forest → Cane`` or ``Forest, unchanged``."""
        names = self.classes.names
        return [f"{names[i]}, unchanged" if i == j else f"{names[i]} → {names[j]}" for i, j in self.pairs]

    def table(self) -> NDArray[np.uint8]:
        """Return a (65536,) uint8 table from :func:`pair_values` to codes; 255 for all others."""
        table = np.full(1 << 16, IGNORE, dtype=np.uint8)
        table[[pair_value(i, j) for i, j in self.pairs]] = self.codes
        return table

    def to_plain(self) -> dict[str, Any]:
        """Return plain Python, fit for JSON."""
        return {"classes": self.classes.to_plain(), "pairs": [list(pair) for pair in self.pairs], "codes": self.codes}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> TransitionCodes:
        """Read the output of :meth:`to_plain`."""
        pairs = tuple((int(i), int(j)) for i, j in plain["pairs"])
        return cls(Legend.from_plain(plain["classes"]), pairs, tuple(int(code) for code in plain["codes"]))

    def _extended(self, further: Sequence[Pair]) -> TransitionCodes:
        number = len(self.classes)
        if number**2 <= IGNORE:
            found = [i * number + j for i, j in further]
        else:
            free = [code for code in range(IGNORE) if code not in self.codes]
            if len(further) > len(free):
                raise LulcsegError(
                    f"{len(self.pairs) + len(further):,} different classes and changes occur, a map of bytes holds "
                    f"{IGNORE}",
                    where="change",
                    remedy="merge classes with --crosswalk, or leave out what is small with --minimum-unit",
                )
            found = free[: len(further)]
        return TransitionCodes(self.classes, (*self.pairs, *further), (*self.codes, *found))

    def _colours(self) -> list[str]:
        colours = self.classes.colours
        mixed = [
            (1 - _MUTED) * colours[j] + _MUTED * _GREY if i == j else _strong(colours[j].astype(np.float64))
            for i, j in self.pairs
        ]
        return ["#" + "".join(f"{round(value):02x}" for value in each) for each in mixed]


def _strong(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a colour that stands out among muted ones: pale greys are darkened."""
    pale = colour.max() - colour.min() < _GREYISH and colour.mean() > _LIGHT
    return colour * _DARKENED if pale else colour


def pair_value(before: int, after: int) -> int:
    """Return the number that a pair of class indices is held as while maps are compared; 65535 is none."""
    return before * 256 + after


NO_PAIR = pair_value(IGNORE, IGNORE)
"""Pair value of ground that has no class on one of the dates."""


def pair_values(before: ArrayLike, after: ArrayLike) -> NDArray[np.uint16]:
    """Return pairs as single numbers.

    Args:
        before: Class indices of the first date, uint8, 255 where there is none.
        after: The same of the second date, and the same shape.

    Returns:
        The same shape, uint16; :data:`NO_PAIR` where either is 255.

    Example:
        >>> pair_values([0, 1, 255], [1, 1, 0]).tolist()
        [1, 257, 65535]
    """
    one, two = np.asarray(before, dtype=np.uint16), np.asarray(after, dtype=np.uint16)
    return np.where((one == IGNORE) | (two == IGNORE), np.uint16(NO_PAIR), one * np.uint16(256) + two)


def split_pairs(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the class indices of both dates: the inverse of :func:`pair_values`."""
    return (values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)
