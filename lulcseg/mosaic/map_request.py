"""A request for a map, as every process of a prediction derives it from the same settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

import lulcseg
from lulcseg.augment.scaler import MOSAIC
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import Legend
from lulcseg.mosaic.adaptation import Adaptation, check_adaptable
from lulcseg.mosaic.devices import predict_on
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.forward import PatchModel
from lulcseg.mosaic.map_folder import FINGERPRINT, MapFolder
from lulcseg.mosaic.map_identity import pixel_identity, weights_tag
from lulcseg.mosaic.memory import estimate_cache, estimate_memory
from lulcseg.mosaic.outputs import check_outputs, layers_for
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.products import DISAGREEMENT, Product, products
from lulcseg.mosaic.region import Region
from lulcseg.mosaic.review_thresholds import review_confidence
from lulcseg.mosaic.row_stream import PredictionSetup
from lulcseg.mosaic.scaled_patches import scale_identity, scaled, scaled_bytes, scaled_size
from lulcseg.mosaic.strip_job import Progress, StripJob
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.strips import rank_share
from lulcseg.processes import print_line
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.predictor import PatchPredictor, device_of

_MOST_READERS = 8


def check_request(scene: Scene, settings: MosaicSettings, ensemble: Ensemble | None = None) -> None:
    """Check a request before anything is written.

    Args:
        scene: The scene to map.
        settings: The settings.
        ensemble: The models; None: one that is still to be trained.

    Raises:
        LulcsegError: The passes are not valid, disagreement is requested of one model's single view, the models'
            patches differ in size, an exported model is for other patches or another scene, places to review are
            requested by precision of models without calibration, the scene lacks what an output needs, its mosaic can't
            be adapted, or the region can't be read or holds no pixel of the scene.
    """
    plan_from(settings)
    settings.check_views(1 if ensemble is None else ensemble.averaged)
    if ensemble is not None and ensemble.joins and DISAGREEMENT in settings.outputs:
        raise LulcsegError(
            "disagreement is between models that know all classes, or their views",
            where="mosaic.outputs",
            remedy="leave it out with combine=one_against_all",
        )
    if ensemble is not None:
        size = ensemble.patch_size(settings)
        for member in ensemble.members:
            member.check_request(scene.name, scaled_size(size, settings.scale))
        review_confidence(ensemble, settings)
        if ensemble.adapts(scene):
            records = [member.record for member in ensemble.members]
            check_adaptable(scene, ensemble.adapt, [(record.patch_size, record.seed) for record in records])
    check_outputs(settings, scene)
    if settings.region is not None:
        Region.read(settings.region, scene.grid)


@dataclass(frozen=True)
class MapRequest:
    """A request for a map.

    Attributes:
        ensemble: The model, or several that are averaged.
        scene: The scene to map.
        settings: Passes, patch size, batch size and outputs.
        setup: How the mosaic is predicted.
        region: The part to map; None: all.
        products: The rasters to write.
        statistics: The mosaic's, if the model scales by them.
        adaptation: How the mosaic is adapted to the models.
        identity: Everything that the pixels depend on.
    """

    ensemble: Ensemble
    scene: Scene
    settings: MosaicSettings
    setup: PredictionSetup
    region: Region | None
    products: list[Product]
    statistics: Mapping[str, Any] | None
    adaptation: Adaptation
    identity: dict[str, Any]

    @classmethod
    def of(cls, ensemble: Ensemble, scene: Scene, settings: MosaicSettings) -> MapRequest:
        """Derive a request from settings; statistics of the mosaic are computed if needed.

        Raises:
            LulcsegError: The passes are not valid, the models' patches differ in size, or the region can't be read or
                holds no pixel of the scene.
        """
        record, grid = ensemble.record, scene.grid
        _, plan = plan_from(settings)
        region = None if settings.region is None else Region.read(settings.region, grid)
        device = device_of(ensemble.devices.accelerator)  # the accelerator's first; nothing is moved there yet
        statistics = None
        if ensemble.scaled_over == MOSAIC:
            statistics = mosaic_statistics(scene.imagery, scene.cache).summary(record.scaling.percentiles)
        adaptation = Adaptation.of(ensemble, scene, settings.scale)
        layers = layers_for(settings)
        default = 1 if device.type == "cpu" else min(_MOST_READERS, torch.get_num_threads())
        setup = PredictionSetup(
            plan,
            len(record.legend),
            ensemble.patch_size(settings),
            settings.batch_size,
            device,
            workers=max(1, default if settings.workers < 0 else settings.workers),
            with_entropy=DISAGREEMENT in layers,
            models=ensemble.averaged,
            to_classes=ensemble.class_shares if ensemble.joins else None,
        ).fitted_to(grid.window)
        identity = {
            "lulcseg": lulcseg.__version__,
            "checkpoint": ensemble.checksums,
            "imagery": scene.imagery.state(),
            "region": None if region is None else region.digest(),
            "scaled_over": ensemble.scaled_over,
            "statistics": statistics,
            "precision": ensemble.number_formats,
            "compile": settings.compile,
            **ensemble.calibration_identity(),
            **adaptation.identity(),
            **scale_identity(settings),
            **({"combine": ensemble.combine} if ensemble.joins else {}),
            **pixel_identity(setup, ensemble.legend, grid),
        }
        rasters = products(ensemble.legend, layers, ensemble.averaged)
        return cls(ensemble, scene, settings, setup, region, rasters, statistics, adaptation, identity)

    @property
    def part(self) -> Window:
        """The part of the mosaic that is mapped."""
        return self.scene.grid.window if self.region is None else self.region.window

    @property
    def legend(self) -> Legend:
        """The classes."""
        return self.ensemble.legend

    def adapt(self, store: StripStore) -> None:
        """Adapt the models to the mosaic, in the run's first process, before any process predicts."""
        self.adaptation.settle(self.ensemble, self.scene, self.setup.device, self.statistics, store.folder)

    def predict(
        self, trainer: pl.Trainer, open_store: Callable[[], StripStore], progress: Progress | None
    ) -> tuple[int, int, float]:
        """Predict the missing strips on all of a trainer's devices.

        Args:
            trainer: Lightning's trainer.
            open_store: Returns the map's store; called once the run's first process has created it.
            progress: Called with this process's patches.

        Returns:
            Patches, forward samples, and seconds in the model.
        """

        def begin(device: torch.device, rank: int, world: int) -> StripJob:
            store = open_store()
            predictors = self.predictors(store, device)
            strips = rank_share(store.missing(), rank, world)
            setup = replace(self.setup, device=device)
            return StripJob(predictors, self.scene.imagery, setup, store, strips, mask=self.region, progress=progress)

        if trainer.world_size > 1:
            return predict_on(trainer, begin)
        threads = torch.get_num_threads()
        try:
            with begin(self.setup.device, 0, 1) as job:
                job.run()
        finally:
            torch.set_num_threads(threads)
        return job.patches, job.samples, job.forward_seconds

    def predictors(self, store: StripStore, device: torch.device) -> list[PatchModel]:
        """Return the models' predictors on a device, with the number of threads that the map was begun with."""
        torch.set_num_threads(store.threads)
        adapted = self.adaptation
        found = adapted.batch_norm(store.folder)
        predictors = self.ensemble.on(device, self.statistics, adapted.quantiles, found)
        if self.settings.compile:
            self._compile(predictors, device)
        return self.ensemble.combined(scaled(predictors, self.settings.scale))

    def folder(self, out: Path) -> MapFolder:
        """Return where the map is in progress."""
        return MapFolder.of(out, self.identity, [product.key for product in self.products], self.part)

    def join_store(self, out: Path) -> StripStore:
        """Return the store that the run's first process has created.

        Raises:
            LulcsegError: This process sees other files or settings than the first.
        """
        return StripStore.join(out, self.scene.grid, self.part, self.products, self.identity)

    def describe_memory(self) -> str:
        """Return a sentence on the memory that the prediction takes."""
        setup, bands = self.setup, self.ensemble.record.bands
        device, host = estimate_memory(setup, self.part, **self._sizes)
        device += scaled_bytes(self.settings, setup.patch_size, setup.batch_size, bands, setup.classes)
        sentence = f"Rows and queues take {(device + host) / 1e9:.2f} GB, whatever the mosaic's height."
        if len(self.ensemble) == 1:
            return sentence
        return f"{sentence} The weights of {len(self.ensemble)} models take {self.ensemble.weights / 1e9:.2f} GB."

    @property
    def cache(self) -> int:
        """Size of GDAL's cache that the prediction can use, in bytes."""
        return estimate_cache(self.setup, self.part, **self._sizes)

    @property
    def _sizes(self) -> dict[str, int]:
        layers = sum(len(product.layout.descriptions) for product in self.products)
        return {"bands": self.ensemble.record.bands, "itemsize": self.scene.dtype.itemsize, "layers": layers}

    def tags(self) -> dict[str, str]:
        """Return the metadata of the map's files: how they were made."""
        calibration = self.ensemble.describe_calibration()
        records = [member.record for member in self.ensemble.members]
        return (
            {
                "checkpoint": ", ".join(str(member.checkpoint) for member in self.ensemble.members),
                "scene": self.scene.name,
                "date": self.scene.date or "",
                "run": ", ".join(dict.fromkeys(record.name for record in records)),
                "scaling": self.ensemble.record.scaling.method,
                "scaled_over": self.identity["scaled_over"] or "",
                **weights_tag([record.weights for record in records]),
            }
            | ({} if calibration is None else {"calibration": calibration})
            | self.adaptation.tags()
            | {key: str(scale) for key, scale in scale_identity(self.settings).items()}
            | ({"combine": self.ensemble.combine} if self.ensemble.joins else {})
        )

    def properties(self, store: StripStore) -> dict[str, Any]:
        """Return further properties of the map's STAC item."""
        keys = ("checkpoint", "precision", "compile", "passes", "patch", "batch", "torch", "device")
        calibrated, bands = self.ensemble.calibration_identity(), self.ensemble.record.named_bands
        known = {("checkpoint_sha256" if key == "checkpoint" else key): self.identity[key] for key in keys}
        return known | {
            "region": self.settings.region,
            "trained_on": self.ensemble.trained_on,
            "threads": store.threads,
            **({} if bands is None else {"bands": [band.name for band in bands]}),
            FINGERPRINT: self.folder(store.target).fingerprint,
            **({"calibrated_by": calibrated["calibration"]} if calibrated else {}),
            **self.adaptation.tags(),
        }

    def _compile(self, predictors: Sequence[PatchModel], device: torch.device) -> None:
        bands, batch_size = self.ensemble.record.bands, self.setup.batch_size
        patch = scaled_size(self.setup.patch_size, self.settings.scale)
        kind = torch.from_numpy(np.empty(0, self.scene.dtype)).dtype
        image = torch.zeros((batch_size, bands, patch, patch), dtype=kind, device=device)
        valid = torch.ones((batch_size, patch, patch), dtype=torch.bool, device=device)
        for predictor in predictors:
            reason: str | None = "it is a file, or its weights don't stay on the device"
            if isinstance(predictor, PatchPredictor):
                reason = predictor.compile(image, valid)
            if reason is not None:
                print_line(f"The network isn't compiled ({reason}); it predicts without.")
