"""Predicting strips of a mosaic, batch by batch: what one process does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lulcseg.grid import Window
from lulcseg.mosaic.forward import ForwardSample, PatchModel
from lulcseg.mosaic.patch_reader import Reader, Wanted
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.mosaic.strip_store import Strip, StripStore
from lulcseg.mosaic.strip_writer import StripWriter, runs_of
from lulcseg.mosaic.tiling import Tiling

Progress = Callable[[int, int], None]
"""Is told (patches done, patches in all) as it goes, skipped ones counted."""


@dataclass(frozen=True, slots=True)
class Step:
    """A batch of samples, and the rows they belong to."""

    run: list[Strip]
    stream: RowStream
    batch: list[ForwardSample]


class StripJob:
    """Strips that one process predicts and writes into their folder. A context manager.

    Neighbouring strips are predicted in one go. Where a run of strips begins, patches that reach into it from above
    are predicted again.

    Args:
        model: Gives logits for patches; in evaluation mode.
        reader: The imagery.
        setup: How it is predicted, fitted to the mosaic.
        work: Where strips go.
        strips: The strips to make, from the top.
        wanted: Which pixels of the mosaic are wanted; None: all.
        progress: Is told of patches done.

    Attributes:
        patches: Patches predicted so far, over all passes.
        patches_total: Patches of all passes, those left out included.
        samples: Forward samples so far: patches times their views.
        forward_seconds: Time in the model so far, in seconds.
    """

    def __init__(
        self,
        model: PatchModel,
        reader: Reader,
        setup: PredictionSetup,
        work: StripStore,
        strips: Sequence[Strip],
        *,
        wanted: Wanted | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Keep the parts; nothing is read yet."""
        self._model, self._reader, self._setup, self._work, self._wanted = model, reader, setup, work, wanted
        self._progress = progress
        self._runs = list(runs_of(strips))
        tiling = Tiling(reader.grid.window, setup.plan, setup.patch)
        self.patches_total = sum(tiling.count(self._part(run)) for run in self._runs)
        self.patches, self.samples, self.forward_seconds = 0, 0, 0.0
        self._before = 0
        self._stream: RowStream | None = None
        self._writer: StripWriter | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up the strip in work, where something has gone wrong."""
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)

    def run(self) -> None:
        """Predict all strips.

        Raises:
            LulcsegError: A strip can't be written, the imagery not be read, or the model's classes are not the
                legend's.
        """
        with closing(self.steps()) as steps:
            for step in steps:
                self.take(step)
        self.finish()

    def steps(self) -> Generator[Step]:
        """Yield batches in order; they may be asked for ahead of :meth:`take`."""
        for run in self._runs:
            stream = RowStream(self._model, self._reader, self._setup, self._part(run), self._wanted)
            empty = True
            with closing(stream.batches()) as batches:
                for batch in batches:
                    yield Step(run, stream, batch)
                    empty = False
            if empty:  # nothing in it is to be predicted, but it is to be written
                yield Step(run, stream, [])

    def take(self, step: Step) -> None:
        """Predict a batch and hand finished rows to the writer."""
        if step.stream is not self._stream:
            self.finish()
            self._stream, self._writer = step.stream, StripWriter(self._work, step.run)
        assert self._writer is not None
        if step.batch:
            for rows in step.stream.take(step.batch):
                self._writer.write(rows)
        self._tell(step.stream)

    def finish(self) -> None:
        """Write the rows that are left of the run in work."""
        stream, writer = self._stream, self._writer
        if stream is None or writer is None:
            return
        for rows in stream.rest():
            writer.write(rows)
        writer.__exit__(None, None, None)
        self._tell(stream)
        self._before += stream.patches_total
        self.patches += stream.patches
        self.samples += stream.samples
        self.forward_seconds += stream.forward_seconds
        self._stream = self._writer = None

    def _part(self, run: Sequence[Strip]) -> Window:
        columns = self._work.part
        return Window(run[0].start, columns.col, run[-1].stop - run[0].start, columns.width)

    def _tell(self, stream: RowStream) -> None:
        if self._progress is not None:
            self._progress(self._before + stream.patches_done, self.patches_total)
