"""Writes finished rows to strips on disk, in a thread that runs while the model computes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.maps.writer import StripFile
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.products import CLASSES, has_nan
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.strips import Strip

WAITING = 4
"""Pieces of finished rows that may be queued for writing."""


class StripWriter:
    """Converts finished rows to rasters and writes them strip by strip; a context manager.

    Args:
        store: Where strips are written.
        run: The contiguous strips that the rows belong to.
    """

    def __init__(self, store: StripStore, run: list[Strip]) -> None:
        self._store, self._left = store, deque(run)
        self._open: _OpenStrip | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is queued, unless an error occurred; abandon an unfinished strip.

        Raises:
            LulcsegError: Queued rows can't be written.
        """
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
            if self._open is not None:
                self._open.abandon()

    def write(self, rows: FinishedRows) -> None:
        """Queue the next rows for writing.

        Raises:
            LulcsegError: The model gave values that are not numbers, or earlier rows can't be written.
        """
        values = {product.key: product(rows) for product in self._store.products}
        piece = _Piece(rows.row, rows.valid.shape[0], values, has_nan(rows))
        self._waiting.append(self._pool.submit(self._write, piece))
        while len(self._waiting) > WAITING or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()

    def _write(self, piece: _Piece) -> None:
        """Write a piece, in the thread; waiting for values from a GPU happens here."""
        if bool(piece.has_nan):
            raise LulcsegError(
                f"the model gives values that are not numbers, between rows {piece.row} and {piece.row + piece.height}",
                where="checkpoint",
                remedy="train again, with a lower learning rate or in full precision",
            )
        arrays = {key: tensor.cpu().numpy() for key, tensor in piece.values.items()}
        done = 0
        while done < piece.height:
            if self._open is None:
                self._open = _OpenStrip(self._store, self._left.popleft())
            count = min(piece.height - done, self._open.strip.stop - piece.row - done)
            self._open.write({key: values[:, done : done + count] for key, values in arrays.items()})
            done += count
            if piece.row + done == self._open.strip.stop:
                self._open.close()
                self._open = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Finished rows to be written: ``values`` by product, (bands, h, W) uint8."""

    row: int
    height: int
    values: dict[str, Tensor]
    has_nan: Tensor


class _OpenStrip:
    """The open files of a strip being written."""

    def __init__(self, store: StripStore, strip: Strip) -> None:
        self.strip, self._store = strip, store
        self._counts = np.zeros(256, dtype=np.int64)
        self._files = {
            product.key: StripFile(
                store.draft_path(product, strip),
                len(product.layout.descriptions),
                store.strip_grid(strip),
                store.target,
            )
            for product in store.products
        }

    def write(self, values: dict[str, NDArray[np.uint8]]) -> None:
        for key, file in self._files.items():
            file.write(values[key])
        self._counts += np.bincount(values[CLASSES].ravel(), minlength=256)

    def close(self) -> None:
        sums = {key: file.close() for key, file in self._files.items()}
        self._store.mark_done(self.strip, sums, self._counts.tolist())

    def abandon(self) -> None:
        for file in self._files.values():
            file.abandon()
