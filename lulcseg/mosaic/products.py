"""What a mosaic's class probabilities become in a file: the class map, the scaled probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, Legend
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.sidecar import class_sidecar
from lulcseg.mosaic.writer import Layout

PROBABILITY_STEPS = 250
"""A stored probability of 250 means 1; so the steps are 0.4 %, and 255 is left for nodata."""


def class_layout(legend: Legend) -> Layout:
    """Return the layout of a class map: one band of codes, with colour table, class names and mode overviews."""
    colours = {c.code: (int(r), int(g), int(b), 255) for c, (r, g, b) in zip(legend, legend.colours, strict=True)}
    return Layout(("class",), overviews="MODE", colours=colours, sidecar=class_sidecar(legend))


def probability_layout(legend: Legend) -> Layout:
    """Return the layout of class probabilities: a band a class, in steps of 0.004 (the bands' scale says so)."""
    return Layout(tuple(legend.names), overviews="AVERAGE", scale=1 / PROBABILITY_STEPS, predictor="YES")


class ClassCodes:
    """Turns probabilities into class codes: the class of the highest, at a tie the first in the legend.

    Attributes:
        mapped: Pixels that got a class so far.
    """

    def __init__(self, legend: Legend, device: torch.device) -> None:
        """Keep the codes on the device."""
        self._codes = torch.from_numpy(legend.index_to_code()).to(device)
        self.mapped = 0

    def __call__(self, rows: FinishedRows) -> NDArray[np.uint8]:
        """Return codes, (1, h, W) uint8, 255 where the imagery is not valid.

        Raises:
            LulcsegError: The model gave something that is not a number.
        """
        best, index = rows.probabilities.max(dim=0)
        if bool((best.isnan() & rows.valid).any()):
            raise LulcsegError(
                f"the model gives values that are not numbers, between rows {rows.row} and {rows.row + len(best)}",
                where="checkpoint",
                remedy="train again, with a lower learning rate or in full precision",
            )
        self.mapped += int(rows.valid.sum())
        return _masked(self._codes[index], rows.valid)[None]


def scaled_probabilities(rows: FinishedRows) -> NDArray[np.uint8]:
    """Return class probabilities, (K, h, W) uint8 in steps of 1/250, 255 where the imagery is not valid."""
    return _masked((rows.probabilities * PROBABILITY_STEPS).round().to(torch.uint8), rows.valid)


def _masked(values: Tensor, valid: Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = values.masked_fill(~valid, IGNORE).cpu().numpy()
    return array
