"""``lulcseg tune``: what this machine computes a network fastest in, shown and kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_command, as_target

if TYPE_CHECKING:
    from rich.console import Console

    from lulcseg.settings.config import TrainConfig
    from lulcseg.training.measured_speed import Measurement, Work


def add(commands: Commands) -> None:
    """Add the command."""
    tune = add_command(
        commands,
        "tune",
        _run,
        help="measure what this machine computes fastest in, and keep it",
        usage="%(prog)s [-h] [--again] [--out FILE.json] [scene=…] [+experiment=…] [key=value …]",
        description="Measure number formats, memory layouts and numbers of threads, with the network and patch of a "
        "run, written as for train.py, and keep the times. From then on precision=auto takes the faster format, and "
        "trainer=tuned the faster layout and number of threads too. Run it while the machine has nothing else to do.",
    )
    tune.add_argument("settings", nargs="*", help="as for train.py; without a scene: three bands", metavar="key=value")
    tune.add_argument(
        "--again", action="store_true", help="measure anew, and replace what was kept; begun runs keep what they have"
    )
    tune.add_argument("--out", type=as_target, help="also write the times to this file, JSON", metavar="FILE.json")


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from lulcseg.errors import LulcsegError
    from lulcseg.files import write_json
    from lulcseg.launch.jobs import jobs_from

    if arguments.out is not None and (arguments.out.suffix != ".json" or not arguments.out.parent.is_dir()):
        raise LulcsegError(
            "times are written as a JSON file into a folder that is there", where=f"--out {arguments.out}",
            remedy="give a name that ends in .json",
        )  # fmt: skip
    jobs = jobs_from("train", arguments.settings)
    if len(jobs) > 1:
        raise LulcsegError(
            "several runs are requested, and one network is measured",
            where="command line",
            remedy="give one value each",
        )
    config = jobs[0].settings
    console = Console(highlight=False)
    named = any(word.startswith(("scene=", "scenes.", "+scene", "++scene")) for word in arguments.settings)
    works = _works(config, opens=named)
    found = {work.use: _measured(work, again=arguments.again, console=console) for work in works}
    console.print(
        "[dim]Number format, layout and threads change a result in its last digits; begun runs and maps keep "
        "theirs.[/dim]",
        soft_wrap=True,
    )
    if arguments.out is not None:
        plain = {use: each.to_plain() | {"kept": str(each.path)} for use, each in found.items()}
        write_json(arguments.out, plain)
        console.print(f"Times: {arguments.out}", soft_wrap=True)


def _works(config: TrainConfig, *, opens: bool) -> list[Work]:
    """Return the training and the mapping of a run's settings.

    Args:
        config: The settings.
        opens: Whether the run's scene tells the number of bands; else it is three.
    """
    from dataclasses import replace

    from lulcseg.errors import LulcsegError
    from lulcseg.run.device_checks import check_device
    from lulcseg.run.open_scenes import cache_folder, open_scenes
    from lulcseg.training.measured_speed import Work
    from lulcseg.training.precision import is_cpu

    check_device(config.trainer.accelerator)
    if not is_cpu(config.trainer.accelerator):
        raise LulcsegError(
            "it measures processors, and this run would train on a GPU, which computes in bf16 where it is of 2020 or "
            "newer",
            where=f"trainer.accelerator={config.trainer.accelerator}",
            remedy="give trainer=cpu, or see what the GPU reaches with benchmarks/gpu.py",
        )
    names = config.training_scenes if opens else []
    scenes = open_scenes(names[:1], cache_folder(config.cache), config.scenes.sources) if names else []
    bands, classes = (scenes[0].bands, len(scenes[0].legend)) if scenes else (3, 9)
    training = Work(config.model, bands, config.sampling.patch_size, classes=classes)
    return [training, replace(training, training=False)]


def _measured(work: Work, *, again: bool, console: Console) -> Measurement:
    """Return what was measured of some work, now or earlier, and print it."""
    from lulcseg.files import default_cache
    from lulcseg.training.kept_speed import kept_measurement
    from lulcseg.training.precision import measure_and_keep
    from lulcseg.training.processor import processor_name

    known = None if again else kept_measurement(work)
    found = known or measure_and_keep(work, again=again)
    what = "training steps" if work.training else "forward passes of maps"
    network = work.model.target or work.model.name
    title = f"{network}, {work.bands} bands, patches of {work.patch}²: {what}"
    _print_times(found, f"{title}\n{processor_name()}", work.batch, console)
    if found.path is None:
        console.print(f"Not kept: {default_cache()} can't be written; each run measures for itself.", soft_wrap=True)
    elif known:
        console.print(f"Measured earlier, and kept in {found.path}; --again measures anew.", soft_wrap=True)
    else:
        console.print(f"Kept in {found.path}", soft_wrap=True)
    _print_meaning(work, found, console)
    return found


def _print_times(found: Measurement, title: str, batch: tuple[int, int], console: Console) -> None:
    from rich.table import Table

    measured = f"steps of {batch[0]} patches of {batch[1]}², of each the least time"
    table = Table(title=title, caption=f"{measured}; ratio: to float32, channels-last, one thread")
    for column in ("format", "layout"):
        table.add_column(column)
    for column in ("threads", "ms a step", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("chosen")
    chosen = (found.fastest_format(), found.fastest)
    for group in (found.formats, found.threads):
        for each in group:
            way, marked = each.computing, "●" if each in chosen else ""
            layout = "channels-last" if way.channels_last else "contiguous"
            table.add_row(way.precision, layout, str(way.threads), f"{each.ms:,.1f}", f"{each.ratio:.2f}", marked)
        table.add_section()
    console.print(table)


def _print_meaning(work: Work, found: Measurement, console: Console) -> None:
    """Say which settings take what was chosen."""
    by_precision = found.fastest_format(channels_last=True)
    said = f"precision=auto: {by_precision.computing.precision} ({by_precision.ratio:.2f})"
    if work.training:
        fastest = found.fastest
        threads = fastest.computing.describe() if found.threads else fastest.computing.describe_format()
        said += f"; trainer=tuned: {threads} ({fastest.ratio:.2f})"
    console.print(said, soft_wrap=True)
    if work.training and not found.threads:
        console.print(
            "Numbers of threads weren't measured, as the machine was busy: PyTorch's own is taken. On an idle one, "
            "lulcseg tune --again measures them.",
            soft_wrap=True,
        )
