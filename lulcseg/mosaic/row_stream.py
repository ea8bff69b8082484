"""Predicts class probabilities of a mosaic, row by row from the top."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from lulcseg.grid import Window
from lulcseg.mosaic.blend import FinishedRows, RollingBlend
from lulcseg.mosaic.forward import ForwardPass, ForwardSample, PatchModel, batches_of
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.patch_reader import MosaicReader, WindowMask, read_patches
from lulcseg.mosaic.tiling import Tile, Tiling
from lulcseg.mosaic.weight_windows import weight_window


@dataclass(frozen=True)
class PredictionSetup:
    """How a mosaic is predicted.

    Attributes:
        plan: The passes.
        classes: Number of classes K.
        patch_size: Patch size P, in pixels.
        batch_size: Forward samples per batch; each view of a patch is a sample.
        device: Where to compute.
        workers: Threads that read patches ahead.
        with_entropy: Whether to average the entropies of a pixel's views too.
        models: Number of models that are averaged.
        to_classes: Turns finished rows into those of the map's classes; None: they are.
    """

    plan: PassPlan
    classes: int
    patch_size: int
    batch_size: int
    device: torch.device
    workers: int = 1
    with_entropy: bool = False
    models: int = 1
    to_classes: Callable[[FinishedRows], FinishedRows] | None = None

    @property
    def entropies(self) -> int:
        """Planes of entropies that are kept: of several models, those of their mean too."""
        return (2 if self.models > 1 else 1) if self.with_entropy else 0

    @property
    def ahead(self) -> int:
        """Patches that are read ahead of prediction: two batches' worth."""
        return 1 + 2 * max(1, round(self.batch_size / self.plan.views_per_patch))

    def fitted_to(self, frame: Window) -> PredictionSetup:
        """Return the setup for a mosaic; the batch size is at most the mosaic's number of samples."""
        samples = Tiling(frame, self.plan, self.patch_size).count_samples()
        return replace(self, batch_size=min(self.batch_size, samples))


class RowStream:
    """Class probabilities of a mosaic or a part of it, yielded as rows become final; iterable once.

    A pixel's values don't depend on the part: the same patches are predicted, in batches of the same shape, and summed
    in the same order.

    Args:
        model: Gives logits for patches, in evaluation mode, on ``setup.device``; or ``setup.models`` of them.
        reader: The imagery.
        setup: How to predict, fitted to the mosaic.
        part: Part of the mosaic to predict; None: all of it.
        mask: Which pixels of the mosaic are requested; None: all.
        goes_on: Called with a row before the first patch is read that begins at it or below; returns the row down to
            which to predict, or the same row to end there. None: down to the part's end.

    Attributes:
        patches: Patches predicted so far, over all passes.
        patches_done: Patches so far, including those skipped because no pixel in them is valid and requested.
        patches_total: Patches of all passes that intersect the part.
    """

    def __init__(
        self,
        model: PatchModel | Sequence[PatchModel],
        reader: MosaicReader,
        setup: PredictionSetup,
        part: Window | None = None,
        mask: WindowMask | None = None,
        *,
        goes_on: Callable[[int], int] | None = None,
    ) -> None:
        self._reader, self._setup, self._mask, self._goes_on = reader, setup, mask, goes_on
        self._part = part or reader.grid.window
        self._end = self._part.row if goes_on else self._part.row_end
        self._tiling = Tiling(reader.grid.window, setup.plan, setup.patch_size)
        self._forward = ForwardPass(
            model,
            classes=setup.classes,
            batch_size=setup.batch_size,
            device=setup.device,
            with_entropy=setup.with_entropy,
        )
        whole = Window(0, 0, setup.patch_size, setup.patch_size)
        margin, step = self._tiling.margin, self._tiling.step
        self._kept = Window(margin, margin, step, step).slices_in(whole)
        weight = weight_window(setup.plan.weight, setup.patch_size)[self._kept]
        self._weight = torch.from_numpy(weight).to(setup.device)
        self.patches = 0
        self.patches_done = 0
        self.patches_total = self._tiling.count(self._part)

    @cached_property
    def _blend(self) -> RollingBlend:
        """The rows being accumulated; allocated when first used."""
        setup = self._setup
        return RollingBlend(
            self._part,
            classes=setup.classes,
            rows=self._tiling.step,
            device=setup.device,
            entropies=setup.entropies,
        )

    @property
    def samples(self) -> int:
        """Forward samples so far: patches times their views, of each model."""
        return self._forward.samples

    @property
    def forward_seconds(self) -> float:
        """Time in the model so far, in seconds."""
        return self._forward.seconds

    def __iter__(self) -> Generator[FinishedRows]:
        """Yield all rows of the part from the top, on the device.

        Raises:
            LulcsegError: The model has another number of classes than the setup, or the reader fails.
        """
        with closing(self.batches()) as batches:
            for batch in batches:
                yield from self.predict(batch)
        yield from self.flush()

    def batches(self) -> Generator[list[ForwardSample]]:
        """Yield batches of samples in order, for :meth:`predict`."""
        setup = self._setup
        order = self._tiles()
        pin = setup.device.type == "cuda"
        reading = read_patches(self._reader, order, ahead=setup.ahead, pin=pin, workers=setup.workers, mask=self._mask)
        with closing(reading) as read:
            yield from batches_of((p for p in read if not p.is_empty), setup.plan, setup.batch_size, setup.device)

    def predict(self, batch: list[ForwardSample]) -> Iterator[FinishedRows]:
        """Predict a batch, and yield the rows that it makes final."""
        for prediction in self._forward(batch):
            patch, core = prediction.patch, prediction.patch.tile.core
            yield from self._of_map(self._blend.advance(core.row))
            entropy = prediction.entropy
            self._blend.add(
                core,
                prediction.probabilities[:, *self._kept],
                patch.valid[self._kept],
                self._weight,
                None if entropy is None else entropy[:, *self._kept],
            )
            self.patches += 1
            self.patches_done = patch.number + 1

    def flush(self) -> Iterator[FinishedRows]:
        """Yield the remaining rows; call it after the last batch."""
        yield from self._of_map(self._blend.advance(self._end))
        self.patches_done = self.patches_total

    def _tiles(self) -> Iterator[Tile]:
        """Yield the part's patches from the top, as far down as it goes on."""
        goes_on = self._extend()
        for tile in self._tiling.tiles(self._part):
            while goes_on and tile.core.row >= self._end:
                goes_on = self._extend()
            if not goes_on and tile.core.row >= self._end:
                return
            yield tile
        while goes_on and self._end < self._part.row_end:  # rows that these patches reach
            goes_on = self._extend()

    def _extend(self) -> bool:
        """Ask for further rows; return whether there are any."""
        if self._goes_on is None:
            return False
        before, self._end = self._end, self._goes_on(self._end)
        return self._end > before

    def _of_map(self, finished: Iterator[FinishedRows]) -> Iterator[FinishedRows]:
        """Turn rows into those of the map's classes, and mark pixels that aren't requested as invalid."""
        to_classes = self._setup.to_classes
        for each in finished:
            rows = each if to_classes is None else to_classes(each)
            if self._mask is None:
                yield rows
                continue
            window = Window(rows.row, self._part.col, rows.valid.shape[0], self._part.width)
            yield replace(rows, valid=rows.valid & torch.from_numpy(self._mask(window)).to(rows.valid.device))
