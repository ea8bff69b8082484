"""From a model and imagery to class probabilities, row by row from the top."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing

import torch

from lulcseg.mosaic.blend import FinishedRows, RollingBlend
from lulcseg.mosaic.forward import Forward, PatchModel
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.reading import Reader, read_patches
from lulcseg.mosaic.tiling import count_samples, count_tiles, tiles
from lulcseg.mosaic.weights import weight_window


class RowStream:
    """A mosaic's class probabilities, handed on as rows become final. It can be walked once.

    Attributes:
        patches: Patches predicted so far, over all passes.
        patches_total: Patches of all passes, those that will be skipped included.
    """

    def __init__(
        self,
        model: PatchModel,
        reader: Reader,
        plan: PassPlan,
        *,
        classes: int,
        patch: int,
        batch: int,
        device: torch.device | str,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            model: Gives logits for patches; in evaluation mode, on ``device``.
            reader: The imagery.
            plan: The passes.
            classes: Number of classes K.
            patch: Side of a patch P, in pixels.
            batch: Forward samples in a batch, rotations counted; fewer if the whole mosaic has fewer.
            device: Where to compute.
            progress: Is told (patches done, patches in all) as it goes, skipped ones counted.
        """
        self._reader = reader
        self._plan = plan
        self._classes = classes
        self._patch = patch
        self._device = torch.device(device)
        self._progress = progress
        self._frame = reader.grid.window
        self._ahead = 1 + 2 * max(1, round(batch / plan.samples_per_patch))
        batch = min(batch, count_samples(self._frame, plan, patch))
        self._forward = Forward(model, plan, classes=classes, batch=batch, device=self._device)
        self.patches = 0
        self.patches_total = count_tiles(self._frame, plan, patch)

    @property
    def samples(self) -> int:
        """Forward samples so far: patches times their rotations."""
        return self._forward.samples

    @property
    def forward_seconds(self) -> float:
        """Time in the model so far, in seconds."""
        return self._forward.seconds

    def __iter__(self) -> Generator[FinishedRows]:
        """Yield all rows of the mosaic from the top, at most P at a time, on the device.

        Raises:
            LulcsegError: The model gives another number of classes, or the reader fails.
        """
        frame, patch, device = self._frame, self._patch, self._device
        blend = RollingBlend(frame, classes=self._classes, patch=patch, device=device)
        weight = torch.from_numpy(weight_window(self._plan.weight, patch)).to(device)
        order = tiles(frame, self._plan, patch)
        with closing(read_patches(self._reader, order, ahead=self._ahead, pin=device.type == "cuda")) as read:
            for prediction in self._forward(each for each in read if not each.is_empty):
                window = prediction.tile.window
                yield from blend.advance(window.row)
                blend.add(window, prediction.probabilities, prediction.valid, weight)
                self.patches += 1
                self._report(prediction.number + 1)
        yield from blend.advance(frame.row_end)
        self._report(self.patches_total)

    def _report(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self.patches_total)
