"""The LightningModule: one training step, one validation step, and logits for prediction."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytorch_lightning as pl
import torch
from torch import Tensor

from lulcseg.augment.exchange import Exchange
from lulcseg.augment.scaler import MOSAIC
from lulcseg.augment.stretch import Limits
from lulcseg.errors import LulcsegError
from lulcseg.models.freezing import freeze
from lulcseg.models.networks import build_network, check_logits
from lulcseg.models.pretrained import Normalisation
from lulcseg.training.augmenting import build_augmentation, exchanged
from lulcseg.training.compiling import compile_for_training
from lulcseg.training.curve_scores import CLASSES, classes_averaged, curve_values
from lulcseg.training.dropout_draws import dropout_draws
from lulcseg.training.losses.class_weights import checked_weights, weights_differ
from lulcseg.training.losses.logit_adjustment import adjust_logits, correction_of
from lulcseg.training.losses.pixel_losses import build_loss
from lulcseg.training.mean_teacher import UNLABELLED, MeanTeacher, Unlabelled, learners_logits
from lulcseg.training.model_record import KEY, TRAINING, WEIGHTS, ModelRecord, check_same
from lulcseg.training.network_input import NetworkInput, build_scaler
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.pixel_metrics import PixelConfusion, PixelLoss
from lulcseg.training.record_reading import load_weights, read_record
from lulcseg.training.step_loss import StepLoss, summed_over_ranks
from lulcseg.training.time_budget import time_spent
from lulcseg.training.training_settings import TrainingSettings


class SegmentationTask(pl.LightningModule):
    """Trains a network to classify every pixel.

    A batch is a mapping with ``image`` (B, C, P, P) in the imagery's own type, ``mask`` (B, P, P)
    class index with 255 for ignore, ``valid`` (B, P, P) bool, and ``scene`` (B,) int64, the number of
    the training scene that each patch is from. Augmentation and scaling run here, on the device: raw values
    are brought to 0…1, augmented, and scaled; validation and prediction do the same without augmentation.
    With a margin, training patches are larger than P, and augmentation crops them.

    Args:
        record: What travels with the model.
        settings: Of the training; None: the defaults, for a model that only predicts.
        prior_shift: For each class, log(share of the training pixels / share of the ground).
            ``loss.prior_correction`` times it is added to the logits of the training loss, and there
            alone: validation and prediction use the logits as they are.
        class_weights: Weight of each class in the loss of training and validation, in the legend's order; needed if
            ``loss.class_weights`` asks for them.
        scenes: Statistics of each training scene's mosaic, in the scenes' order; needed to train if scaling
            uses the mosaic, in training or at prediction.
        at_prediction: Statistics used at prediction in place of the batch's; None: as in the record.
        exchange: Changes training patches towards unlabelled mosaics, before all else; None: nothing does.
        unlabelled: Patches that are learnt from by self-training; needed if its weight isn't 0.

    Attributes:
        checkpoint: The file that the model was loaded from, if it was.

    Raises:
        LulcsegError: Augmentation that the imagery excludes, or ``at_prediction`` for a scaling not over the batch.
        ValueError: ``prior_shift`` or ``class_weights`` isn't as long as the legend, or is missing although the
            settings ask for it.
    """

    prior_shift: Tensor | None
    checkpoint: Path | None = None

    def __init__(
        self,
        record: ModelRecord,
        settings: TrainingSettings | None = None,
        *,
        prior_shift: Sequence[float] | None = None,
        class_weights: Sequence[float] | None = None,
        scenes: Sequence[Mapping[str, Any]] = (),
        at_prediction: str | None = None,
        exchange: Exchange | None = None,
        unlabelled: Unlabelled | None = None,
    ) -> None:
        super().__init__()
        self.record = record
        self.settings = settings or TrainingSettings()
        self.classes = len(record.legend)
        self.network = build_network(record.model, record.bands, self.classes)
        self.frozen = freeze(self.network, record.model.freeze)
        self.layout = torch.contiguous_format if self.settings.trainer.channels_last is False else torch.channels_last
        self.network = self.network.to(memory_format=self.layout)
        self.scaler = build_scaler(record, scenes, at_prediction)
        self.normalisation = Normalisation(record.weights)
        self.exchange = exchange
        taught = self.settings.self_training
        self.teacher = MeanTeacher(self.network, taught, unlabelled) if taught.weight and unlabelled else None
        self.augmentation = build_augmentation(self.settings.augment, record)
        self.inputs = NetworkInput(self.scaler, self.normalisation, self.augmentation, record.scaling.comes_first)
        self.class_weights = checked_weights(class_weights, self.settings.loss.weighs_classes, self.classes)
        self.loss = build_loss(self.settings.loss, self.classes, self.class_weights)
        correction = self.settings.loss.prior_correction
        self.register_buffer("prior_shift", correction_of(prior_shift, correction, self.classes), persistent=False)
        self.step_loss: StepLoss | None = None
        self.total_steps = 0
        self.train_loss, self.val_loss = PixelLoss(), PixelLoss()
        self.train_confusion, self.val_confusion = (PixelConfusion(self.classes) for _ in range(2))

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # Lightning's takes hyperparameters instead of our record
        cls,
        checkpoint_path: str | Path,
        map_location: torch.device | str | None = None,
        *,
        at_prediction: str | None = None,
        trust_target: bool = False,
    ) -> Self:
        """Load a model for prediction, running no code from the file.

        Args:
            checkpoint_path: A ``.ckpt`` file of a run.
            map_location: Device of the model; None: the CPU.
            at_prediction: Statistics used at prediction in place of the batch's; None: as in the record.
            trust_target: Whether to import the code that built the network, if it is not lulcseg's own
                (``model._target_``): the file names it, and importing runs it.

        Returns:
            The model, in evaluation mode.

        Raises:
            LulcsegError: Not a lulcseg checkpoint, weights that don't fit its record, ``at_prediction`` for a
                scaling not over the batch, or a network of other code without ``trust_target``.
        """
        path = Path(checkpoint_path)
        record, weights = load_weights(path, trust_target=trust_target)
        # the weights come from the file, and what they expect from its record
        without_weights = dataclasses.replace(record.model, encoder_weights=None, freeze="none")
        task = cls(dataclasses.replace(record, model=without_weights), at_prediction=at_prediction)
        task.record, task.checkpoint = record, path
        try:
            task.network.load_state_dict(weights)
        except RuntimeError as error:
            raise LulcsegError("its weights don't fit its record", where=path, remedy="train it again") from error
        return task.to(map_location or "cpu").eval()

    def forward(self, image: Tensor, valid: Tensor, mosaic: Limits | None = None) -> Tensor:
        """Return logits for raw patches, scaled as at prediction.

        Args:
            image: (B, C, P, P) in the imagery's own type.
            valid: (B, P, P) bool.
            mosaic: Limits of each patch's mosaic, if scaling uses the mosaic.

        Returns:
            (B, K, P, P) logits; they don't depend on which patches share the batch.
        """
        return self._logits(self.inputs.at_prediction(image, valid, mosaic))

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        self.frozen.rest()
        return self

    def on_fit_start(self) -> None:
        """Read from the trainer into how many parts it splits an optimiser step."""
        parts = self.trainer.world_size * self.trainer.accumulate_grad_batches
        batch_size = self.settings.trainer.batch_size
        self.step_loss = StepLoss(parts, batch_size * self.record.patch_size**2)
        if self.settings.trainer.compile:
            self._compile(math.ceil(batch_size / parts))

    def training_step(self, batch: Mapping[str, Tensor], batch_index: int) -> Tensor:
        """Return the loss of a micro-batch, weighted by its labelled pixels (:class:`StepLoss`)."""
        image, mask = self.prepared(batch, batch_index)
        taught = self._taught(len(image), batch_index)
        with dropout_draws(self.record.model.dropout, image.device, self._numbers(batch_index)):
            logits = learners_logits(self.teacher, self._logits, self.network, image, taught)
        own = logits[: len(image)]
        total, pixels = self.loss(adjust_logits(own, self.prior_shift), mask)
        with torch.no_grad():
            self.train_confusion.update(own.argmax(dim=1), mask)
            self.train_loss.update(total, pixels)
        if taught is not None:
            weight = self.settings.self_training.weight
            more, sure = self.loss(logits[len(image) :], taught[1])
            total, pixels = total + weight * more, pixels + weight * sure
        assert self.step_loss is not None
        return self.step_loss.add(total, pixels)

    def on_train_batch_end(self, *_: Any) -> None:
        """Let the teacher follow."""
        if self.teacher is not None:
            self.teacher.follow(self.network, self.trainer.global_step)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Weight the gradients, summed, averaged over ranks and unscaled, by all ranks' and parts' labelled pixels."""
        assert self.step_loss is not None
        loss = self.step_loss.finish(optimizer, summed_over_ranks if self.trainer.world_size > 1 else None)
        # not for Lightning's bar, for which it would fetch the value in every step: ours takes it now and then
        self.log("train/loss_step", loss, on_step=True, on_epoch=False)

    def validation_step(self, batch: Mapping[str, Tensor], batch_index: int) -> None:  # noqa: ARG002
        """Count a batch into the confusion matrix; no mask is kept."""
        mosaic = self.scaler.of_scenes(batch["scene"]) if self.scaler.at_prediction == MOSAIC else None
        logits, mask = self(batch["image"], batch["valid"], mosaic), batch["mask"]
        total, pixels = self.loss(logits, mask)
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
        """Return optimiser and schedule over the run's steps, or its time where that ends first."""
        self.total_steps = steps = int(self.trainer.estimated_stepping_batches)
        # float16's gradients are unscaled before they are clipped, which a fused step would do itself, and too late
        fused = self.trainer.strategy.root_device.type == "cuda" and self.trainer.precision != "16-mixed"
        spent, frozen = time_spent(self.trainer), self.frozen.parameters
        return build_optimizer(self.network, self.settings.optim, steps, fused=fused, frozen=frozen, spent=spent)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients by their norm. Lightning refuses to with a fused optimiser, because of float16."""
        if gradient_clip_val and optimizer.defaults.get("fused"):
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record and the settings of the training, as plain values."""
        checkpoint[KEY] = self.record.to_plain()
        checkpoint[TRAINING] = self.settings.fixed()
        if self.class_weights is not None:
            checkpoint[WEIGHTS] = self.class_weights

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to resume from a checkpoint of another model."""
        theirs = read_record(checkpoint.get(KEY, {}), "ckpt_path")
        check_same(self.record, theirs, other_weights=weights_differ(self.class_weights, checkpoint.get(WEIGHTS)))

    def prepared(self, batch: Mapping[str, Tensor], batch_index: int) -> tuple[Tensor, Tensor]:
        """Return the network's input: scaled and augmented (or the other way round), then normalised, in float32.

        Args:
            batch: As described for the class.
            batch_index: Its number within the epoch, micro-batches counted.

        Returns:
            Images (B, C, P, P), 0 where there is no imagery, and class indices (B, P, P).
        """
        parts = self._numbers(batch_index)
        mosaic = self.scaler.of_scenes(batch["scene"]) if self.scaler.over == MOSAIC else None
        with torch.no_grad(), torch.autocast(batch["image"].device.type, enabled=False):
            raw, mosaic = exchanged(self.exchange, batch, mosaic, parts)
        return self.inputs.in_training(raw, batch["mask"], batch["valid"], mosaic, parts)

    @torch.no_grad()
    def _taught(self, labelled: int, batch_index: int) -> tuple[Tensor, Tensor] | None:
        """Return unlabelled patches with the teacher's labels, as :meth:`prepared` does; None before it begins."""
        if self.teacher is None or self.trainer.global_step < self.settings.self_training.begins * self.total_steps:
            return None
        parts = self._numbers(batch_index)
        raw, valid, mosaic = self.teacher.draw(labelled, parts)
        image = self.inputs.at_prediction(raw, valid, mosaic)
        mask = self.teacher.labelled(self._logits, self.network, image, valid)
        return self.inputs.in_training(raw, mask, valid, mosaic, [*parts, UNLABELLED])

    def _compile(self, patches: int) -> None:
        """Compile the network for micro-batches of a number of patches, or say why it isn't compiled."""
        image = torch.zeros(patches, self.record.bands, *[self.record.patch_size] * 2, device=self.device)
        with self.trainer.precision_plugin.forward_context():
            compile_for_training(
                self.network,
                image.contiguous(memory_format=self.layout),
                recomputes=self.settings.trainer.activation_checkpointing,
            )

    def _numbers(self, batch_index: int) -> list[int]:
        """Return the numbers that the random draws of a micro-batch depend on."""
        return [self.settings.seed, self.current_epoch, batch_index, self.global_rank]

    def _logits(self, image: Tensor, network: torch.nn.Module | None = None) -> Tensor:
        logits: Tensor = (network or self.network)(image.contiguous(memory_format=self.layout))
        return check_logits(logits, image, self.classes)

    def _log_scores(self, stage: str, metric: PixelConfusion) -> None:
        counts = metric.compute()
        values = curve_values(counts)
        metric.reset()
        if stage == "val":  # for the sentence on the best epoch, not for the curves
            self.log(f"{stage}/{CLASSES}", classes_averaged(counts).float(), logger=False)
        self.log_dict({f"{stage}/{name}": value for name, value in values.items()}, prog_bar=stage == "val")
