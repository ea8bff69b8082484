"""Single patches as pictures: imagery stretched for show, labels outlined in the legend's colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.legend import IGNORE, Legend

NO_IMAGERY = (217, 223, 229)
_STRETCH = (2.0, 98.0)
"""Percentiles of imagery other than 8 bit that become black and white."""

_MOST_OUTLINED = 0.2
"""Share of a tile above which outlines are drawn one pixel wide, not two: labels of single houses hide the ground."""

_HATCH_STEP, _HATCH_SHARE = 12, 0.35
_LEAST_ENLARGED = 160
"""Patches smaller than this are enlarged by whole factors, pixels."""


@dataclass(frozen=True)
class Tone:
    """Values that are shown as black and as white, for each band shown.

    Attributes:
        low: (3,) float32, in shares of the type's range.
        high: (3,) float32.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @classmethod
    def of(cls, image: NDArray[np.float32], valid: NDArray[np.bool_], dtype: np.dtype[Any]) -> Tone:
        """Take 8 bit as it is, and of other types the middle 96 % of what there is.

        Args:
            image: (N, C, P, P), 0…1.
            valid: (N, P, P).
            dtype: The imagery's type.
        """
        shown = np.moveaxis(image, 1, -1)[valid][:, shown_bands(image.shape[1])]
        if dtype == np.uint8 or not len(shown):
            return cls(np.zeros(3, np.float32), np.ones(3, np.float32))
        low, high = np.percentile(shown, _STRETCH, axis=0).astype(np.float32)
        return cls(low, high)


def shown_bands(bands: int) -> list[int]:
    """Return the bands shown as red, green and blue: the first three, or the first one thrice."""
    return [0, 1, 2] if bands >= 3 else [0, 0, 0]


def tile(
    image: NDArray[np.float32],
    mask: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    *,
    legend: Legend,
    tone: Tone,
    side: int,
    cut: bool = False,
    outlined: bool = True,
) -> NDArray[np.uint8]:
    """Paint a patch with its labels outlined.

    Each class is outlined along the inside of its border and of the patch's edge; what has no label is
    hatched, what has no imagery is grey. Lines are laid on after resizing, so that they stay as thin as they are.

    Args:
        image: (C, P, P), 0…1 by the type's range.
        mask: (P, P) class index, 255 where not known.
        valid: (P, P) whether there is imagery.
        legend: The classes.
        tone: What is shown as black and white.
        side: Largest side of the tile, pixels.
        cut: Show the middle of a larger patch pixel for pixel instead of shrinking it.
        outlined: Draw outlines and hatching.

    Returns:
        (h, h, 3) uint8 with h at most ``side``.
    """
    if cut:
        first = max(0, (mask.shape[0] - side) // 2)
        own = slice(first, first + side)
        image, mask, valid = image[:, own, own], mask[own, own], valid[own, own]
    rgb = image[shown_bands(len(image))].transpose(1, 2, 0)
    rgb = np.clip((rgb - tone.low) / np.maximum(tone.high - tone.low, 1e-9), 0, 1) * 255
    picture: NDArray[np.uint8] = np.rint(rgb).astype(np.uint8)
    height = _shown_side(mask.shape[0], side)
    if height != mask.shape[0]:
        how = Image.Resampling.BOX if height < mask.shape[0] else Image.Resampling.NEAREST
        picture = np.asarray(Image.fromarray(picture).resize((height, height), how)).copy()
        at = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(np.int64)
        mask, valid = mask[np.ix_(at, at)], valid[np.ix_(at, at)]
    picture[~valid] = NO_IMAGERY
    if not outlined:
        return picture
    _hatch(picture, valid & (mask == IGNORE))
    edge = outline(mask, width=2)
    if edge.mean() > _MOST_OUTLINED:
        edge = outline(mask, width=1)
    picture[edge] = legend.colours[mask[edge]]
    return picture


def outline(mask: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """Return the labelled pixels within ``width`` pixels of another label or of the edge.

    Args:
        mask: (h, w) class index; 255 is outlined nowhere.
        width: Of the line, in pixels.
    """
    same = np.ones(mask.shape, dtype=np.bool_)
    height, length = mask.shape
    framed = np.full((height + 2 * width, length + 2 * width), IGNORE, dtype=np.uint8)
    framed[width : width + height, width : width + length] = mask
    for down in range(-width, width + 1):
        for across in range(-width, width + 1):
            rows, columns = width + down, width + across
            same &= framed[rows : rows + height, columns : columns + length] == mask
    edge: NDArray[np.bool_] = ~same & (mask != IGNORE)
    return edge


def _shown_side(size: int, side: int) -> int:
    if size > side:
        return side
    return size * max(1, min(-(-_LEAST_ENLARGED // size), side // size))


def _hatch(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    """Lay thin white diagonals over part of a picture, in place."""
    rows, columns = np.indices(where.shape)
    line = where & ((rows + columns) % _HATCH_STEP == 0)
    picture[line] = (picture[line] * (1 - _HATCH_SHARE) + 255 * _HATCH_SHARE).astype(np.uint8)
