"""``lulcseg micro-batch``: the largest micro-batch that fits this device."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from lulcseg.settings.config import TrainConfig
    from lulcseg.settings.trainer import TrainerSettings
    from lulcseg.training.largest_micro_batch import StepMeasurement, StepMemory


def add(commands: Any) -> None:
    """Add the command to ``lulcseg``'s."""
    micro = commands.add_parser(
        "micro-batch",
        help="find the largest micro-batch that fits this device",
        usage="%(prog)s [-h] [--most N] scene=… [+experiment=…] [trainer=gpu] [key=value …]",
        description="Run training steps of growing micro-batches, with the settings of a run, written as for train.py. "
        "On a GPU until its memory is full; on a CPU estimated from two small ones. The batch stays "
        "trainer.batch_size: what doesn't fit at once is accumulated, in micro-batches of trainer.micro_batch patches.",
    )
    micro.add_argument("settings", nargs="*", help="as for train.py", metavar="key=value")
    micro.add_argument("--most", type=int, default=4096, help="largest number of patches (default: %(default)s)")
    micro.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from lulcseg.launch.jobs import jobs_from
    from lulcseg.run.device_checks import check_device
    from lulcseg.training.largest_micro_batch import free_memory

    (job,) = jobs_from("train", arguments.settings)
    config = job.settings
    check_device(config.trainer.accelerator)
    console = Console(highlight=False)
    with console.status("Opening the scene"):
        memory = _memory_of(config)
    device, free = memory.device, free_memory(memory.device)
    if device.type == "cuda":
        largest, measured = _search(memory, arguments.most, console)
    else:
        with console.status("Running steps of 2 and 4 patches"):
            fitting, measured = memory.estimate(free)
        largest = min(fitting, arguments.most)
    _print_measurements(memory, config.sampling.patch_size, measured, console)
    estimated = f"Estimated from these to fit {free / 1e9:.1f} GB of free memory"
    found = "The largest that fits" if device.type == "cuda" else estimated
    more = " or more" if largest == arguments.most else ""
    spared = largest // 20 if device.type == "cuda" else 0  # for the next batch, copied during the computation
    advice = _advice(config.trainer, largest - spared)
    console.print(f"{found}: [bold]{largest}[/bold] patches{more}. {advice}", soft_wrap=True)


def _memory_of(config: TrainConfig) -> StepMemory:
    """Build the model of a run as its training will, but without statistics of mosaics, which take no memory here."""
    from dataclasses import replace

    from lulcseg.errors import LulcsegError
    from lulcseg.run.model_setup import model_record, training_margin
    from lulcseg.run.open_scenes import cache_folder, open_scenes
    from lulcseg.settings.scaling import ScalingSettings
    from lulcseg.training.largest_micro_batch import StepMemory
    from lulcseg.training.predictor import device_of
    from lulcseg.training.recompute import recompute
    from lulcseg.training.task import SegmentationTask
    from lulcseg.training.training_settings import TrainingSettings

    names = config.training_scenes
    if not names:
        raise LulcsegError("no scene to train on", where="scene", remedy="write scene=<name or path>")
    scenes = open_scenes(names, cache_folder(config.cache), config.scenes.sources)
    if config.scaling.over in {"mosaic", "training"}:
        config = replace(config, scaling=ScalingSettings())
    record = model_record(config, scenes)
    classes = len(record.legend)  # shifts and weights of a plan change no memory
    task = SegmentationTask(
        record, TrainingSettings.of(config), prior_shift=[0.0] * classes, class_weights=[1.0] * classes
    )
    if config.trainer.activation_checkpointing:
        recompute(task.network)
    read_size = record.patch_size + 2 * training_margin(config, record)
    return StepMemory(task.to(device_of(config.trainer.accelerator)).train(), read_size)


def _search(memory: StepMemory, most: int, console: Console) -> tuple[int, list[StepMeasurement]]:
    from lulcseg.training.largest_micro_batch import largest_that_fits

    done: list[StepMeasurement] = []

    def fits(patches: int) -> bool:
        status.update(f"Running steps of {patches} patches")
        measured = memory.measure(patches)
        if measured is not None:
            done.append(measured)
        return measured is not None

    with console.status("") as status:
        return largest_that_fits(fits, most), done


def _print_measurements(memory: StepMemory, patch_size: int, measured: list[StepMeasurement], console: Console) -> None:
    import torch
    from rich.table import Table

    device = memory.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    table = Table(title=f"Training steps of patches of {patch_size}², on {name}")
    for column in ("patches", "peak memory", "patches/s, not compiled"):
        table.add_column(column, justify="right")
    for one in sorted(measured, key=lambda each: each.patches):
        table.add_row(str(one.patches), f"{one.peak / 1e9:.2f} GB", f"{one.rate:.1f}")
    console.print(table)


def _advice(settings: TrainerSettings, largest: int) -> str:
    """Return which settings to use, as a sentence."""
    if largest == 0:
        lean = "" if settings.activation_checkpointing else "trainer.activation_checkpointing=true, or "
        return f"Set {lean}a smaller patch or network."
    if largest >= settings.batch_size:
        return f"The batch of {settings.batch_size} fits at once: leave trainer.micro_batch out."
    return (
        f"Set trainer.micro_batch={largest} for the batch of {settings.batch_size} on one device. Batch norm, and "
        "scaling over the batch, then see a micro-batch at a time."
    )
