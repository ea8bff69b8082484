"""The models that a map is made with: one, several whose class probabilities are averaged, or one of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from lulcseg.augment.band_matching import Quantiles
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import sha256_of
from lulcseg.legend import Legend
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.forward import PatchModel
from lulcseg.mosaic.map_model import MapModel
from lulcseg.mosaic.model_differences import model_differences
from lulcseg.mosaic.one_against_all import OneAgainstAll, joined, joined_legend
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.mosaic.trained_mosaics import was_trained_on
from lulcseg.mosaic.visiting_predictor import VisitingPredictor
from lulcseg.processes import print_line
from lulcseg.run_folder.record_parts import one_or_list
from lulcseg.scene.scene import Scene
from lulcseg.settings.adapt import ADAPTATIONS
from lulcseg.settings.combine import COMBINATIONS, MEAN
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.batch_norm import BatchNormStatistics
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor, number_format, precision_named

_LARGEST_SHARE = 0.5
"""Share of a GPU's free memory that the weights of all models may take to stay there together."""


@dataclass(frozen=True)
class Ensemble:
    """One or several models, averaged with equal weights or joined; a map's stream calls each on the same batches.

    They may differ in their network, seed, plan and training, not in what a map is made of.

    Attributes:
        members: The models, in the order of summation.
        adapt: How mosaics are adapted to them, as in the settings.
        combine: What they make together, as in the settings: their mean, or a map of models of one class each.
        names: Order of the classes of models of one class each; None: that of their codes.

    Raises:
        LulcsegError: There is no model; a way to adapt or combine doesn't exist; two members are the same file, or
            differ in legend, bands, type or scaling, or by more than a tenth in resolution; or models to be joined
            aren't of one class each and a common rest.
    """

    members: tuple[MapModel, ...]
    adapt: str = "none"
    combine: str = MEAN
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check that the members fit together."""
        if not self.members:
            raise LulcsegError("no model is named", where="checkpoint", remedy="give one or several")
        for key, ways in (("adapt", ADAPTATIONS), ("combine", COMBINATIONS)):
            if (way := getattr(self, key)) not in ways:
                raise LulcsegError(f"{key}={way} doesn't exist", where=key, remedy=did_you_mean(way, list(ways)))
        first, *others = self.members
        known = self.legend  # of models to be joined it is checked here
        for number, member in enumerate(others, start=1):
            theirs = replace(member.record, legend=known.to_plain()) if self.joins else member.record
            for name, mine, other in model_differences(self.record, theirs):
                raise LulcsegError(
                    f"its {name} ({other}) differs from that of {first.checkpoint} ({mine})",
                    where=member.checkpoint,
                    remedy="give models that were trained alike"
                    + (", or combine=one_against_all for models of one class each" if name == "legend" else ""),
                )
            if self.digests[number] in self.digests[:number]:
                same = self.members[self.digests.index(self.digests[number])].checkpoint
                raise LulcsegError(
                    f"it is the same model as {same}",
                    where=member.checkpoint,
                    remedy="average each model once",
                )

    @classmethod
    def of(cls, models: MapModel | Sequence[MapModel] | Ensemble) -> Ensemble:
        """Return an ensemble of one or several models."""
        if isinstance(models, Ensemble):
            return models
        return cls(tuple(models) if isinstance(models, Sequence) else (models,))

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self.members)

    @property
    def joins(self) -> bool:
        """Whether the models, of one class each, are joined, not averaged."""
        return self.combine != MEAN

    @property
    def averaged(self) -> int:
        """Number of models whose probabilities are averaged; joined ones count as one."""
        return 1 if self.joins else len(self)

    @property
    def record(self) -> ModelRecord:
        """The record of the first model: legend, bands, type and scaling are those of all."""
        return self.records[0]

    @property
    def records(self) -> list[ModelRecord]:
        """The record of each model, with the legend of the map."""
        found = [member.record for member in self.members]
        return [replace(each, legend=self.legend.to_plain()) for each in found] if self.joins else found

    @cached_property
    def legend(self) -> Legend:
        """The classes of the map."""
        if not self.joins:
            return self.members[0].record.to_legend()
        found = joined_legend(self._legends, [member.checkpoint for member in self.members])
        if self.names is None:
            return found
        return Legend(tuple(found.classes[found.index(name)] for name in self.names))

    def in_order_of(self, scenes: Sequence[Scene]) -> Ensemble:
        """Return the ensemble with its classes in the order in which scenes list the same ones, if it joins models."""
        if not self.joins:
            return self
        same = (scene.legend.names for scene in scenes if set(scene.legend.names) == set(self.legend.names))
        names = next(same, None)
        return self if names is None else replace(self, names=tuple(names))

    @property
    def _legends(self) -> list[Legend]:
        return [member.record.to_legend() for member in self.members]

    @property
    def devices(self) -> Devices:
        """The devices to predict on."""
        return self.members[0].devices

    @property
    def number_formats(self) -> str | list[str]:
        """Name of the type that all models compute in, or a list of them where they differ."""
        accelerator = self.devices.accelerator
        found = [str(number_format(member.precision, accelerator) or torch.float32) for member in self.members]
        return found[0] if len(set(found)) == 1 else found

    @property
    def leaves_format_open(self) -> bool:
        """Whether the settings left it open which types the models compute in."""
        return all(isinstance(member, TrainedModel) and member.leaves_open for member in self.members)

    def in_formats(self, names: str | Sequence[str]) -> Ensemble:
        """Return the same models, computing in other types, named as in :attr:`number_formats`."""
        every = [names] * len(self) if isinstance(names, str) else names
        members = [
            replace(member, precision=precision_named(name))
            for member, name in zip(self.members, every, strict=True)
            if isinstance(member, TrainedModel)
        ]
        return replace(self, members=tuple(members))

    @property
    def scaled_over(self) -> str | None:
        """Source of the statistics that patches are scaled by; None without scaling."""
        return self.members[0].scaled_over

    @property
    def checkpoints(self) -> str | list[str]:
        """Path of the only model, or the list of paths."""
        return one_or_list([str(member.checkpoint) for member in self.members])

    @property
    def checksums(self) -> str | list[str]:
        """SHA-256 of the only model's file, or a list of them."""
        return one_or_list(self.digests)

    @cached_property
    def digests(self) -> list[str]:
        """SHA-256 of each model's file."""
        return [sha256_of(member.checkpoint) for member in self.members]

    def calibration_identity(self) -> dict[str, Any]:
        """Return the entry of the models' calibrations in a map's identity, in order; empty if none is calibrated."""
        entries = [member.calibration_identity().get("calibration") for member in self.members]
        return {"calibration": one_or_list(entries)} if any(entries) else {}

    def describe_calibration(self) -> str | None:
        """Return how the models' probabilities are calibrated, in words; None: not at all."""
        found = [member.calibration for member in self.members]
        if not any(found):
            return None
        return ", ".join("none" if calibration is None else calibration.describe() for calibration in found)

    @property
    def trained_on(self) -> list[str]:
        """Names of the scenes that any of the models was trained on."""
        return list(dict.fromkeys(name for member in self.members for name in member.record.scenes))

    @property
    def weights(self) -> int:
        """Size of all models' weights, in bytes."""
        return sum(member.weights for member in self.members)

    def patch_size(self, settings: MosaicSettings) -> int:
        """Return the patch size of a prediction: the requested one, or that of the training.

        Raises:
            LulcsegError: None is requested, and the models were trained on patches of different sizes.
        """
        sizes = {member.record.patch_size: member for member in self.members}
        if settings.patch_size is None and len(sizes) > 1:
            named = " and ".join(f"{size} pixels ({member.checkpoint})" for size, member in sizes.items())
            raise LulcsegError(
                f"the models were trained on patches of {named}", where="checkpoint", remedy="set mosaic.patch_size"
            )
        return settings.patch_size or self.record.patch_size

    def adapts(self, scene: Scene) -> bool:
        """Whether a scene's mosaic is adapted; one that a model was trained on isn't.

        Raises:
            LulcsegError: It should be, but a model's record doesn't hold what it was trained on, or its network has no
                batch norm to adapt.
        """
        if self.adapt == "none" or was_trained_on(scene, [member.record for member in self.members]):
            return False
        for member in self.members:
            member.check_adaptable(self.adapt)
        return True

    def adaptation(self, scene: Scene) -> str | None:
        """Return how a scene's mosaic is adapted, here or inside exported files, as maps' names and tags have it.

        Raises:
            LulcsegError: As :meth:`adapts`.
        """
        if self.adapts(scene):
            return ADAPTATIONS[self.adapt]
        inside = {member.adapted for member in self.members}  # their scene is checked with the request
        return "+".join(sorted(name or "none" for name in inside)) if any(inside) else None

    def on(
        self,
        device: torch.device,
        statistics: Mapping[str, Any] | None,
        quantiles: Quantiles | None = None,
        batch_norm: Sequence[BatchNormStatistics] = (),
    ) -> list[PatchModel]:
        """Return the models' predictors on a device.

        All weights lie there together, unless it is a GPU and they take more than half of its free memory. Each model
        is then moved there for its part of each batch.

        Args:
            device: The device.
            statistics: Those of the mosaic, if the models scale by them.
            quantiles: Those of the mosaic, if it is adapted by its histogram.
            batch_norm: For each model, batch norm's statistics of the mosaic, if it is adapted by them.
        """
        together = len(self) == 1 or self._fit_together(device)
        if not together:
            print_line(
                f"The weights of {len(self)} models ({self.weights / 1e9:.2f} GB) take more than half of the device's "
                "free memory: they are moved there one after another, for each batch."
            )
        found: Sequence[BatchNormStatistics | None] = batch_norm or [None] * len(self)
        predictors = (
            member.predictor(device, statistics, quantiles, its)
            for member, its in zip(self.members, found, strict=True)
        )
        return [
            each if together or not isinstance(each, PatchPredictor) else VisitingPredictor(each) for each in predictors
        ]

    def combined(self, predictors: Sequence[PatchModel]) -> list[PatchModel]:
        """Return the predictors of a map: those of the models, or one that carries the shares of all to be joined.

        Args:
            predictors: The models' (:meth:`on`), in their order.
        """
        return [OneAgainstAll(predictors, self._legends)] if self.joins else list(predictors)

    def class_shares(self, rows: FinishedRows) -> FinishedRows:
        """Return finished rows with the shares of the map's classes, from those that joined models carry."""
        return replace(rows, probabilities=joined(rows.probabilities, self._legends, self.legend))

    def _fit_together(self, device: torch.device) -> bool:
        """Whether the weights leave enough of a GPU's memory free; other devices share the machine's memory."""
        if device.type != "cuda":
            return True
        return self.weights <= _LARGEST_SHARE * torch.cuda.mem_get_info(device)[0]
