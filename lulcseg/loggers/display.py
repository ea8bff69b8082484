"""The interface of all loggers: curves, scores, pictures, tables, files."""

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
"""Opacity of classes drawn over imagery where the service has no masks, of 255."""

Value = float | int | str


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, with layers of classes over it.

    Attributes:
        image: The picture, (h, w).
        layers: By name, (h, w) uint8 class indices of the picture's pixels; 255: no class.
        legend: The layers' classes.
    """

    image: Image.Image
    layers: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    legend: Legend | None = None

    def flat(self) -> dict[str, Image.Image]:
        """Return the picture under the empty name, and with each layer drawn over it under the layer's name."""
        pictures = {"": self.image.convert("RGB")}
        for name, index in self.layers.items():
            assert self.legend is not None
            painted = class_picture(index, self.legend).convert("RGBA")
            painted.putalpha(painted.getchannel("A").point(lambda alpha: min(alpha, _OPACITY)))
            over = Image.alpha_composite(self.image.convert("RGBA"), painted)
            pictures[name] = over.convert("RGB")
        return pictures


class Display(Protocol):
    """Displays one run. Names are paths such as ``confusion/farm_single``; their first part is a section."""

    @property
    def curves(self) -> Logger | None:
        """Lightning's logger, for the training curves; None: the run's own ``metrics.csv`` is enough."""
        ...

    @property
    def address(self) -> Mapping[str, str]:
        """What identifies the run at the service, such as its id; empty without a service."""
        ...

    def scores(self, values: Mapping[str, Value]) -> None:
        """Display results of the run, one value per name."""
        ...

    def picture(self, name: str, picture: Picture) -> None:
        """Display a picture."""
        ...

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Display a table."""
        ...

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Display a confusion matrix.

        Args:
            name: Its name.
            counts: ``reference``, ``map`` and ``count``, one row per cell of the matrix, in the legend's order.
        """
        ...

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Log files together as an artifact.

        Args:
            name: The artifact's name; the same name again adds a version of it.
            kind: ``plan`` or ``model``.
            files: The files.
            aliases: Names of this version.
        """
        ...

    def close(self, *, failed: bool) -> None:
        """Finish; nothing may be displayed after it."""
        ...


class NoDisplay:
    """Displays nothing: for ``logger=none``, and for every process but a run's first."""

    curves: Logger | None = None
    address: Mapping[str, str] = {}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Do nothing."""

    def picture(self, name: str, picture: Picture) -> None:
        """Do nothing."""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Do nothing."""

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Do nothing."""

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Do nothing."""

    def close(self, *, failed: bool) -> None:
        """Do nothing."""


NOTHING = NoDisplay()
