"""Training, from a plan to checkpoints: Lightning's trainer with what a run needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from PIL import Image
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger, Logger

from lulcseg.errors import LulcsegError
from lulcseg.loggers.contents import show_sheets
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.patches.batches import StepSchedule
from lulcseg.patches.datamodule import PatchData
from lulcseg.pictures.contact_sheets import draw_contact_sheets, save_contact_sheets
from lulcseg.processes import interruptible, is_lead, quiet_lightning
from lulcseg.progress import progress_bar
from lulcseg.run_folder.folder import RunFolder
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import BandStatistics, merge, mosaic_statistics
from lulcseg.settings.programs import TrainConfig
from lulcseg.training.allocator import keep_freed_memory
from lulcseg.training.augmenting import margin_of
from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.clock import TrainingClock
from lulcseg.training.metrics_file import kept_curves, restore_curves
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.precision import resolve_precision
from lulcseg.training.progress_bar import PatchProgress
from lulcseg.training.recompute import recompute
from lulcseg.training.resources import EnergyMeter, find_meter
from lulcseg.training.task import SegmentationTask


@dataclass(frozen=True)
class Fitted:
    """What training left.

    Attributes:
        best: The checkpoint to predict with.
        took: ``training_seconds``; ``reading_seconds``, of those, in which this process waited for data;
            ``energy_wh`` and ``energy_of`` ("gpu" or "cpu"), None where it isn't known. Attempts that were cut off
            are included up to their last checkpoint.
        steps: Optimiser steps done.
        dropped_patches: Training patches of each epoch that no device got, as they couldn't be dealt evenly;
            others in each epoch.
    """

    best: Path
    took: dict[str, Any]
    steps: int
    dropped_patches: int


def model_record(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan | None = None,
    measured: Sequence[BandStatistics] = (),
) -> ModelRecord:
    """Return what will travel with the model trained on these scenes by this plan.

    Args:
        config: The run's settings.
        scenes: The scenes, the first of which tells what the imagery is.
        plan: The patches.
        measured: Statistics of the scenes' mosaics, where scaling needs them.
    """
    first = scenes[0]
    return ModelRecord(
        legend=first.legend.to_plain(),
        bands=first.bands,
        dtype=first.dtype.name,
        resolution=[first.grid.xres, first.grid.yres],
        patch_size=config.sampling.patch_size,
        model=asdict(config.model),
        scaling=asdict(config.scaling),
        statistics=merge(measured).summary(config.scaling.percentiles) if measured else None,
        scenes=[s.name for s in scenes],
        name=config.name,
        seed=config.seed,
        plan="" if plan is None else plan.digest(),
    )


def measure_scenes(config: TrainConfig, scenes: Sequence[Scene]) -> list[BandStatistics]:
    """Return statistics of each scene's mosaic, or none where scaling has no use for them.

    A model scaled over the batch gets them in any case, so that any of them may stand for the batch later.
    """
    if config.scaling.method == "none" or config.scaling.over == "patch":
        return []
    return [mosaic_statistics(scene.imagery, scene.cache) for scene in scenes]


def training_margin(config: TrainConfig, record: ModelRecord) -> int:
    """Return how many pixels are read around each training patch.

    Raises:
        LulcsegError: Augmentation that can't be had, or a margin that may reach into ground held out.
    """
    margin = margin_of(asdict(config.augment), record)
    if margin and config.validation.fraction > 0:
        raise LulcsegError(
            f"augment.margin={margin} reads around training patches, where ground may be held out for validation",
            where="configuration",
            remedy="set augment.margin=0, or validation.fraction=0",
        )
    return margin


def check_device(accelerator: str) -> None:
    """See that the device asked for is there.

    Raises:
        LulcsegError: It isn't.
    """
    missing = {"gpu": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if missing.get(accelerator, False):
        raise LulcsegError(f"this machine has no {accelerator}", where="accelerator", remedy="use cpu or auto")


def check_dealing(config: TrainConfig, plan: Plan) -> None:
    """See that a plan can be dealt to the devices asked for; no process is started.

    Raises:
        LulcsegError: The devices or the strategy can't be had, the batch doesn't divide by them, or there
            are fewer patches than devices.
    """
    quiet_lightning()
    settings = config.trainer
    try:
        world = pl.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).world_size
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise LulcsegError(
            f"trainer.devices={settings.devices} with strategy {settings.strategy} can't be had here "
            f"({' '.join(str(error).split())})",
            where="configuration",
            remedy="set trainer.devices=auto and trainer.strategy=auto, or what this machine has",
        ) from error
    patches = plan.rows["split"].value_counts()
    steps = StepSchedule(int(patches.get(TRAIN, 0)), settings.batch_size, world, settings.micro_batch)
    if held_out := int(patches.get(VALIDATION, 0)):
        StepSchedule.in_one(held_out, world, steps.limit)


def fit(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan,
    run_dir: Path,
    *,
    prior_shift: Sequence[float] | None = None,
    cache: Path | None = None,
    display: Display = NOTHING,
    goes_on_from: Path | None = None,
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
        display: What shows the run besides its own ``metrics.csv``.
        goes_on_from: Checkpoint that an earlier attempt at this run has left; over ``ckpt_path``.

    Raises:
        LulcsegError: A checkpoint to go on from that is of another model, a batch that doesn't divide by the
            devices, a shift of class shares that is to be corrected but unknown, or what
            :func:`training_margin` refuses.
    """
    if config.loss.prior_correction and prior_shift is None:
        raise LulcsegError(
            "the plan's shift of class shares isn't known", where="loss.prior_correction", remedy="set it to 0"
        )
    quiet_lightning()
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")
    measured = measure_scenes(config, scenes)
    record = model_record(config, scenes, plan, measured)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    task = SegmentationTask(
        record,
        asdict(config),
        channels_last=config.trainer.channels_last,
        prior_shift=prior_shift,
        scenes=[statistics.summary(config.scaling.percentiles) for statistics in measured],
    )
    if config.trainer.activation_checkpointing:
        recompute(task.network)
    decoded = cache if config.reading.decoded else None
    data = PatchData(
        {scene.name: SceneDataset(scene, decoded=decoded) for scene in scenes},
        plan,
        batch_size=config.trainer.batch_size,
        micro_batch=config.trainer.micro_batch,
        workers=config.reading.workers,
        prefetch=config.reading.prefetch,
        seed=config.seed,
        margin=training_margin(config, record),
    )
    start = goes_on_from or (Path(config.ckpt_path) if config.ckpt_path else None)
    validates = bool((plan.rows["split"] == "validation").any())
    checkpoints = RunCheckpoints(
        RunFolder(run_dir).checkpoints,
        monitor="val/mean_f1" if validates else "train/loss_epoch",
        mode="max" if validates else "min",
        earlier=start,
    )
    sheets = _sheets(config, scenes, plan, task)
    kept = None if goes_on_from is None else kept_curves(run_dir, goes_on_from)
    loggers: list[Logger] = [CSVLogger(save_dir=run_dir, name="", version="")]
    if kept is not None:
        restore_curves(loggers, kept)
    if display.curves is not None:
        loggers.append(display.curves)
    save_contact_sheets(sheets, RunFolder(run_dir).augmentation_sheet)
    show_sheets(display, sheets)
    clock = TrainingClock(lambda: data.waited.seconds, _meter(config), run_dir if is_lead() else None)
    trainer = _trainer(config, loggers, [checkpoints, LearningRateMonitor("step"), PatchProgress(), clock], len(plan))
    dealt = data.steps(trainer.world_size)
    trainer.accumulate_grad_batches = dealt.accumulate
    with interruptible():
        trainer.fit(task, datamodule=data, ckpt_path=None if start is None else str(start), weights_only=True)
    took = clock.stop()
    best = Path(checkpoints.best_model_path)
    if not best.is_file():
        raise LulcsegError("training ended without a checkpoint", where=run_dir, remedy="train for at least one epoch")
    return Fitted(best, took, trainer.global_step, dealt.dropped)


def _meter(config: TrainConfig) -> EnergyMeter | None:
    """Return what counts the energy of a training, in the run's first process alone; it sees its own machine only."""
    if not is_lead() or config.trainer.nodes > 1:
        return None
    return find_meter(gpus=torch.cuda.is_available() and config.trainer.accelerator != "cpu")


def _trainer(config: TrainConfig, loggers: list[Logger], callbacks: list[Any], patches: int) -> pl.Trainer:
    settings = config.trainer
    steps = max(1, patches // settings.batch_size)
    return pl.Trainer(
        max_epochs=settings.epochs,
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy=settings.strategy,
        precision=resolve_precision(settings.precision, settings.accelerator),  # type: ignore[arg-type]
        gradient_clip_val=settings.gradient_clip or None,
        deterministic=settings.deterministic,
        benchmark=not settings.deterministic,
        sync_batchnorm=settings.sync_batchnorm
        and torch.cuda.is_available()
        and settings.accelerator != "cpu",  # acts under DDP; torch has none for CPUs
        use_distributed_sampler=False,
        logger=loggers,
        callbacks=callbacks,
        log_every_n_steps=max(1, min(20, steps // 5)),
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )


def _sheets(
    config: TrainConfig, scenes: Sequence[Scene], plan: Plan, task: SegmentationTask
) -> Mapping[str, Image.Image]:
    """Draw contact sheets of the augmentation, to look at before the training has run; none without one."""
    if task.augmentation is None or not is_lead():
        return {}
    trained = set(plan.rows.loc[plan.rows["split"] == TRAIN, "scene"])
    scene = next(s for s in scenes if s.name in trained)
    margin = training_margin(config, task.record)
    with progress_bar("Drawing contact sheets") as progress:
        return draw_contact_sheets(
            plan,
            scene,
            task.augmentation,
            seed=config.seed,
            margin=margin,
            value_range=config.scaling.range,
            progress=progress,
        )
