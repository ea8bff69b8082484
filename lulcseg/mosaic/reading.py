"""Reading patches ahead of the model, with reflection beyond the mosaic's edge."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.grid import Grid, Window
from lulcseg.mosaic.tiling import Tile


class Reader(Protocol):
    """What prediction needs of imagery."""

    @property
    def grid(self) -> Grid:
        """The mosaic's pixels."""

    @property
    def bands(self) -> int:
        """Number of bands C."""

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window that lies inside the grid, from one thread at a time.

        Returns:
            The image, (C, h, w) in the imagery's own type, and where it is valid, (h, w) bool.
        """


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as it was read.

    Attributes:
        number: Its place in the order of prediction, from 0.
        tile: Where it lies.
        image: (C, P, P) in the imagery's own type, reflected beyond the mosaic's edge.
        valid: (P, P) bool, reflected likewise.
        is_empty: Whether no pixel of the mosaic in it is valid, so that it need not be predicted.
    """

    number: int
    tile: Tile
    image: Tensor
    valid: Tensor
    is_empty: bool


def reflected(start: int, length: int, size: int) -> NDArray[np.int64]:
    """Return the indices that an axis has where it is continued by reflection.

    The edge pixel is not repeated (numpy's ``reflect``), and the reflection goes to and fro as often as
    is needed, so a patch may be many times larger than the mosaic.

    Args:
        start: First position, possibly negative.
        length: Number of positions.
        size: Length of the axis, at least 1.

    Returns:
        (length,) int64, each in 0…size − 1.
    """
    period = max(1, 2 * (size - 1))
    index = np.mod(np.arange(start, start + length), period)
    return np.minimum(index, period - index) if size > 1 else index


def read_reflected(reader: Reader, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read a window that may reach outside the mosaic, as if the mosaic went on by reflection.

    Args:
        reader: The imagery; it is only asked for what lies inside its grid, at most (h, w) pixels.
        window: (h, w) pixels.

    Returns:
        The image, (C, h, w) in the imagery's own type, and where it is valid, (h, w) bool.
    """
    if reader.grid.window.contains(window):
        return reader.read(window)
    rows = reflected(window.row, window.height, reader.grid.height)
    cols = reflected(window.col, window.width, reader.grid.width)
    row, col = int(rows.min()), int(cols.min())
    image, valid = reader.read(Window(row, col, int(rows.max()) - row + 1, int(cols.max()) - col + 1))
    rows, cols = rows - row, cols - col
    return image.take(rows, axis=-2).take(cols, axis=-1), valid.take(rows, axis=-2).take(cols, axis=-1)


def _read_patch(reader: Reader, number: int, tile: Tile, pin: bool) -> Patch:
    image, valid = read_reflected(reader, tile.window)
    inside = tile.window.intersection(reader.grid.window).slices_in(tile.window)
    return Patch(number, tile, _tensor(image, pin), _tensor(valid, pin), is_empty=not bool(valid[inside].any()))


def _tensor(array: NDArray[Any], pin: bool) -> Tensor:
    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return tensor.pin_memory() if pin else tensor


def read_patches(reader: Reader, tiles: Iterable[Tile], *, ahead: int, pin: bool = False) -> Generator[Patch]:
    """Read patches in order in a thread of its own, a few ahead of the one that is asked for.

    Args:
        reader: The imagery; nobody else may use it meanwhile.
        tiles: Where the patches lie.
        ahead: How many patches may wait, at least 1.
        pin: Whether to put them in page-locked memory, from where a GPU fetches them while it computes.

    Yields:
        Every patch, the empty ones too.

    Raises:
        LulcsegError: Whatever the reader raises.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as executor:
        waiting: deque[Future[Patch]] = deque()
        try:
            for number, tile in enumerate(tiles):
                waiting.append(executor.submit(_read_patch, reader, number, tile, pin))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)
