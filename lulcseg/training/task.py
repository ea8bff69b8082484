"""The LightningModule: one training step, one validation step, and logits for prediction."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lulcseg.augment.scaler import MOSAIC, Scaler
from lulcseg.augment.stretch import Limits
from lulcseg.errors import LulcsegError
from lulcseg.models.registry import build_network
from lulcseg.processes import is_lead, say
from lulcseg.training.augmenting import augmented, build_augmentation
from lulcseg.training.checkpoints import training_settings
from lulcseg.training.compiling import compile_network, try_step
from lulcseg.training.counting import PixelConfusion, PixelLoss
from lulcseg.training.curve_scores import curve_values
from lulcseg.training.losses import adjust_logits, summed_cross_entropy
from lulcseg.training.model_record import KEY, TRAINING, ModelRecord, load_checkpoint
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.steploss import StepLoss


class SegmentationTask(pl.LightningModule):
    """Trains a network to tell the class of every pixel.

    A batch is a mapping with ``image`` (B, C, P, P) in the imagery's own type, ``mask`` (B, P, P)
    class index with 255 for ignore, ``valid`` (B, P, P) bool, and ``scene`` (B,) int64, which of the
    training scenes each patch is of. Augmentation and scaling run here, on the device: raw values are
    brought to 0…1, augmented, and scaled, as they are without augmentation in validation and prediction.
    With a margin, training patches are larger than P, and augmentation cuts them down.

    Args:
        record: What travels with the model.
        settings: Plain mapping with the sections ``augment``, ``loss``, ``optim``, ``trainer``, and ``seed``.
        channels_last: Whether the network's memory layout is channels-last.
        prior_shift: For each class, log(share of the training pixels / share of the ground).
            ``loss.prior_correction`` times it is added to the logits of the training loss, and there
            alone: validation and prediction take the logits as they are.
        scenes: Statistics of each training scene's mosaic, in the scenes' order; needed to train where scaling
            is over the mosaic, in training or in what stands for the batch.
        at_prediction: What stands for the batch at prediction; None: what the record says.

    Raises:
        LulcsegError: Augmentation that the imagery can't have, or ``at_prediction`` without a batch to stand for.
        ValueError: ``prior_shift`` isn't as long as the legend, or is missing where it is to be corrected.
    """

    prior_shift: Tensor | None

    def __init__(
        self,
        record: ModelRecord,
        settings: Mapping[str, Any],
        *,
        channels_last: bool = True,
        prior_shift: Sequence[float] | None = None,
        scenes: Sequence[Mapping[str, Any]] = (),
        at_prediction: str | None = None,
    ) -> None:
        """Build the network that the record describes."""
        super().__init__()
        self.record = record
        self.settings = dict(settings)
        self.classes = len(record.legend)
        self.network = build_network(record.model, record.bands, self.classes)
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.network = self.network.to(memory_format=self.layout)
        self.scaler = Scaler(
            record.scaling, record.dtype, record.statistics, scenes=scenes, at_prediction=at_prediction
        )
        self.augmentation = build_augmentation(settings["augment"], record) if "augment" in settings else None
        correction = float(settings.get("loss", {}).get("prior_correction", 0.0))
        self.register_buffer("prior_shift", _correction(prior_shift, correction, self.classes), persistent=False)
        self.step_loss: StepLoss | None = None
        self.train_loss, self.val_loss = PixelLoss(), PixelLoss()
        self.train_confusion, self.val_confusion = (PixelConfusion(self.classes) for _ in range(2))

    @classmethod
    def from_checkpoint(cls, path: Path, *, at_prediction: str | None = None) -> SegmentationTask:
        """Load a model for prediction, running no code from the file.

        Args:
            path: A ``.ckpt`` file of a run.
            at_prediction: What stands for the batch at prediction; None: what its record says.

        Raises:
            LulcsegError: Not a lulcseg checkpoint, weights that don't fit its record, or no batch to stand for.
        """
        record, checkpoint = load_checkpoint(path)
        bare = dataclasses.replace(record, model={**record.model, "encoder_weights": None})
        task = cls(bare, {}, at_prediction=at_prediction)
        task.record = record
        weights = {k: v for k, v in checkpoint["state_dict"].items() if k.startswith("network.")}
        try:
            task.network.load_state_dict({k.removeprefix("network."): v for k, v in weights.items()})
        except RuntimeError as error:
            raise LulcsegError("its weights don't fit its record", where=path, remedy="train it again") from error
        return task.eval()

    def forward(self, image: Tensor, valid: Tensor, mosaic: Limits | None = None) -> Tensor:
        """Return logits for raw patches, scaled as at prediction.

        Args:
            image: (B, C, P, P) in the imagery's own type.
            valid: (B, P, P) bool.
            mosaic: Limits of the mosaic that each patch is of, where scaling is by the mosaic.

        Returns:
            (B, K, P, P) logits; they don't depend on which patches share the batch.
        """
        with torch.autocast(image.device.type, enabled=False):
            scaled = self.scaler(self.scaler.to_unit(image, valid), valid, self.scaler.at_prediction, mosaic)
        return self._logits(scaled)

    def on_fit_start(self) -> None:
        """Learn into how many parts the trainer splits an optimiser step."""
        parts = self.trainer.world_size * self.trainer.accumulate_grad_batches
        batch_size = int(self.settings["trainer"]["batch_size"])
        self.step_loss = StepLoss(parts, batch_size * self.record.patch_size**2)
        if self.settings["trainer"].get("compile"):
            self._compile(math.ceil(batch_size / parts))

    def training_step(self, batch: Mapping[str, Tensor], batch_index: int) -> Tensor:
        """Return the loss of a micro-batch, weighted by its labelled pixels (:class:`StepLoss`)."""
        image, mask = self.prepared(batch, batch_index)
        logits = self._logits(image)
        total, pixels = summed_cross_entropy(adjust_logits(logits, self.prior_shift), mask, **self._loss_settings())
        with torch.no_grad():
            self.train_confusion.update(logits.argmax(dim=1), mask)
            self.train_loss.update(total, pixels)
        assert self.step_loss is not None
        return self.step_loss.add(total, pixels)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Weight the gradients by the labelled pixels of all ranks and micro-batches.

        Lightning calls this with gradients summed up, averaged over ranks and unscaled, before it clips them.
        """
        assert self.step_loss is not None
        loss = self.step_loss.finish(optimizer, _summed_over_ranks if self.trainer.world_size > 1 else None)
        # not for Lightning's bar, for which it would fetch the value in every step: ours takes it now and then
        self.log("train/loss_step", loss, on_step=True, on_epoch=False)

    def validation_step(self, batch: Mapping[str, Tensor], batch_index: int) -> None:  # noqa: ARG002
        """Count a batch into the confusion matrix; no mask is kept."""
        mosaic = self.scaler.of_scenes(batch["scene"]) if self.scaler.at_prediction == MOSAIC else None
        logits, mask = self(batch["image"], batch["valid"], mosaic), batch["mask"]
        total, pixels = summed_cross_entropy(logits, mask, **self._loss_settings())
        self.val_loss.update(total, pixels)
        self.val_confusion.update(logits.argmax(dim=1), mask)

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training scores."""
        self.log("train/loss_epoch", self.train_loss.compute())
        self.train_loss.reset()
        self._log_scores("train", self.train_confusion)

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's validation scores."""
        self.log("val/loss", self.val_loss.compute(), prog_bar=True)
        self.val_loss.reset()
        self._log_scores("val", self.val_confusion)

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule over the run's steps."""
        steps = int(self.trainer.estimated_stepping_batches)
        # float16's gradients are unscaled before they are clipped, which a fused step would do itself, and too late
        fused = self.trainer.strategy.root_device.type == "cuda" and self.trainer.precision != "16-mixed"
        return build_optimizer(self.network, self.settings["optim"], steps, fused=fused)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients by their norm. Lightning refuses to where the optimiser is fused, for float16's sake."""
        if gradient_clip_val and optimizer.defaults.get("fused"):
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the record and the settings of the training beside the weights."""
        checkpoint[KEY] = self.record.to_plain()
        checkpoint[TRAINING] = training_settings(self.settings)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to go on from a checkpoint of another model."""
        mine, theirs = self.record.to_plain(), checkpoint.get(KEY, {})
        compared = ("model", "scaling", "statistics", "bands", "legend", "plan", "seed")
        differing = [k for k in compared if mine[k] != theirs.get(k)]
        if differing:
            raise LulcsegError(
                f"it was trained with another {', '.join(differing)}", where="ckpt_path", remedy="use the same settings"
            )

    @torch.no_grad()
    def prepared(self, batch: Mapping[str, Tensor], batch_index: int) -> tuple[Tensor, Tensor]:
        """Return what the network sees of a training batch: augmented, then scaled, in float32.

        Args:
            batch: As the class says.
            batch_index: Its number within the epoch, micro-batches counted.

        Returns:
            Images (B, C, P, P), 0 where there is no imagery, and class indices (B, P, P).
        """
        mask, valid, scaler = batch["mask"], batch["valid"], self.scaler
        with torch.autocast(batch["image"].device.type, enabled=False):
            image = scaler.to_unit(batch["image"], valid)
            if self.augmentation is not None:
                parts = [int(self.settings.get("seed", 0)), self.current_epoch, batch_index, self.global_rank]
                image, mask, valid = augmented(self.augmentation, image, mask, valid, parts)
            mosaic = scaler.of_scenes(batch["scene"]) if scaler.over == MOSAIC else None
            return scaler(image, valid, scaler.over, mosaic), mask

    def _compile(self, patches: int) -> None:
        """Compile the network for micro-batches of so many patches, or say why it isn't compiled."""
        image = torch.zeros(patches, self.record.bands, *[self.record.patch_size] * 2, device=self.device)
        if is_lead():
            say("Compiling the network (trainer.compile) …")
        why: str | None
        if self.settings["trainer"].get("activation_checkpointing"):
            why = "its activations are computed again (trainer.activation_checkpointing)"
        elif any(isinstance(part, nn.SyncBatchNorm) for part in self.network.modules()):
            why = "batch norm takes its statistics over all devices (trainer.sync_batchnorm)"
        else:
            with self.trainer.precision_plugin.forward_context():
                why = compile_network(
                    self.network, lambda: try_step(self.network, image.contiguous(memory_format=self.layout))
                )
        if why is not None and is_lead():
            say(f"The network runs as it is, not compiled: {why}")

    def _logits(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(image.contiguous(memory_format=self.layout))
        return logits

    def _loss_settings(self) -> dict[str, float]:
        return {"label_smoothing": float(self.settings["loss"]["label_smoothing"])}

    def _log_scores(self, stage: str, metric: PixelConfusion) -> None:
        values = curve_values(metric.compute())
        metric.reset()
        self.log_dict({f"{stage}/{name}": value for name, value in values.items()}, prog_bar=stage == "val")


def _summed_over_ranks(values: Tensor) -> Tensor:
    """Sum over ranks, in place; Lightning's own reduction has every rank wait for the others first."""
    torch.distributed.all_reduce(values)
    return values


def _correction(shift: Sequence[float] | None, strength: float, classes: int) -> Tensor | None:
    """Return what is added to the logits in training, (K,) float32, or None."""
    if shift is not None and len(shift) != classes:
        raise ValueError(f"prior_shift has {len(shift)} values, the legend {classes} classes")
    if strength == 0:
        return None
    if shift is None:
        raise ValueError("loss.prior_correction needs prior_shift")
    return strength * torch.tensor(list(shift), dtype=torch.float32)
