"""From finished rows to strips on disk, in a thread that writes while the model computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.maps.writer import StripFile
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.products import CLASSES, lacks_numbers
from lulcseg.mosaic.strip_store import Strip, StripStore

WAITING = 4
"""Pieces of finished rows that may wait to be written."""


def share_of(missing: list[Strip], rank: int, world: int) -> list[Strip]:
    """Return the strips that one of several processes makes: neighbours, as many as the others get, or one more."""
    return missing[rank * len(missing) // world : (rank + 1) * len(missing) // world]


def runs_of(strips: Iterable[Strip]) -> Iterator[list[Strip]]:
    """Yield strips in runs without a gap: a run's rows are predicted in one go."""
    ordered = list(strips)
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if a.number + 1 != b.number]
    for start, stop in pairwise([0, *cuts, len(ordered)]):
        if stop > start:
            yield ordered[start:stop]


class StripWriter:
    """Makes rasters of finished rows and writes them, strip by strip. A context manager.

    Args:
        work: Where strips go.
        run: The strips that the rows will be of, without a gap.
    """

    def __init__(self, work: StripStore, run: list[Strip]) -> None:
        """Keep the parts; nothing is written yet."""
        self._work, self._left = work, deque(run)
        self._open: _OpenStrip | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, unless something has gone wrong; an unfinished strip is given up.

        Raises:
            LulcsegError: Something could not be written.
        """
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
            if self._open is not None:
                self._open.give_up()

    def write(self, rows: FinishedRows) -> None:
        """Take the next rows; they are written while the caller goes on.

        Raises:
            LulcsegError: The model gave something that is not a number, or earlier rows could not be written.
        """
        made = {product.key: product(rows) for product in self._work.products}
        piece = _Piece(rows.row, rows.valid.shape[0], made, lacks_numbers(rows))
        self._waiting.append(self._pool.submit(self._write, piece))
        while len(self._waiting) > WAITING or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()

    def _write(self, piece: _Piece) -> None:
        """Write a piece, in the thread: what comes from a GPU is waited for here."""
        if bool(piece.lacks_numbers):
            raise LulcsegError(
                f"the model gives values that are not numbers, between rows {piece.row} and {piece.row + piece.height}",
                where="checkpoint",
                remedy="train again, with a lower learning rate or in full precision",
            )
        arrays = {key: tensor.cpu().numpy() for key, tensor in piece.made.items()}
        done = 0
        while done < piece.height:
            if self._open is None:
                self._open = _OpenStrip(self._work, self._left.popleft())
            count = min(piece.height - done, self._open.strip.stop - piece.row - done)
            self._open.write({key: values[:, done : done + count] for key, values in arrays.items()})
            done += count
            if piece.row + done == self._open.strip.stop:
                self._open.close()
                self._open = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Finished rows as they will be written: ``made`` by product."""

    row: int
    height: int
    made: dict[str, Tensor]
    lacks_numbers: Tensor


class _OpenStrip:
    """The files of a strip that is being written."""

    def __init__(self, work: StripStore, strip: Strip) -> None:
        self.strip, self._work = strip, work
        self._counts = np.zeros(256, dtype=np.int64)
        self._files = {
            product.key: StripFile(
                work.place(product, strip), len(product.layout.descriptions), work.grid_of(strip), work.target
            )
            for product in work.products
        }

    def write(self, values: dict[str, NDArray[np.uint8]]) -> None:
        for key, file in self._files.items():
            file.write(values[key])
        self._counts += np.bincount(values[CLASSES].ravel(), minlength=256)

    def close(self) -> None:
        sums = {key: file.close() for key, file in self._files.items()}
        self._work.note(self.strip, sums, self._counts.tolist())

    def give_up(self) -> None:
        for file in self._files.values():
            file.give_up()
