"""Single patches as pictures: imagery stretched for display, labels outlined in the legend's colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.legend import IGNORE, Legend
from lulcseg.pictures.display_range import DisplayRange, rgb_bands

NO_IMAGERY = (217, 223, 229)
"""Colour of pixels without imagery."""

_MOST_OUTLINED = 0.2
"""Share of a tile above which outlines are one pixel wide instead of two: those of many small features hide it."""

_HATCH_STEP, _HATCH_SHARE = 12, 0.35
_LEAST_ENLARGED = 160
"""Smaller patches are enlarged by whole factors, pixels."""


def patch_display_range(image: NDArray[np.float32], valid: NDArray[np.bool_], *, as_it_is: bool) -> DisplayRange:
    """Return the display range of patches: the whole range 0…1, as of 8-bit imagery, or the middle 96 % of the pixels.

    Args:
        image: (N, C, P, P), 0…1 by the type's range.
        valid: (N, P, P) whether there is imagery.
        as_it_is: Whether the whole range is displayed.
    """
    displayed = np.moveaxis(image, 1, -1)[valid][:, rgb_bands(image.shape[1])]
    if as_it_is or not len(displayed):
        return DisplayRange(np.zeros(3, np.float32), np.ones(3, np.float32))
    found = DisplayRange.of(displayed)
    return DisplayRange(found.low.astype(np.float32), found.high.astype(np.float32))


def draw_tile(
    image: NDArray[np.float32],
    mask: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    *,
    legend: Legend,
    display: DisplayRange,
    side: int,
    cut: bool = False,
    outlined: bool = True,
) -> NDArray[np.uint8]:
    """Paint a patch with its labels outlined.

    Each class is outlined along the inside of its border and of the patch's edge; pixels without a label are
    hatched, pixels without imagery grey. Lines are drawn after resizing, so their width doesn't change.

    Args:
        image: (C, P, P), 0…1 by the type's range.
        mask: (P, P) class index, 255 where not known.
        valid: (P, P) whether there is imagery.
        legend: The classes.
        display: Values displayed as black and as white.
        side: Maximum side of the tile, pixels.
        cut: Crop a larger patch to its centre instead of reducing it.
        outlined: Draw outlines and hatching.

    Returns:
        (h, h, 3) uint8 with h at most ``side``.
    """
    if cut:
        first = max(0, (mask.shape[0] - side) // 2)
        own = slice(first, first + side)
        image, mask, valid = image[:, own, own], mask[own, own], valid[own, own]
    rgb = image[rgb_bands(len(image))].transpose(1, 2, 0)
    picture: NDArray[np.uint8] = np.rint(display.stretch(rgb)).astype(np.uint8)
    height = _tile_side(mask.shape[0], side)
    if height != mask.shape[0]:
        how = Image.Resampling.BOX if height < mask.shape[0] else Image.Resampling.NEAREST
        picture = np.asarray(Image.fromarray(picture).resize((height, height), how)).copy()
        at = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(np.int64)
        mask, valid = mask[np.ix_(at, at)], valid[np.ix_(at, at)]
    picture[~valid] = NO_IMAGERY
    if not outlined:
        return picture
    _hatch(picture, valid & (mask == IGNORE))
    edge = outline_labels(mask, width=2)
    if edge.mean() > _MOST_OUTLINED:
        edge = outline_labels(mask, width=1)
    picture[edge] = legend.colours[mask[edge]]
    return picture


def outline_labels(mask: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """Return the labelled pixels within ``width`` pixels of another label or of the edge.

    Args:
        mask: (h, w) class index; 255 is never outlined.
        width: Width of the line, in pixels.

    Returns:
        (h, w) bool.

    Example:
        >>> outline_labels(np.zeros((3, 3), dtype=np.uint8), width=1).astype(int).tolist()
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
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


def _tile_side(size: int, side: int) -> int:
    """Return the side of the tile of a patch: at most ``side``, small patches enlarged by a whole factor."""
    if size > side:
        return side
    return size * max(1, min(-(-_LEAST_ENLARGED // size), side // size))


def _hatch(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    """Draw thin white diagonals over part of a picture, in place."""
    rows, columns = np.indices(where.shape)
    line = where & ((rows + columns) % _HATCH_STEP == 0)
    picture[line] = (picture[line] * (1 - _HATCH_SHARE) + 255 * _HATCH_SHARE).astype(np.uint8)
