"""Times mapping a mosaic in memory beside the bare forward passes; see benchmarks/gpu.py."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from gpu_bench import BANDS, CLASSES, Bench, make_task, set_backends
from gpu_course import Row
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, PAPER_LEGEND
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.passes import named_plan
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.predictor import PatchPredictor


@dataclass(frozen=True)
class MemoryReader:
    """A mosaic in memory, all of it valid.

    Attributes:
        pixels: (C, H, W) uint8.
    """

    pixels: NDArray[np.uint8]
    itemsize: int = 1

    @property
    def grid(self) -> Grid:
        """The mosaic's pixels."""
        return Grid("EPSG:28355", 330_000, 8_050_000, 0.5, 0.5, *self.pixels.shape[1:])

    @property
    def bands(self) -> int:
        """Number of bands C."""
        return len(self.pixels)

    def read(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Read a window."""
        return self.pixels[:, *window.slices_in(self.grid.window)], np.ones((window.height, window.width), bool)

    def clone(self) -> Self:
        """Return itself: it has no state."""
        return self


def measure_mapping(bench: Bench, plan: str, *, is_compiled: bool) -> Row:
    """Time mapping a mosaic in memory, from pixels to class codes in main memory, and its forward passes alone."""
    set_backends(bench.fast)
    side, patch, device = bench.sizes["mosaic"], bench.sizes["patch"], bench.device
    on_gpu = device.type == "cuda"
    pixels = np.random.default_rng(0).integers(0, 256, (BANDS, side, side), dtype=np.uint8)
    reader = MemoryReader(pixels)
    predictor = PatchPredictor(make_task(bench, bench.fast), accelerator=bench.accelerator, device=device)
    readers = min(8, torch.get_num_threads()) if on_gpu else 1  # lulcseg/mosaic/map_request.py's
    setup = PredictionSetup(named_plan(plan), CLASSES, patch, MosaicSettings().batch_size, device, workers=readers)
    setup = setup.fitted_to(reader.grid.window)
    raw = torch.zeros(setup.batch_size, BANDS, patch, patch, dtype=torch.uint8, device=device)
    why = predictor.compile(raw, torch.ones_like(raw[:, 0], dtype=torch.bool)) if is_compiled else "not asked for"
    image = torch.rand(raw.shape, device=device).contiguous(memory_format=torch.channels_last)
    kind = predictor.dtype or torch.float32
    codes, codes_of = np.empty((side, side), dtype=np.uint8), class_codes(device)

    def forward() -> None:
        with torch.inference_mode(), torch.autocast(device.type, kind, enabled=kind != torch.float32):
            predictor.task.network(image)

    def keep(row: int, made: Tensor) -> None:
        codes[row : row + len(made)] = made.cpu().numpy()

    def stream() -> int:
        rows = RowStream(predictor, reader, setup)
        with ThreadPoolExecutor(max_workers=1) as pool:  # waits for a GPU, as lulcseg's writer does
            kept = [pool.submit(keep, finished.row, codes_of(finished)) for finished in rows]
        for each in kept:
            each.result()
        return rows.samples

    batches = -(-stream() // setup.batch_size)  # warms up, too
    bare = bench.rounds(forward, side**2 / batches / 1e6)
    return {
        **bench.rounds(stream, side**2 / 1e6, 0), "forward": bare, "side": side, "batch": setup.batch_size,
        "batches": batches, "not_compiled": why, "format": str(kind).removeprefix("torch."),
    }  # fmt: skip


def class_codes(device: torch.device) -> Callable[[FinishedRows], Tensor]:
    """Return a converter of rows to (h, W) uint8 codes, as in lulcseg/mosaic/products.py, which imports rasterio."""
    ranks = torch.arange(CLASSES, 0, -1, dtype=torch.uint8, device=device)[:, None, None]
    table = torch.tensor([IGNORE, *reversed(PAPER_LEGEND.codes)], dtype=torch.uint8, device=device)

    def codes_of(rows: FinishedRows) -> Tensor:
        highest = rows.probabilities == rows.probabilities.amax(dim=0)
        return table[(highest * ranks).amax(dim=0).int()].masked_fill(~rows.valid, IGNORE)

    return codes_of
