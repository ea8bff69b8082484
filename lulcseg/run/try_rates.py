"""A learning-rate range test on a run's own scenes, patches, network and loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytorch_lightning as pl
import torch

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.patches.batches import StepSchedule
from lulcseg.processes import as_keyboard_interrupt, print_line, quiet_lightning
from lulcseg.progress import progress_bar
from lulcseg.run.custom_parts import check_parts, check_smallest_batch
from lulcseg.run.device_checks import check_device
from lulcseg.run.fit import build_data, build_task
from lulcseg.run.model_setup import model_record, training_margin
from lulcseg.run.open_scenes import cache_folder, open_scenes, read_ahead
from lulcseg.run.planning import count_plan, make_plan, weigh_classes
from lulcseg.run.settled_computing import decide_computing, with_computing
from lulcseg.sampling.plan import TRAIN
from lulcseg.settings.config import TrainConfig
from lulcseg.training.measured_speed import using_threads
from lulcseg.training.precision import resolve_precision
from lulcseg.training.rate_finder import RateTest, Suggestion, rising_rates, smoothed, suggest_rate


@dataclass(frozen=True)
class RateTestResult:
    """The result of a range test.

    Attributes:
        rates: The rate of each step that was made.
        losses: The loss of each.
        diverged: Whether the loss diverged before the highest rate.
        suggestion: What it suggests.
    """

    rates: list[float]
    losses: list[float]
    diverged: bool
    suggestion: Suggestion


def run_range_test(config: TrainConfig, *, steps: int, lowest: float, highest: float) -> RateTestResult:
    """Train for some steps with an exponentially rising rate; nothing is kept but the losses.

    The steps are those of the run: its plan, batches, augmentation, loss, optimiser, clipping and number format, on
    one device.

    Args:
        config: The run's settings.
        steps: Number of steps.
        lowest: Rate of the first.
        highest: Rate of the last.

    Raises:
        LulcsegError: As a run with these settings raises, or the loss diverges too early for a suggestion.
    """
    cache = cache_folder(config.cache)
    check_device(config.trainer.accelerator)
    names = config.training_scenes
    if not names:
        raise LulcsegError("no scene to train on", where="scene", remedy="write scene=<name or path>")
    scenes = open_scenes(names, cache, config.scenes.sources)
    for scene in scenes:
        if scene.labels is None:
            raise LulcsegError("it has no labels to train on", where=scene.file.path, remedy="add labels:")
    config = replace(config, trainer=replace(config.trainer, ema=0.0, patience=None))
    config = with_computing(config, decide_computing(replace(config, stop_after="training"), scenes[0].bands))
    record = model_record(config, scenes)
    training_margin(config, record)
    check_parts(config, record.bands, record.to_legend().names)
    read_ahead(scenes, record)
    planned = make_plan(config, scenes)
    plan = planned.plan
    for note in planned.notes:
        print_line(note)
    patches = int((plan.rows["split"] == TRAIN).sum())
    split = StepSchedule(patches, config.trainer.batch_size, micro_batch=config.trainer.micro_batch)
    check_smallest_batch(config, split, record.bands, len(record.legend))
    counts = count_plan(plan, scenes)
    weights = weigh_classes(config.loss, plan, scenes, counts)
    shift = [float(entry["shift"]) for entry in counts["prior"].values()] if counts.get("prior") else None
    quiet_lightning()
    torch.set_float32_matmul_precision("high")
    task = build_task(config, scenes, plan, shift, weights)
    data = build_data(config, scenes, plan, task.record, cache)
    with progress_bar("Raising the learning rate", "steps") as progress:
        test = RateTest(rising_rates(steps, lowest, highest), progress)
        trainer = _trainer(config, test)
        trainer.accumulate_grad_batches = data.steps().accumulate
        with as_keyboard_interrupt(), using_threads(config.trainer.threads):
            trainer.fit(task, datamodule=data)
    try:
        suggestion = suggest_rate(test.rates, test.losses)
    except ValueError as error:
        raise LulcsegError(
            f"the loss diverged after {len(test.losses)} steps", where="--lowest", remedy="begin with a lower rate"
        ) from error
    return RateTestResult(test.rates[: len(test.losses)], test.losses, test.diverged, suggestion)


def write_losses(result: RateTestResult, path: Path) -> None:
    """Write the table of a range test: step, rate, loss and smoothed loss, as CSV."""
    rows = zip(result.rates, result.losses, smoothed(result.losses), strict=True)
    lines = [f"{step},{rate:.6g},{loss:.6g},{mean:.6g}\n" for step, (rate, loss, mean) in enumerate(rows, start=1)]
    with replacing(path) as part:
        part.write_text("".join(["step,learning_rate,loss,smoothed_loss\n", *lines]), encoding="utf-8")


def _trainer(config: TrainConfig, test: RateTest) -> pl.Trainer:
    settings = config.trainer
    return pl.Trainer(
        max_epochs=-1,
        max_steps=len(test.rates),
        limit_val_batches=0,
        accelerator=settings.accelerator,
        devices=1,
        precision=resolve_precision(settings.precision, settings.accelerator),  # type: ignore[arg-type]
        gradient_clip_val=settings.gradient_clip or None,
        deterministic=settings.deterministic,
        benchmark=not settings.deterministic,
        use_distributed_sampler=False,
        logger=False,
        callbacks=[test],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
