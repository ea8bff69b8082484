"""Parts of a run that may not go together or not exist, checked before it begins; callbacks built for the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from pytorch_lightning import Callback

from lulcseg.errors import LulcsegError
from lulcseg.models.any_size import ONE_VALUE
from lulcseg.models.freezing import encoder_of, freeze
from lulcseg.models.networks import build_network, check_logits
from lulcseg.patches.batches import StepSchedule
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.run.device_checks import syncs_batch_norm
from lulcseg.settings.adapt import BY_BATCH_NORM
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.model import INSTANCE, ModelSettings
from lulcseg.settings.registry import bound_arguments, build_target
from lulcseg.settings.schema import TARGET
from lulcseg.training.batch_norm import check_batch_norm
from lulcseg.training.losses.class_weights import stated_weights
from lulcseg.training.losses.pixel_losses import build_loss
from lulcseg.training.schedules import schedule_of


def check_parts(config: TrainConfig, bands: int, classes: Sequence[str]) -> None:
    """Check that a run's parts can be had, before anything is written.

    Custom parts can be imported and take their arguments; a network of segmentation-models-pytorch can be built, with
    its pretrained weights, and takes the patches.

    Class weights are checked against the legend too.

    The augmentation is checked by :func:`~lulcseg.run.model_setup.training_margin`.

    Args:
        config: The run's settings.
        bands: Bands of the imagery.
        classes: Names of the legend's classes.

    Raises:
        LulcsegError: One that can't be imported or refuses its arguments, or a network or loss that fails on a small
            batch or returns another shape, or class weights that don't fit the legend.
    """
    model, optim = config.model, config.optim
    _check_freezing(config)
    least = 2 ** (model.depth + 1)
    if model.norm == INSTANCE and config.sampling.patch_size < least:
        raise LulcsegError(
            f"model.norm=instance needs more than one pixel at the bottom of {model.depth} poolings",
            where="configuration",
            remedy=f"set sampling.patch_size={least} or more, or model.depth lower",
        )
    if model.target is not None or model.name == "smp" or model.freeze != "none" or optim.encoder_rate != 1:
        _try_network(config, bands, len(classes))
    if optim.target is not None:
        rates = {"lr": optim.learning_rate, "weight_decay": optim.weight_decay}
        bound_arguments(optim.target, optim.arguments, "optim._target_", rates, given=1)
    schedule_of(optim.schedule)
    stated = stated_weights(config.loss, classes)
    by_plan = [1.0] * len(classes) if config.loss.weighs_by_plan else None  # not known yet
    if config.adapt in BY_BATCH_NORM:
        with torch.random.fork_rng(devices=[]):
            check_batch_norm(build_network(replace(model, encoder_weights=None), bands, len(classes)), "model")
    build_loss(config.loss, len(classes), by_plan if stated is None else stated)
    for name, settings in config.callbacks.items():
        target, arguments = _parted(settings)
        bound_arguments(target, arguments, f"callbacks.{name}")


def _check_freezing(config: TrainConfig) -> None:
    """Refuse a rate for an encoder that isn't trained, and random weights that stay random.

    A training that is resumed has its weights from its checkpoint; other code may bring weights of its own.
    """
    part, rate = config.model.freeze, config.optim.encoder_rate
    if part == "encoder" and rate != 1:
        raise LulcsegError(
            f"optim.encoder_rate={rate:g} has no effect with model.freeze=encoder, which doesn't train the encoder",
            where="configuration",
            remedy="leave one of the two out, or freeze a part: model.freeze=first_2",
        )
    random = config.model.target is None and config.model.encoder_weights is None
    if part != "none" and config.model.name == "smp" and random and config.ckpt_path is None:
        raise LulcsegError(
            f"model.freeze={part} would keep random weights, as model.encoder_weights is null",
            where="configuration",
            remedy="set model.encoder_weights (imagenet, or a file), or leave model.freeze out",
        )


def _try_network(config: TrainConfig, bands: int, classes: int) -> None:
    """Build a network and try it on two blank patches; the random generators are left as they were."""
    settings, side = config.model, config.sampling.patch_size
    image = torch.zeros(2, bands, side, side)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = build_network(settings, bands, classes)
        try:
            logits = network(image)
        except LulcsegError:
            raise
        except Exception as error:  # whatever somebody else's code raises
            raise _failure(settings, image, error) from error
    check_logits(logits, image, classes)
    frozen = freeze(network, settings.freeze)
    if config.optim.encoder_rate != 1:
        encoder_of(network, f"optim.encoder_rate={config.optim.encoder_rate}")
    taken = getattr(network, "taken", None)
    if is_rank_zero() and taken is not None:
        print_line(f"Encoder {settings.encoder}: {taken}.")
    if is_rank_zero() and frozen.parameters:
        print_line(
            f"{sum(p.numel() for p in frozen.parameters):,} weights are frozen (model.freeze={settings.freeze})."
        )


def check_smallest_batch(config: TrainConfig, steps: StepSchedule, bands: int, classes: int) -> None:
    """Check that the network can be trained on the smallest micro-batch of an epoch, where that is a single patch.

    Batch norm can't be trained on one value of a channel, and some networks pool a patch into one. Those of other code
    are computed; of our own only the shapes are followed (PyTorch's meta device).

    Args:
        config: The run's settings.
        steps: How an epoch is split.
        bands: Bands of the imagery.
        classes: Number of classes.

    Raises:
        LulcsegError: It fails on a single patch.
    """
    trainer, settings = config.trainer, config.model
    if steps.smallest > 1 or (steps.world_size > 1 and syncs_batch_norm(trainer)):
        return
    device = "meta" if settings.target is None else "cpu"
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = build_network(replace(settings, encoder_weights=None), bands, classes)
        freeze(network, settings.freeze)
        image = torch.zeros(1, bands, *[config.sampling.patch_size] * 2, device=device)
        try:
            check_logits(network.to(device)(image), image, classes)
        except Exception as error:  # whatever somebody else's code raises
            of_batch_norm = ONE_VALUE in str(error.__cause__ or error)
            if settings.target is None and not of_batch_norm:
                return  # an operation that the meta device doesn't have
            reason = "batch norm gets one value of a channel" if of_batch_norm else f"{type(error).__name__}: {error}"
        else:
            return
    name = settings.target or (settings.architecture if settings.name == "smp" else settings.name)
    split = f"trainer.batch_size={steps.batch_size}"
    split += "" if steps.micro_batch is None else f", trainer.micro_batch={steps.micro_batch}"
    split += f" on {steps.world_size} devices" if steps.world_size > 1 else ""
    other = (
        ", or use model.architecture=Unet" if settings.name == "smp" and name not in {"Unet", settings.target} else ""
    )
    raise LulcsegError(
        f"{name} can't be trained on a single patch ({reason.splitlines()[0]}), and {split} leaves one alone in an "
        f"epoch of {steps.patches} patches",
        where="configuration",
        remedy=f"{steps.without_singles()}or change the number of patches (sampling.patches){other}",
    )


def _failure(settings: ModelSettings, image: torch.Tensor, error: Exception) -> LulcsegError:
    first = (str(error).splitlines() or [""])[0]
    what = f"fails on images {tuple(image.shape)} ({type(error).__name__}: {first})"
    if settings.target is not None:
        return LulcsegError(
            f"{settings.target} {what}",
            where="model._target_",
            remedy="it must take (B, bands, H, W) and return logits (B, classes, H, W)",
        )
    return LulcsegError(
        f"{settings.architecture} on encoder '{settings.encoder}' {what}",
        where="model.architecture",
        remedy="use another of the two, or another sampling.patch_size",
    )


def build_callbacks(callbacks: Mapping[str, Mapping[str, Any]]) -> list[Callback]:
    """Build Lightning callbacks.

    Args:
        callbacks: Name → mapping of ``_target_`` and arguments.

    Raises:
        LulcsegError: One that can't be imported, refuses its arguments or isn't a callback.
    """
    return [_callback(name, settings) for name, settings in callbacks.items()]


def _callback(name: str, settings: Mapping[str, Any]) -> Callback:
    target, arguments = _parted(settings)
    built = build_target(target, arguments, f"callbacks.{name}")
    if not isinstance(built, Callback):
        raise LulcsegError(
            f"{target} returns {type(built).__name__}",
            where=f"callbacks.{name}",
            remedy="it must be a pytorch_lightning.Callback (the package lightning.pytorch has classes of its own)",
        )
    return built


def _parted(settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split a callback's settings into its target and its arguments."""
    return settings[TARGET], {key: value for key, value in settings.items() if key != TARGET}
