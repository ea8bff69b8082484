"""Training, from a plan to checkpoints: Lightning's trainer with what a run needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from PIL import Image
from pytorch_lightning.callbacks import LearningRateMonitor, ProgressBar
from pytorch_lightning.loggers import CSVLogger, Logger

from lulcseg.augment.augmentation import Augmentation
from lulcseg.errors import LulcsegError
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.run_contents import show_sheets
from lulcseg.patches.datamodule import PatchData
from lulcseg.patches.timed_loader import reporting_lost_loaders
from lulcseg.pictures.contact_sheets import draw_contact_sheets, save_contact_sheets
from lulcseg.processes import as_keyboard_interrupt, is_rank_zero, print_line, quiet_lightning
from lulcseg.progress import progress_bar
from lulcseg.run.custom_parts import build_callbacks
from lulcseg.run.device_checks import syncs_batch_norm
from lulcseg.run.loss_cause import undeclared_fill
from lulcseg.run.model_setup import measure_scenes, model_record, needs_statistics, training_margin
from lulcseg.run.unlabelled_scenes import build_exchange, unlabelled_patches
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.selection_entry import SelectionEntry
from lulcseg.sampling.plan import TRAIN, Plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.training.batch_norm import batch_norms
from lulcseg.training.checkpoint_file import WholeCheckpoints
from lulcseg.training.checkpoints import RunCheckpoints, describe_selection
from lulcseg.training.clock import TrainingClock
from lulcseg.training.cpu_allocator import keep_freed_memory
from lulcseg.training.finite_loss import FiniteLoss
from lulcseg.training.measured_speed import using_threads
from lulcseg.training.metrics_file import kept_curves, restore_curves
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.monitor import Monitor, StopWithoutProgress, monitor_of
from lulcseg.training.precision import resolve_precision
from lulcseg.training.progress_bar import training_progress
from lulcseg.training.recompute import recompute
from lulcseg.training.resources import EnergyMeter, find_meter
from lulcseg.training.task import SegmentationTask
from lulcseg.training.time_budget import TimeBudget
from lulcseg.training.training_settings import TrainingSettings
from lulcseg.training.weight_average import WeightAverage


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        best: The checkpoint to predict with.
        took: ``training_seconds``; ``reading_seconds``, the part of it in which this process waited for data;
            ``energy_wh`` and ``energy_of`` ("gpu" or "cpu"), None if not known. Interrupted attempts
            are included up to their last checkpoint.
        selection: How it was chosen.
        steps: Optimiser steps done.
        dropped_patches: Training patches of each epoch that no device got, as they couldn't be split evenly;
            others in each epoch.
    """

    best: Path
    took: dict[str, Any]
    selection: SelectionEntry
    steps: int
    dropped_patches: int


def fit(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan,
    run_dir: Path,
    *,
    unlabelled: Sequence[Scene] = (),
    prior_shift: Sequence[float] | None = None,
    class_shares: Sequence[float] | None = None,
    class_weights: Mapping[str, float] | None = None,
    cache: Path | None = None,
    display: Display = NOTHING,
    goes_on_from: Path | None = None,
) -> FitResult:
    """Train a model on a plan.

    Args:
        config: The run's settings.
        scenes: The scenes of the plan.
        plan: The patches.
        run_dir: Where checkpoints and curves go.
        unlabelled: Scenes whose look training patches take on (``exchange``).
        prior_shift: For each class, log(share of the training pixels / share of the ground); needed if
            ``loss.prior_correction`` isn't 0.
        class_shares: For each class, its share of the training pixels, for the model's record.
        class_weights: Weight of each class, by name in the legend's order; needed if ``loss.class_weights`` asks for
            them.
        cache: Folder for decoded imagery; needed if ``reading.decoded`` is set.
        display: Displays the run, besides its own ``metrics.csv``.
        goes_on_from: Checkpoint of an earlier attempt at this run; takes precedence over ``ckpt_path``.

    Raises:
        LulcsegError: A checkpoint to resume from that is of another model, a batch that can't be split across the
            devices, a shift of class shares that is to be corrected but not known, or as
            :func:`~lulcseg.run.model_setup.training_margin`.
    """
    if config.loss.prior_correction and prior_shift is None:
        raise LulcsegError(
            "the plan's shift of class shares isn't known", where="loss.prior_correction", remedy="set it to 0"
        )
    quiet_lightning()
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")
    task = build_task(
        config, scenes, plan, prior_shift, class_weights, class_shares=class_shares, unlabelled=unlabelled
    )
    data = build_data(config, scenes, plan, task.record, cache)
    start = goes_on_from or (Path(config.ckpt_path) if config.ckpt_path else None)
    folder, monitor = RunFolder(run_dir), monitor_of(config.trainer, validates=plan.validates)
    checkpoints = RunCheckpoints(folder.checkpoints, monitor, earlier=start)
    sheets = _sheets(config, scenes, plan, task)
    loggers = _loggers(run_dir, display, goes_on_from)
    save_contact_sheets(sheets, folder.augmentation_sheet)
    show_sheets(display, sheets)
    clock = TrainingClock(lambda: data.waited.seconds, _meter(config), run_dir if is_rank_zero() else None)
    finite = FiniteLoss(config.trainer, partial(undeclared_fill, data.scenes, plan))
    own = [checkpoints, *_selecting(config, monitor), finite]
    own += [LearningRateMonitor("step"), training_progress(), clock]
    own += [] if config.trainer.minutes is None else [TimeBudget(config.trainer.minutes, clock)]
    trainer = _trainer(config, loggers, [*own, *build_callbacks(config.callbacks)], len(plan))
    schedule = data.steps(trainer.world_size)
    trainer.accumulate_grad_batches = schedule.accumulate
    if is_rank_zero():
        print_line(_what_comes(config, scenes, plan, run_dir))
        if trainer.world_size > 1 and not syncs_batch_norm(config.trainer) and batch_norms(task.network):
            print_line(f"Batch norm takes its statistics of each device's part of a batch, of {trainer.world_size}.")
    with as_keyboard_interrupt(), reporting_lost_loaders(), using_threads(config.trainer.threads):
        trainer.fit(task, datamodule=data, ckpt_path=None if start is None else str(start), weights_only=True)
    took = clock.stop()
    best = Path(checkpoints.best_model_path)
    if not best.is_file():
        raise LulcsegError("training ended without a checkpoint", where=run_dir, remedy="train for at least one epoch")
    selection = describe_selection(folder.checkpoints, checkpoints, config.trainer)
    return FitResult(best, took, selection, trainer.global_step, schedule.dropped)


def build_task(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan,
    prior_shift: Sequence[float] | None,
    class_weights: Mapping[str, float] | None,
    *,
    class_shares: Sequence[float] | None = None,
    unlabelled: Sequence[Scene] = (),
) -> SegmentationTask:
    """Build the model, with weights drawn from the run's seed."""
    measured = measure_scenes(scenes)
    record = model_record(config, scenes, plan, measured, class_shares)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    task = SegmentationTask(
        record,
        TrainingSettings.of(config),
        prior_shift=prior_shift,
        class_weights=None if class_weights is None else list(class_weights.values()),
        exchange=build_exchange(config, scenes, unlabelled, record),
        unlabelled=unlabelled_patches(config, unlabelled, record),
        scenes=[each.summary(config.scaling.percentiles) for each in measured if needs_statistics(config)],
    )
    if config.trainer.activation_checkpointing:
        recompute(task.network)
    return task


def build_data(
    config: TrainConfig, scenes: Sequence[Scene], plan: Plan, record: ModelRecord, cache: Path | None
) -> PatchData:
    """Return the loaders of a plan's patches."""
    decoded = cache if config.reading.decoded else None
    return PatchData(
        {scene.name: SceneDataset(scene, decoded=decoded) for scene in scenes},
        plan,
        batch_size=config.trainer.batch_size,
        micro_batch=config.trainer.micro_batch,
        workers=config.reading.workers,
        prefetch=config.reading.prefetch,
        seed=config.seed,
        margin=training_margin(config, record),
    )


def _what_comes(config: TrainConfig, scenes: Sequence[Scene], plan: Plan, run_dir: Path) -> str:
    """Say what a training will do, and where."""
    patches, batch = len(plan.rows[plan.rows["split"] == TRAIN]), config.trainer.batch_size
    side, epochs = config.sampling.patch_size, config.trainer.epochs
    length = f"{epochs} epochs of {-(-patches // batch):,} steps"
    length += "" if config.trainer.minutes is None else f", {config.trainer.minutes:g} minutes at most"
    named = ", ".join(scene.name for scene in scenes)
    computed = resolve_precision(config.trainer.precision, config.trainer.accelerator)
    return (
        f"Training on {named}: {patches:,} patches of {side}², {length} in {computed}, into {run_dir}"
        f"{_what_unlabelled(config)}"
    )


def _what_unlabelled(config: TrainConfig) -> str:
    """Say what a training takes from unlabelled scenes, in sentences that follow on another."""
    exchange, taught, scenes = config.exchange, config.self_training, ", ".join(config.scenes.unlabelled)
    said = ""
    if scenes and exchange.share:
        said += f". {exchange.share:.0%} of the patches take on the look of {scenes} ({exchange.kind})"
    if scenes and taught.weight:
        said += f". After {taught.begins:.0%} of the steps it learns what its moving average is sure of in {scenes}"
    if not scenes and config.augment.name == "transfer":
        said += ". scenes.unlabelled names no mosaic whose tone half of the patches could take on: another camera alone"
        said += " is imitated"
    return said


def _selecting(config: TrainConfig, monitor: Monitor) -> list[pl.Callback]:
    """Return the callbacks that average the weights, and stop the training early, where that is set."""
    settings, warmup = config.trainer, config.optim.rising_share
    averaging: list[pl.Callback] = [WeightAverage(settings.ema)] if settings.ema else []
    stopping = [] if settings.patience is None else [StopWithoutProgress(monitor, settings.patience, warmup=warmup)]
    return [*averaging, *stopping]


def _loggers(run_dir: Path, display: Display, goes_on_from: Path | None) -> list[Logger]:
    kept = None if goes_on_from is None else kept_curves(run_dir, goes_on_from)
    loggers: list[Logger] = [CSVLogger(save_dir=run_dir, name="", version="")]
    if kept is not None:
        restore_curves(loggers, kept)
    return loggers if display.curves is None else [*loggers, display.curves]


def _meter(config: TrainConfig) -> EnergyMeter | None:
    """Return a meter of the training's energy, in the run's first process alone; it measures one machine only."""
    if not is_rank_zero() or config.trainer.nodes > 1:
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
        sync_batchnorm=syncs_batch_norm(settings),  # acts under DDP
        use_distributed_sampler=False,
        logger=loggers,
        callbacks=callbacks,
        plugins=WholeCheckpoints(),
        log_every_n_steps=max(1, min(20, steps // 5)),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=any(isinstance(each, ProgressBar) for each in callbacks),
    )


def _sheets(
    config: TrainConfig, scenes: Sequence[Scene], plan: Plan, task: SegmentationTask
) -> Mapping[str, Image.Image]:
    """Draw contact sheets of lulcseg's augmentation, available while training runs; none without."""
    if not isinstance(task.augmentation, Augmentation) or not is_rank_zero():
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
