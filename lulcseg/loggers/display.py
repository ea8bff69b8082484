"""What a run shows, whoever shows it: curves, scores, pictures, tables, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pytorch_lightning.loggers import Logger

from lulcseg.legend import Legend
from lulcseg.pictures.painting import class_picture

_OPACITY = 140
"""How far classes cover the imagery under them where the service can't do that itself, of 255."""

Value = float | int | str


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, and classes that lie over it.

    Attributes:
        image: The picture, (h, w).
        layers: By name, (h, w) uint8 class indices on the picture's pixels; 255: no class.
        legend: The layers' classes.
    """

    image: Image.Image
    layers: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    legend: Legend | None = None

    def flat(self) -> dict[str, Image.Image]:
        """Return the picture, and each layer painted over it, by the layer's name; the bare picture's is empty."""
        pictures = {"": self.image.convert("RGB")}
        for name, index in self.layers.items():
            assert self.legend is not None
            painted = class_picture(index, self.legend).convert("RGBA")
            painted.putalpha(painted.getchannel("A").point(lambda alpha: min(alpha, _OPACITY)))
            over = Image.alpha_composite(self.image.convert("RGBA"), painted)
            pictures[name] = over.convert("RGB")
        return pictures


class Display(Protocol):
    """Shows one run. Names are paths such as ``confusion/farm_single``: their first part is a section."""

    @property
    def curves(self) -> Logger | None:
        """Lightning's logger, which gets the training curves; None: the run's own metrics.csv is enough."""
        ...

    @property
    def address(self) -> Mapping[str, str]:
        """Return what finds the run again at the service, such as its id; empty where there is nothing to find."""
        ...

    def scores(self, values: Mapping[str, Value]) -> None:
        """Show what came out of the run: one value a name."""
        ...

    def picture(self, name: str, picture: Picture) -> None:
        """Show a picture."""
        ...

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Show a table."""
        ...

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Show a confusion matrix.

        Args:
            name: Its name.
            counts: ``reference``, ``map`` and ``count``, a row a cell of the matrix, in the legend's order.
        """
        ...

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Keep files together under a name.

        Args:
            name: Their name; the same name again is another version of it.
            kind: What they are: ``plan`` or ``model``.
            files: The files.
            aliases: Names of this version.
        """
        ...

    def close(self, *, failed: bool) -> None:
        """Finish. Nothing is shown after it."""
        ...


class NoDisplay:
    """Shows nothing: for ``logger=none``, and for every process but a run's first."""

    curves: Logger | None = None
    address: Mapping[str, str] = {}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Show nothing."""

    def picture(self, name: str, picture: Picture) -> None:
        """Show nothing."""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Show nothing."""

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Show nothing."""

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Keep nothing."""

    def close(self, *, failed: bool) -> None:
        """Do nothing."""


NOTHING = NoDisplay()
