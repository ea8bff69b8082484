"""Training, from a plan to checkpoints: Lightning's trainer with what a run needs."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import wandb
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from lulcseg.config import TrainConfig
from lulcseg.errors import LulcsegError
from lulcseg.patches.datamodule import PatchData
from lulcseg.sampling.plan import Plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.precision import resolve_precision
from lulcseg.training.progress import PatchProgress
from lulcseg.training.record import ModelRecord
from lulcseg.training.task import SegmentationTask


@dataclass(frozen=True)
class Fitted:
    """What training left.

    Attributes:
        best: The checkpoint to predict with.
        seconds: Time in training, reading included.
        steps: Optimiser steps done.
        dropped_patches: Training patches of each epoch that no device got, as they couldn't be dealt evenly;
            others in each epoch.
        is_lead: Whether this process is the one that goes on to map and assess (rank 0).
        loggers: The loggers, still open.
    """

    best: Path
    seconds: float
    steps: int
    dropped_patches: int
    is_lead: bool
    loggers: Sequence[Logger]


def model_record(config: TrainConfig, scenes: Sequence[Scene], plan: Plan | None = None) -> ModelRecord:
    """Return what will travel with the model trained on these scenes by this plan."""
    first = scenes[0]
    return ModelRecord(
        legend=first.legend.to_plain(),
        bands=first.bands,
        dtype=first.dtype.name,
        resolution=[first.grid.xres, first.grid.yres],
        patch_size=config.sampling.patch_size,
        model=asdict(config.model),
        scaling=asdict(config.scaling),
        scenes=[s.name for s in scenes],
        name=config.name,
        seed=config.seed,
        plan="" if plan is None else plan.digest(),
    )


def check_device(accelerator: str) -> None:
    """See that the device asked for is there.

    Raises:
        LulcsegError: It isn't.
    """
    missing = {"gpu": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if missing.get(accelerator, False):
        raise LulcsegError(f"this machine has no {accelerator}", where="accelerator", remedy="use cpu or auto")


def fit(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan,
    run_dir: Path,
    *,
    prior_shift: Sequence[float] | None = None,
    cache: Path | None = None,
) -> Fitted:
    """Train a model on a plan.

    Args:
        config: The run's settings.
        scenes: The scenes of the plan.
        plan: The patches.
        run_dir: Where checkpoints and curves go.
        prior_shift: For each class, log(share of the training pixels / share of the ground); needed where
            ``loss.prior_correction`` isn't 0.
        cache: Folder for decoded imagery; needed where ``reading.decoded`` is set.

    Raises:
        LulcsegError: A checkpoint to go on from that is of another model, a batch that doesn't divide by the
            devices, or a shift of class shares that is to be corrected but unknown.
    """
    if config.loss.prior_correction and prior_shift is None:
        raise LulcsegError(
            "the plan's shift of class shares isn't known", where="loss.prior_correction", remedy="set it to 0"
        )
    _quiet()
    record = model_record(config, scenes, plan)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    task = SegmentationTask(record, asdict(config), channels_last=config.trainer.channels_last, prior_shift=prior_shift)
    data = PatchData(
        {scene.name: SceneDataset(scene) for scene in scenes},
        plan,
        batch_size=config.trainer.batch_size,
        micro_batch=config.trainer.micro_batch,
        workers=config.reading.workers,
        prefetch=config.reading.prefetch,
        seed=config.seed,
    )
    validates = bool((plan.rows["split"] == "validation").any())
    checkpoints = RunCheckpoints(
        run_dir / "checkpoints",
        monitor="val/mean_f1" if validates else "train/loss_epoch",
        mode="max" if validates else "min",
        earlier=Path(config.ckpt_path) if config.ckpt_path else None,
    )
    loggers = _loggers(config, run_dir)
    trainer = _trainer(config, loggers, [checkpoints, LearningRateMonitor("step"), PatchProgress()], len(plan))
    dealt = data.steps(trainer.world_size)
    trainer.accumulate_grad_batches = dealt.accumulate
    started = time.perf_counter()
    trainer.fit(task, datamodule=data, ckpt_path=config.ckpt_path, weights_only=True)
    seconds = time.perf_counter() - started
    if trainer.interrupted:
        raise KeyboardInterrupt
    best = Path(checkpoints.best_model_path)
    if not best.is_file():
        raise LulcsegError("training ended without a checkpoint", where=run_dir, remedy="train for at least one epoch")
    return Fitted(best, seconds, trainer.global_step, dealt.dropped, trainer.is_global_zero, loggers)


def _trainer(config: TrainConfig, loggers: list[Logger], callbacks: list[Any], patches: int) -> pl.Trainer:
    settings = config.trainer
    steps = max(1, patches // settings.batch_size)
    return pl.Trainer(
        max_epochs=settings.epochs,
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=settings.strategy,
        precision=resolve_precision(settings.precision, settings.accelerator),  # type: ignore[arg-type]
        gradient_clip_val=settings.gradient_clip or None,
        deterministic=settings.deterministic,
        benchmark=not settings.deterministic,
        sync_batchnorm=torch.cuda.is_available()
        and settings.accelerator != "cpu",  # acts under DDP; torch has none for CPUs
        use_distributed_sampler=False,
        logger=loggers,
        callbacks=callbacks,
        log_every_n_steps=max(1, min(20, steps // 5)),
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )


def _loggers(config: TrainConfig, run_dir: Path) -> list[Logger]:
    loggers: list[Logger] = [CSVLogger(save_dir=run_dir, name="", version="")]
    if config.logger.name == "wandb" and is_lead():
        run = wandb.init(
            project=config.logger.project,
            name=f"{config.name}_seed{config.seed}",
            group=config.name,
            dir=run_dir,
            mode="offline" if config.logger.offline else "online",
            config=asdict(config),
            settings=wandb.Settings(silent=True, console="off"),
        )
        loggers.append(WandbLogger(experiment=run))
    return loggers


def is_lead() -> bool:
    """Whether this process is the first of a run's: the one that writes."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def _quiet() -> None:
    """Silence notices that tell a user of lulcseg nothing."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning|torchmetrics|torchgeo|torch\.jit|kornia")
    torch.set_float32_matmul_precision("high")
