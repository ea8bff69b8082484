"""Predicts the strips of one process, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lulcseg.grid import Window
from lulcseg.mosaic.forward import ForwardSample, PatchModel
from lulcseg.mosaic.patch_reader import MosaicReader, WindowMask
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.strip_writer import StripWriter
from lulcseg.mosaic.strips import Strip, contiguous_runs
from lulcseg.mosaic.tiling import Tiling

Progress = Callable[[int, int], None]
"""Progress callback, called with (patches done, total); skipped patches count as done."""


@dataclass(frozen=True, slots=True)
class StripBatch:
    """A batch of samples and the run of strips it belongs to.

    Attributes:
        run: Contiguous strips that are predicted together.
        stream: Their rows.
        samples: The batch; empty where nothing in the run needs predicting.
    """

    run: list[Strip]
    stream: RowStream
    samples: list[ForwardSample]


class StripJob:
    """Predicts strips and writes them to their store; a context manager.

    Contiguous strips are predicted together. At the top of each such run, patches that reach into it from above are
    predicted again.

    Args:
        model: Gives logits for patches, in evaluation mode; or several, which are averaged.
        reader: The imagery.
        setup: How to predict, fitted to the mosaic.
        store: Where strips are written.
        strips: The strips to predict, from the top.
        mask: Which pixels of the mosaic are requested; None: all.
        progress: Called after each batch.
        goes_on: Called with the row after the last strip that is certain; returns the row down to which to predict. The
            strips are one run then, of which some may be left. None: all are predicted.

    Attributes:
        patches: Patches predicted so far, over all passes.
        patches_total: Patches of all passes, skipped ones included.
        samples: Forward samples so far: patches times their views, of each model.
        forward_seconds: Time in the model so far, in seconds.
    """

    def __init__(
        self,
        model: PatchModel | Sequence[PatchModel],
        reader: MosaicReader,
        setup: PredictionSetup,
        store: StripStore,
        strips: Sequence[Strip],
        *,
        mask: WindowMask | None = None,
        progress: Progress | None = None,
        goes_on: Callable[[int], int] | None = None,
    ) -> None:
        self._goes_on = goes_on
        self._model, self._reader, self._setup, self._store, self._mask = model, reader, setup, store, mask
        self._progress = progress
        self._runs = list(contiguous_runs(strips))
        tiling = Tiling(reader.grid.window, setup.plan, setup.patch_size)
        self.patches_total = sum(tiling.count(self._part(run)) for run in self._runs)
        self.patches, self.samples, self.forward_seconds = 0, 0, 0.0
        self._before = 0
        self._stream: RowStream | None = None
        self._writer: StripWriter | None = None

    def __enter__(self) -> Self:
        """Return the job."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Abandon the strip being written if an error occurred."""
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)

    def run(self) -> None:
        """Predict all strips.

        Raises:
            LulcsegError: A strip can't be written, the imagery can't be read, or the model's number of classes is not
                the legend's.
        """
        with closing(self.batches()) as batches:
            for batch in batches:
                self.predict(batch)
        self.finish()

    def batches(self) -> Generator[StripBatch]:
        """Yield batches in order; they may be drawn ahead of :meth:`predict`."""
        for run in self._runs:
            stream = RowStream(
                self._model, self._reader, self._setup, self._part(run), self._mask, goes_on=self._goes_on
            )
            empty = True
            with closing(stream.batches()) as batches:
                for samples in batches:
                    yield StripBatch(run, stream, samples)
                    empty = False
            if empty:  # nothing in the run needs predicting, but it must be written
                yield StripBatch(run, stream, [])

    def predict(self, batch: StripBatch) -> None:
        """Predict a batch and write the rows it completes."""
        if batch.stream is not self._stream:
            self.finish()
            self._stream, self._writer = batch.stream, StripWriter(self._store, batch.run)
        assert self._writer is not None
        if batch.samples:
            for rows in batch.stream.predict(batch.samples):
                self._writer.write(rows)
        self._report(batch.stream)

    def finish(self) -> None:
        """Write the remaining rows of the current run."""
        stream, writer = self._stream, self._writer
        if stream is None or writer is None:
            return
        for rows in stream.flush():
            writer.write(rows)
        writer.__exit__(None, None, None)
        self._report(stream)
        self._before += stream.patches_total
        self.patches += stream.patches
        self.samples += stream.samples
        self.forward_seconds += stream.forward_seconds
        self._stream = self._writer = None

    def _part(self, run: Sequence[Strip]) -> Window:
        columns = self._store.part
        return Window(run[0].start, columns.col, run[-1].stop - run[0].start, columns.width)

    def _report(self, stream: RowStream) -> None:
        if self._progress is not None:
            self._progress(self._before + stream.patches_done, self.patches_total)
