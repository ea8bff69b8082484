"""Reads patches ahead of the model, reflected beyond the mosaic's edge."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.grid import Grid, Window
from lulcseg.mosaic.tiling import Tile


class MosaicReader(Protocol):
    """The imagery as prediction needs it."""

    @property
    def grid(self) -> Grid:
        """The mosaic's pixels."""

    @property
    def bands(self) -> int:
        """Number of bands C."""

    @property
    def itemsize(self) -> int:
        """Bytes of one of its values."""

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window inside the grid; called from one thread at a time.

        Returns:
            The image, (C, h, w) in the imagery's own type, and its validity, (h, w) bool.
        """

    def clone(self) -> Self:
        """Return a reader of the same imagery, for use in another thread."""


WindowMask = Callable[[Window], NDArray[np.bool_]]
"""Returns which pixels of a window inside the mosaic are requested, (h, w) bool; must be thread-safe."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as read from the imagery.

    Attributes:
        number: Its position in the order of prediction, from 0.
        tile: Where it lies.
        image: (C, P, P) in the imagery's own type, reflected beyond the mosaic's edge.
        valid: (P, P) bool, reflected likewise.
        is_empty: Whether none of its core's pixels is valid and requested, so that it need not be predicted.
    """

    number: int
    tile: Tile
    image: Tensor
    valid: Tensor
    is_empty: bool

    def to(self, device: torch.device) -> Patch:
        """Return the patch on a device."""
        image, valid = (each.to(device, non_blocking=True) for each in (self.image, self.valid))
        return replace(self, image=image, valid=valid)


def reflected(start: int, length: int, size: int) -> NDArray[np.int64]:
    """Return the indices of an axis that is extended by reflection.

    The edge pixel is not repeated (numpy's ``reflect``). The reflection repeats as often as needed, so a patch may be
    many times larger than the mosaic.

    Args:
        start: First position, possibly negative.
        length: Number of positions.
        size: Length of the axis, at least 1.

    Returns:
        (length,) int64, each in 0…size − 1.

    Example:
        >>> reflected(-2, 8, 4)
        array([2, 1, 0, 1, 2, 3, 2, 1])
    """
    period = max(1, 2 * (size - 1))
    index = np.mod(np.arange(start, start + length), period)
    return np.minimum(index, period - index) if size > 1 else index


def read_reflected(reader: MosaicReader, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read a window that may reach outside the mosaic, which is extended by reflection.

    Args:
        reader: The imagery; only windows inside its grid are read, of at most (h, w) pixels.
        window: (h, w) pixels.

    Returns:
        The image, (C, h, w) in the imagery's own type, and its validity, (h, w) bool.
    """
    if reader.grid.window.contains(window):
        return reader.read(window)
    rows = reflected(window.row, window.height, reader.grid.height)
    cols = reflected(window.col, window.width, reader.grid.width)
    row, col = int(rows.min()), int(cols.min())
    image, valid = reader.read(Window(row, col, int(rows.max()) - row + 1, int(cols.max()) - col + 1))
    rows, cols = rows - row, cols - col
    return image.take(rows, axis=-2).take(cols, axis=-1), valid.take(rows, axis=-2).take(cols, axis=-1)


def read_patches(
    reader: MosaicReader,
    tiles: Iterable[Tile],
    *,
    ahead: int,
    pin: bool = False,
    workers: int = 1,
    mask: WindowMask | None = None,
) -> Generator[Patch]:
    """Read patches in threads, ahead of their use, and yield them in order.

    Args:
        reader: The imagery; must not be used elsewhere meanwhile.
        tiles: Where the patches lie.
        ahead: How many patches to read ahead, at least 1.
        pin: Whether to use page-locked memory, which a GPU can copy from while it computes.
        workers: Number of threads; each has its own clone of the reader.
        mask: Which pixels of the mosaic are requested; None: all.

    Yields:
        Every patch, empty ones included.

    Raises:
        LulcsegError: The reader raises it.
    """
    own = threading.local()
    spare = [reader, *(reader.clone() for _ in range(workers - 1))]

    def read(number: int, tile: Tile) -> Patch:
        if not hasattr(own, "reader"):
            own.reader = spare.pop()
        return _read_patch(own.reader, number, tile, pin, mask)

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="read-ahead") as executor:
        waiting: deque[Future[Patch]] = deque()
        try:
            for number, tile in enumerate(tiles):
                waiting.append(executor.submit(read, number, tile))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)


def _read_patch(reader: MosaicReader, number: int, tile: Tile, pin: bool, mask: WindowMask | None) -> Patch:
    inside = tile.core.intersection(reader.grid.window)
    here = True if mask is None else mask(inside)
    if not np.any(here):
        nothing = torch.empty(0)
        return Patch(number, tile, nothing, nothing, is_empty=True)
    image, valid = read_reflected(reader, tile.window)
    is_empty = not bool((valid[inside.slices_in(tile.window)] & here).any())
    return Patch(number, tile, _tensor(image, pin), _tensor(valid, pin), is_empty)


def _tensor(array: NDArray[Any], pin: bool) -> Tensor:
    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return tensor.pin_memory() if pin else tensor
