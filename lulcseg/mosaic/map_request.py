"""What is to be predicted of a scene, as every process of a prediction works it out for itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

import lulcseg
from lulcseg.augment.scaler import MOSAIC
from lulcseg.grid import Window
from lulcseg.legend import Legend
from lulcseg.mosaic.job import Progress, StripJob
from lulcseg.mosaic.memory import cache_of, memory_of
from lulcseg.mosaic.outputs import check_outputs, layers_for
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.predict import identity_of
from lulcseg.mosaic.products import DISAGREEMENT, Product, products
from lulcseg.mosaic.ranks import Devices, predict_on
from lulcseg.mosaic.region import Region
from lulcseg.mosaic.stream import PredictionSetup
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.strips import share_of
from lulcseg.processes import say
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor, device_of, number_format, scaled_over
from lulcseg.training.task import SegmentationTask

_MOST_READERS = 8


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, and what it is to predict on.

    Attributes:
        task: The model with its record.
        checkpoint: Where it comes from.
        precision: As in ``trainer.precision``.
        devices: What it predicts on.
    """

    task: SegmentationTask
    checkpoint: Path
    precision: str = "auto"
    devices: Devices = field(default_factory=Devices)

    @property
    def record(self) -> ModelRecord:
        """What travels with it."""
        return self.task.record

    @property
    def scaled_over(self) -> str | None:
        """What the statistics that its patches are scaled by are of, or None without scaling."""
        return scaled_over(self.task)

    def on(self, device: torch.device) -> PatchPredictor:
        """Return its predictor on a device."""
        return PatchPredictor(self.task, accelerator=self.devices.accelerator, precision=self.precision, device=device)


def check_request(scene: Scene, settings: MosaicSettings) -> None:
    """See, before anything is written, that a map can be made as it is asked for.

    Raises:
        LulcsegError: Passes that make no sense, outputs that the scene can't give, or a region that can't be read or
            holds none of it.
    """
    plan_from(settings)
    check_outputs(settings, scene)
    if settings.region is not None:
        Region.read(Path(settings.region).expanduser(), scene.grid)


@dataclass(frozen=True)
class MapRequest:
    """A map that is to be made.

    Attributes:
        model: The model.
        scene: What to map.
        settings: Passes, patch, batch, and what is written.
        setup: How it is predicted.
        region: The part that is wanted; None: all.
        products: The rasters to make.
        statistics: The mosaic's, where the model scales by them.
        identity: All that the pixels depend on.
    """

    model: TrainedModel
    scene: Scene
    settings: MosaicSettings
    setup: PredictionSetup
    region: Region | None
    products: list[Product]
    statistics: Mapping[str, Any] | None
    identity: dict[str, Any]

    @classmethod
    def of(cls, model: TrainedModel, scene: Scene, settings: MosaicSettings) -> MapRequest:
        """Work out a request.

        Raises:
            LulcsegError: Passes that make no sense, or a region that can't be read or holds nothing.
        """
        record, grid = model.record, scene.grid
        _, plan = plan_from(settings)
        region = None if settings.region is None else Region.read(Path(settings.region).expanduser(), grid)
        device = device_of(model.devices.accelerator)  # of its kind; nothing is moved there yet
        statistics = None
        if model.scaled_over == MOSAIC:
            measured = mosaic_statistics(scene.imagery, scene.cache)
            statistics = measured.summary(record.scaling.percentiles)
        layers = layers_for(settings)
        several = 1 if device.type == "cpu" else min(_MOST_READERS, torch.get_num_threads())
        setup = PredictionSetup(
            plan,
            len(record.legend),
            settings.patch_size or record.patch_size,
            settings.batch_size,
            device,
            workers=max(1, several if settings.workers < 0 else settings.workers),
            with_entropy=DISAGREEMENT in layers,
        ).fitted(grid.window)
        identity = {
            "lulcseg": lulcseg.__version__,
            "checkpoint": hashlib.sha256(model.checkpoint.read_bytes()).hexdigest(),
            "imagery": scene.imagery.state(),
            "region": None if region is None else region.digest(),
            "scaled_over": model.scaled_over,
            "statistics": statistics,
            "precision": str(number_format(model.precision, model.devices.accelerator) or torch.float32),
            "compile": settings.compile,
            **identity_of(setup, record.to_legend(), grid),
        }
        made = products(record.to_legend(), layers)
        return cls(model, scene, settings, setup, region, made, statistics, identity)

    @property
    def part(self) -> Window:
        """The part of the mosaic that is mapped."""
        return self.scene.grid.window if self.region is None else self.region.window

    @property
    def legend(self) -> Legend:
        """The classes."""
        return self.model.record.to_legend()

    def predict(
        self, trainer: pl.Trainer, folder: Callable[[], StripStore], progress: Progress | None
    ) -> tuple[int, int, float]:
        """Predict the strips that are missing, on all of a trainer's devices.

        Args:
            trainer: Lightning's trainer.
            folder: Gives the folder of the map; called once the run's first process has begun it.
            progress: Is told of this process's patches.

        Returns:
            Patches, forward samples, and seconds in the model.
        """

        def begin(device: torch.device, rank: int, world: int) -> StripJob:
            work = folder()
            torch.set_num_threads(work.threads)
            predictor = self.model.on(device)
            if self.statistics is not None:
                predictor = predictor.of_mosaic(self.statistics)
            if self.settings.compile:
                self._compile(predictor)
            own = share_of(work.missing(), rank, world)
            setup = replace(self.setup, device=device)
            return StripJob(predictor, self.scene.imagery, setup, work, own, wanted=self.region, progress=progress)

        if trainer.world_size > 1:
            return predict_on(trainer, begin)
        threads = torch.get_num_threads()
        try:
            with begin(self.setup.device, 0, 1) as job:
                job.run()
        finally:
            torch.set_num_threads(threads)
        return job.patches, job.samples, job.forward_seconds

    def begun(self, out: Path) -> StripStore:
        """Return the folder of the map that the run's first process has begun.

        Raises:
            LulcsegError: This process sees other files or settings than that one.
        """
        return StripStore.join(out, self.scene.grid, self.part, self.products, self.identity)

    def memory_told(self) -> str:
        """Say how much memory it takes."""
        device, host = memory_of(self.setup, self.part, **self._sizes)
        return f"Rows in work and what waits take {(device + host) / 1e9:.2f} GB, whatever the mosaic's height."

    @property
    def cache(self) -> int:
        """Bytes of GDAL's cache that there is use for."""
        return cache_of(self.setup, self.part, **self._sizes)

    @property
    def _sizes(self) -> dict[str, int]:
        layers = sum(len(product.layout.descriptions) for product in self.products)
        return {"bands": self.model.record.bands, "itemsize": self.scene.dtype.itemsize, "layers": layers}

    def tags(self) -> dict[str, str]:
        """Return what the map's files say of how they were made."""
        record = self.model.record
        return {
            "checkpoint": str(self.model.checkpoint),
            "scene": self.scene.name,
            "date": self.scene.date or "",
            "run": record.name,
            "scaling": record.scaling.method,
            "scaled_over": self.identity["scaled_over"] or "",
        }

    def described(self, work: StripStore) -> dict[str, Any]:
        """Return what the map's description says besides."""
        keys = ("checkpoint", "precision", "compile", "passes", "patch", "batch", "torch", "device")
        known = {("checkpoint_sha256" if key == "checkpoint" else key): self.identity[key] for key in keys}
        return known | {"region": self.settings.region, "trained_on": self.model.record.scenes, "threads": work.threads}

    def _compile(self, predictor: PatchPredictor) -> None:
        record, patch = self.model.record, self.setup.patch
        kind = torch.from_numpy(np.empty(0, self.scene.dtype)).dtype
        image = torch.zeros((self.setup.batch, record.bands, patch, patch), dtype=kind, device=predictor.device)
        valid = torch.ones((self.setup.batch, patch, patch), dtype=torch.bool, device=predictor.device)
        if (reason := predictor.compile(image, valid)) is not None:
            say(f"The network isn't compiled ({reason}); it predicts all the same.")
