"""From a model and imagery to class probabilities, row by row from the top."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from lulcseg.grid import Window
from lulcseg.mosaic.blend import FinishedRows, RollingBlend
from lulcseg.mosaic.forward import Forward, ForwardSample, PatchModel, batches_of
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.patch_reader import Reader, Wanted, read_patches
from lulcseg.mosaic.tiling import Tiling
from lulcseg.mosaic.weights import weight_window


@dataclass(frozen=True)
class PredictionSetup:
    """How a mosaic is predicted.

    Attributes:
        plan: The passes.
        classes: Number of classes K.
        patch: Side of a patch P, in pixels.
        batch: Forward samples in a batch, views counted.
        device: Where to compute.
        workers: Threads that read patches ahead.
        with_entropy: Whether the entropies of a pixel's views are averaged too.
    """

    plan: PassPlan
    classes: int
    patch: int
    batch: int
    device: torch.device
    workers: int = 1
    with_entropy: bool = False

    @property
    def ahead(self) -> int:
        """Patches that may wait to be predicted: two batches' worth."""
        return 1 + 2 * max(1, round(self.batch / self.plan.views_per_patch))

    def fitted(self, frame: Window) -> PredictionSetup:
        """Return the setup for a mosaic: with a smaller batch if the whole of it has fewer samples."""
        samples = Tiling(frame, self.plan, self.patch).count_samples()
        return replace(self, batch=min(self.batch, samples))


class RowStream:
    """A mosaic's class probabilities, or a part's, handed on as rows become final. It can be walked once.

    Every pixel comes out the same whatever the part: the same patches are predicted, in batches of the same
    shape, and added up in the same order.

    Attributes:
        patches: Patches predicted so far, over all passes.
        patches_done: Patches so far, those left out because nothing in them is valid and wanted included.
        patches_total: Patches of all passes that meet the part.
    """

    def __init__(
        self,
        model: PatchModel,
        reader: Reader,
        setup: PredictionSetup,
        part: Window | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            model: Gives logits for patches; in evaluation mode, on ``setup.device``.
            reader: The imagery.
            setup: How it is predicted, fitted to the mosaic.
            part: Part of the mosaic whose pixels are wanted; None: all of it.
            wanted: Which pixels of the mosaic are wanted; None: all.
        """
        self._reader, self._setup, self._wanted = reader, setup, wanted
        self._part = part or reader.grid.window
        self._tiling = Tiling(reader.grid.window, setup.plan, setup.patch)
        self._forward = Forward(
            model, classes=setup.classes, batch=setup.batch, device=setup.device, with_entropy=setup.with_entropy
        )
        whole = Window(0, 0, setup.patch, setup.patch)
        margin, step = self._tiling.margin, self._tiling.step
        self._kept = Window(margin, margin, step, step).slices_in(whole)
        weight = weight_window(setup.plan.weight, setup.patch)[self._kept]
        self._weight = torch.from_numpy(weight).to(setup.device)
        self.patches = 0
        self.patches_done = 0
        self.patches_total = self._tiling.count(self._part)

    @cached_property
    def _blend(self) -> RollingBlend:
        """The rows in work, held from when the first are there."""
        setup = self._setup
        return RollingBlend(
            self._part,
            classes=setup.classes,
            rows=self._tiling.step,
            device=setup.device,
            with_entropy=setup.with_entropy,
        )

    @property
    def samples(self) -> int:
        """Forward samples so far: patches times their views."""
        return self._forward.samples

    @property
    def forward_seconds(self) -> float:
        """Time in the model so far, in seconds."""
        return self._forward.seconds

    def __iter__(self) -> Generator[FinishedRows]:
        """Yield all rows of the part from the top, on the device.

        Raises:
            LulcsegError: The model gives another number of classes, or the reader fails.
        """
        with closing(self.batches()) as batches:
            for batch in batches:
                yield from self.take(batch)
        yield from self.rest()

    def batches(self) -> Generator[list[ForwardSample]]:
        """Yield batches of samples, in order, for :meth:`take`."""
        setup = self._setup
        order = self._tiling.tiles(self._part)
        pin = setup.device.type == "cuda"
        reading = read_patches(
            self._reader, order, ahead=setup.ahead, pin=pin, workers=setup.workers, wanted=self._wanted
        )
        with closing(reading) as read:
            yield from batches_of((p for p in read if not p.is_empty), setup.plan, setup.batch, setup.device)

    def take(self, batch: list[ForwardSample]) -> Iterator[FinishedRows]:
        """Predict a batch, and yield the rows that are final then."""
        for prediction in self._forward(batch):
            patch, core = prediction.patch, prediction.patch.tile.core
            yield from self._cut(self._blend.advance(core.row))
            entropy = prediction.entropy
            self._blend.add(
                core,
                prediction.probabilities[:, *self._kept],
                patch.valid[self._kept],
                self._weight,
                None if entropy is None else entropy[self._kept],
            )
            self.patches += 1
            self.patches_done = patch.number + 1

    def rest(self) -> Iterator[FinishedRows]:
        """Yield the rows that are left once the last batch is taken."""
        yield from self._cut(self._blend.advance(self._part.row_end))
        self.patches_done = self.patches_total

    def _cut(self, finished: Iterator[FinishedRows]) -> Iterator[FinishedRows]:
        """Mark pixels that aren't wanted as not valid."""
        for rows in finished:
            if self._wanted is None:
                yield rows
                continue
            window = Window(rows.row, self._part.col, rows.valid.shape[0], self._part.width)
            yield replace(rows, valid=rows.valid & torch.from_numpy(self._wanted(window)).to(rows.valid.device))
