"""Predicting a mosaic of any height: read ahead, forward, blend, write, strip by strip."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lulcseg.grid import Grid, Window
from lulcseg.legend import Legend
from lulcseg.maps.writer import Raster
from lulcseg.mosaic.forward import PatchModel
from lulcseg.mosaic.job import Progress, StripJob
from lulcseg.mosaic.memory import cache_of, limited_cache
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.patch_reader import Reader, Wanted
from lulcseg.mosaic.products import CLASSES, DISAGREEMENT, products
from lulcseg.mosaic.stream import PredictionSetup
from lulcseg.mosaic.strip_store import StripStore

STRIP_ROWS = 512
"""Rows of a strip, by default."""


@dataclass(frozen=True, slots=True)
class MosaicResult:
    """What a prediction wrote and what it took.

    Attributes:
        classes: The class map.
        layers: The rasters beside it, by name.
        patches: Patches predicted, over all passes.
        patches_skipped: Patches left out because nothing in them is valid and wanted.
        samples: Forward samples: patches times their views.
        pixels: Pixels of the map.
        counts: Pixels of each class, in the legend's order; the others are nodata.
        strips: Strips of the map.
        strips_resumed: Those that an earlier prediction, cut off, had finished.
        seconds: Wall time of it all, in seconds.
        forward_seconds: Time in the model, in seconds.
    """

    classes: Path
    layers: Mapping[str, Path]
    patches: int
    patches_skipped: int
    samples: int
    pixels: int
    counts: tuple[int, ...]
    strips: int
    strips_resumed: int
    seconds: float
    forward_seconds: float

    @property
    def pixels_mapped(self) -> int:
        """Pixels that got a class."""
        return sum(self.counts)


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
    layers: Sequence[str] = (),
    part: Window | None = None,
    wanted: Wanted | None = None,
    identity: Mapping[str, Any] | None = None,
    strip_rows: int = STRIP_ROWS,
    workers: int = 1,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> MosaicResult:
    """Map a mosaic in this process.

    Nodata in the imagery is nodata in the map; at the mosaic's edges patches see its reflection. Memory
    depends on the mosaic's width, the patch and the batch, never on the height. Nothing stands at the output
    paths before all of it is whole. Finished strips are kept in a hidden folder beside ``out`` if it is cut off:
    called again with the same ``identity`` it goes on with what is missing.

    Args:
        model: Gives logits for patches; in evaluation mode, on ``device``.
        reader: The imagery.
        legend: The classes, in the order of the model's.
        plan: The passes.
        patch: Side of a patch P, in pixels.
        batch: Forward samples in a batch, views counted; fewer if the whole mosaic has fewer.
        device: Where to compute.
        out: Path of the class map: codes, uint8.
        layers: Which of :data:`lulcseg.mosaic.products.LAYERS` to write beside it, as ``<out>_<layer>.tif``.
        part: Part of the mosaic to map; None: all of it.
        wanted: Which pixels of the mosaic are wanted; None: all.
        identity: What the pixels depend on besides, as plain Python: model, imagery, region.
        strip_rows: Rows of a strip.
        workers: Threads that read patches ahead.
        tags: Metadata for the files, such as checkpoint, scene, date and mosaic.
        progress: Is told of patches done.

    Returns:
        Paths, counts and times.

    Raises:
        LulcsegError: An output can't be written, or the model's classes are not the legend's.
    """
    began = time.perf_counter()
    device = torch.device(device)
    setup = PredictionSetup(
        plan, len(legend), patch, batch, device, workers=workers, with_entropy=DISAGREEMENT in layers
    ).fitted(reader.grid.window)
    made_of = products(legend, layers)
    cache = cache_of(
        setup,
        part or reader.grid.window,
        bands=reader.bands,
        itemsize=reader.itemsize,
        layers=sum(len(product.layout.descriptions) for product in made_of),
    )
    known = {**(identity or {}), **identity_of(setup, legend, reader.grid)}
    with (
        limited_cache(cache),
        StripStore.begin(
            out,
            reader.grid,
            part or reader.grid.window,
            made_of,
            known,
            strip_rows=strip_rows,
            threads=torch.get_num_threads(),
            processor=device.type,
        ) as work,
    ):
        with StripJob(model, reader, setup, work, work.missing(), wanted=wanted, progress=progress) as job:
            job.run()
        made = join_strips(work, legend, tags or {})
        counts = tuple(work.counts()[code] for code in legend.codes)
        strips = len(work.strips())
        work.publish()
    return MosaicResult(
        classes=out,
        layers={key: target_of(out, key) for key in made if key != CLASSES},
        patches=job.patches,
        patches_skipped=job.patches_total - job.patches,
        samples=job.samples,
        pixels=work.part.height * work.part.width,
        counts=counts,
        strips=strips,
        strips_resumed=work.resumed,
        seconds=time.perf_counter() - began,
        forward_seconds=job.forward_seconds,
    )


def identity_of(setup: PredictionSetup, legend: Legend, grid: Grid) -> dict[str, Any]:
    """Return what a map's pixels depend on, of what this package knows."""
    return {
        "passes": setup.plan.to_plain(),
        "patch": setup.patch,
        "batch": setup.batch,
        "device": setup.device.type,
        "legend": legend.to_plain(),
        "grid": repr(grid),
        "torch": torch.__version__,
    }


def join_strips(work: StripStore, legend: Legend, tags: Mapping[str, str]) -> dict[str, Path]:
    """Make Cloud Optimized GeoTIFFs of the strips, in the folder where the map is made.

    Args:
        work: The folder; all strips must be done.
        legend: The classes.
        tags: Metadata for the files.

    Returns:
        The files by name of the raster.

    Raises:
        LulcsegError: They can't be written.
    """
    made = {}
    for product in work.products:
        target = target_of(work.target, product.key)
        made[product.key] = work.ready(target)
        raster = Raster(work.grid, product.layout, legend, tags)
        raster.join(work.places(product), made[product.key], target)
    return made


def target_of(out: Path, key: str, suffix: str = ".tif") -> Path:
    """Return what an output is called: the class map's own name, or ``<map>_<key>`` beside it."""
    return out if key == CLASSES else out.with_name(f"{out.stem}_{key}{suffix}")
