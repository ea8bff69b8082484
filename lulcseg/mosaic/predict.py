"""Predicting a mosaic of any height: read ahead, forward, blend, write, row by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.forward import PatchModel
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.products import ClassCodes, class_layout, probability_layout, scaled_probabilities
from lulcseg.mosaic.reading import Reader
from lulcseg.mosaic.stream import RowStream
from lulcseg.mosaic.writer import CogWriter


@dataclass(frozen=True, slots=True)
class MosaicResult:
    """What a prediction wrote and what it took.

    Attributes:
        classes: The class map.
        probabilities: The class probabilities, if they were asked for.
        patches: Patches predicted, over all passes.
        patches_skipped: Patches left out because the imagery is not valid anywhere in them.
        samples: Forward samples: patches times their rotations.
        pixels: Pixels of the mosaic.
        pixels_mapped: Pixels that got a class; the others are nodata.
        seconds: Wall time of it all, in seconds.
        forward_seconds: Time in the model, in seconds.
    """

    classes: Path
    probabilities: Path | None
    patches: int
    patches_skipped: int
    samples: int
    pixels: int
    pixels_mapped: int
    seconds: float
    forward_seconds: float


def predict_mosaic(
    model: PatchModel,
    reader: Reader,
    legend: Legend,
    plan: PassPlan,
    *,
    patch: int,
    batch: int,
    device: torch.device | str,
    out: Path,
    probabilities: Path | None = None,
    tags: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MosaicResult:
    """Map a mosaic.

    Nodata in the imagery is nodata in the map; at the mosaic's edges patches see its reflection. Memory
    depends on the mosaic's width, the patch and the batch, never on the height. On any failure nothing is
    left behind, and what stood at the output paths still does.

    Args:
        model: Gives logits for patches; in evaluation mode, on ``device``.
        reader: The imagery.
        legend: The classes, in the order of the model's.
        plan: The passes.
        patch: Side of a patch P, in pixels.
        batch: Forward samples in a batch, rotations counted; fewer if the whole mosaic has fewer.
        device: Where to compute.
        out: Path of the class map: codes, uint8.
        probabilities: Path of the class probabilities, uint8 in steps of 1/250; None: not written.
        tags: Metadata for the files, such as checkpoint, scene, date and mosaic.
        progress: Is told (patches done, patches in all) as it goes, skipped ones counted.

    Returns:
        Paths, counts and times.

    Raises:
        LulcsegError: An output can't be written, or the model's classes are not the legend's.
    """
    began = time.perf_counter()
    device = torch.device(device)
    stream = RowStream(
        model, reader, plan, classes=len(legend), patch=patch, batch=batch, device=device, progress=progress
    )
    with ExitStack() as stack:
        outputs = _Outputs(stack, reader.grid, legend, tags or {}, out=out, probabilities=probabilities, device=device)
        for rows in stack.enter_context(closing(iter(stream))):
            outputs.write(rows)
        outputs.publish()
    return MosaicResult(
        classes=out,
        probabilities=probabilities,
        patches=stream.patches,
        patches_skipped=stream.patches_total - stream.patches,
        samples=stream.samples,
        pixels=reader.grid.height * reader.grid.width,
        pixels_mapped=outputs.mapped,
        seconds=time.perf_counter() - began,
        forward_seconds=stream.forward_seconds,
    )


class _Outputs:
    """The files that a prediction writes: all of them appear, or none."""

    def __init__(
        self,
        stack: ExitStack,
        grid: Grid,
        legend: Legend,
        tags: Mapping[str, str],
        *,
        out: Path,
        probabilities: Path | None,
        device: torch.device,
    ) -> None:
        if probabilities is not None and probabilities.resolve() == out.resolve():
            raise LulcsegError(
                "the map and the probabilities have the same path", where=out, remedy="give the probabilities another"
            )
        self._codes = ClassCodes(legend, device)
        self._map = stack.enter_context(CogWriter(out, grid, class_layout(legend), legend=legend, tags=tags))
        self._probabilities: CogWriter | None = None
        if probabilities is not None:
            self._probabilities = stack.enter_context(
                CogWriter(probabilities, grid, probability_layout(legend), legend=legend, tags=tags)
            )

    @property
    def mapped(self) -> int:
        return self._codes.mapped

    def write(self, rows: FinishedRows) -> None:
        self._map.write(rows.row, self._codes(rows))
        if self._probabilities is not None:
            self._probabilities.write(rows.row, scaled_probabilities(rows))

    def publish(self) -> None:
        """Make all files before any is put in place; the map, whose presence says that all is done, comes last."""
        writers = [w for w in (self._probabilities, self._map) if w is not None]
        for writer in writers:
            writer.finish()
        for writer in writers:
            writer.publish()
