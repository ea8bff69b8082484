"""The legend: the classes with their codes, names and colours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError

IGNORE = 255
"""Label value of a pixel without a class: outside the imagery, nodata, unlabelled."""

_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")


@dataclass(frozen=True, slots=True)
class LandClass:
    """One class of the legend.

    Attributes:
        code: Value in class rasters and maps, 0…254.
        name: Name of the class.
        colour: ``#rrggbb``.
    """

    code: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Legend:
    """An ordered list of classes.

    Inside lulcseg a class is its *index*, 0…n − 1, in the order of the legend; files carry its
    *code*. The two differ where the user's codes do (10, 30, 50…).

    Raises:
        LulcsegError: Fewer than two classes, a duplicate code or name, a name that can't be printed, a code outside
            0…254 (255 is :data:`IGNORE`), or a colour that is not ``#rrggbb``.
    """

    classes: tuple[LandClass, ...]

    def __post_init__(self) -> None:
        """Check the classes."""
        if not 2 <= len(self) <= IGNORE:
            raise LulcsegError(f"a legend needs 2 to {IGNORE} classes, this one has {len(self)}", where="legend")
        for field in ("code", "name"):
            values = [getattr(c, field) for c in self.classes]
            twice = sorted({str(v) for v in values if values.count(v) > 1})
            if twice:
                raise LulcsegError(f"{field} {', '.join(twice)} is used twice", where="legend", remedy="make it unique")
        for c in self.classes:
            if not c.name.isprintable() or not c.name.strip():
                raise LulcsegError(
                    f"the name {c.name!a} of code {c.code} is empty or has characters that can't be printed",
                    where="legend",
                    remedy="write it as text on one line",
                )
            if not 0 <= c.code < IGNORE:
                raise LulcsegError(
                    f"code {c.code} of '{c.name}' is outside 0…254",
                    where="legend",
                    remedy="give it another code (255 means 'ignore'); source values go into labels.crosswalk",
                )
            if not _COLOUR.match(c.colour):
                raise LulcsegError(f"colour '{c.colour}' of '{c.name}' is not #rrggbb", where="legend")

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    def __iter__(self) -> Iterator[LandClass]:
        """Iterate over the classes in order."""
        return iter(self.classes)

    @property
    def names(self) -> list[str]:
        """Class names in order."""
        return [c.name for c in self.classes]

    @property
    def codes(self) -> list[int]:
        """Class codes in order."""
        return [c.code for c in self.classes]

    @property
    def colours(self) -> NDArray[np.uint8]:
        """Colours, (n, 3) uint8 RGB, in order."""
        return np.array([[int(c.colour[i : i + 2], 16) for i in (1, 3, 5)] for c in self.classes], dtype=np.uint8)

    def index(self, name: str) -> int:
        """Return the index of a class by its name.

        Raises:
            KeyError: No class has that name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None

    def index_to_code(self) -> NDArray[np.uint8]:
        """Return a (256,) uint8 table from class index to code; anything else maps to :data:`IGNORE`.

        Example:
            >>> legend = Legend((LandClass(10, "Water", "#0000ff"), LandClass(30, "Forest", "#00ff00")))
            >>> legend.index_to_code()[[0, 1, 2, 255]].tolist()
            [10, 30, 255, 255]
        """
        table = np.full(256, IGNORE, dtype=np.uint8)
        table[: len(self)] = self.codes
        return table

    def code_to_index(self) -> NDArray[np.uint8]:
        """Return a (256,) uint8 table from code to class index; anything else maps to :data:`IGNORE`."""
        table = np.full(256, IGNORE, dtype=np.uint8)
        table[self.codes] = np.arange(len(self), dtype=np.uint8)
        return table

    def to_plain(self) -> list[dict[str, int | str]]:
        """Return the legend as plain Python, fit for YAML, JSON and checkpoints."""
        return [{"code": c.code, "name": c.name, "colour": c.colour} for c in self.classes]

    @classmethod
    def from_plain(cls, items: Sequence[Mapping[str, object]]) -> Legend:
        """Build a legend from the output of :meth:`to_plain`.

        Raises:
            LulcsegError: A class lacks its code, name or colour, or the legend is invalid.
        """
        classes = []
        for number, item in enumerate(items, start=1):
            missing = {"code", "name", "colour"} - set(item)
            if missing:
                raise LulcsegError(f"class {number} lacks {', '.join(sorted(missing))}", where="legend")
            classes.append(LandClass(int(str(item["code"])), str(item["name"]), str(item["colour"])))
        return cls(tuple(classes))


PAPER_LEGEND = Legend(
    (
        LandClass(0, "Banana Plantation", "#f2d43d"),
        LandClass(1, "Berry Crops", "#d81b60"),
        LandClass(2, "Forestry Plantation", "#0b5d3b"),
        LandClass(3, "Other", "#c8c4b7"),
        LandClass(4, "Sugarcane Crop", "#8fce6a"),
        LandClass(5, "Tea Tree Plantation", "#3fa7a3"),
        LandClass(6, "Tree Crop - Mature", "#e07b1a"),
        LandClass(7, "Tree Crop - Young", "#f7b87a"),
        LandClass(8, "Vineyards", "#7b3fa0"),
    )
)
"""The nine classes of Clark, Phinn & Scarth (Table 7), coded alphabetically by name."""
