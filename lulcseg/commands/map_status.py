"""``lulcseg map status``: how far a map is that several jobs make, and what dead ones left."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_actions, add_command

if TYPE_CHECKING:
    from rich.console import Console

    from lulcseg.mosaic.map_progress import MapProgress
    from lulcseg.mosaic.share_workers import SurveyedWorker


def add(commands: Commands) -> None:
    """Add the command."""
    actions = add_actions(commands, "map", help="show how far unfinished maps are")
    status = add_command(
        actions, "status", _run, help="strips done, by which jobs, how fast, and the time left; what dead jobs left"
    )
    status.add_argument(
        "places", type=Path, nargs="+", metavar="map", help="a map (.tif), a folder of maps, or the folder of a run"
    )


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from lulcseg.mosaic.map_progress import finished_maps, progress_of

    console = Console(highlight=False)
    surveyed = [(place, progress_of(place.expanduser())) for place in arguments.places]
    for place, found in surveyed:
        for path in [] if found else finished_maps(place.expanduser()):
            made = f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"
            console.print(f"{path}: finished, {made}", markup=False, soft_wrap=True)
        for each in found:
            _print(each, console)


def _print(progress: MapProgress, console: Console) -> None:
    from rich.table import Table

    parts = [f"{progress.done} of {progress.total} strips done"]
    if progress.rate is not None:
        a_minute = progress.rate * 60
        parts.append(f"{a_minute:,.0f} a minute" if a_minute >= 10 else f"{a_minute:.2g} a minute")
    left = progress.seconds_left
    if left:
        parts.append(f"{_duration(left)} left")
    console.print(f"{progress.target}: {', '.join(parts)}", markup=False, soft_wrap=True)
    if progress.workers:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading, right in (("job", 0), ("device", 0), ("state", 0), ("strips done", 1), ("in work", 1)):
            table.add_column(heading, justify="right" if right else "left", overflow="fold")
        for worker in progress.workers:
            in_work = progress.in_work.get(worker.name, []) if worker.state == "working" else []
            done = progress.strips.get(worker.name, 0)
            state = _state(progress, worker)
            device = worker.note.device.partition(" (")[0]  # without a processor's instructions
            table.add_row(worker.note.name, device, state, str(done or "·"), str(len(in_work) or "·"))
        console.print(table)
    alone = progress.strips.get("", 0)
    if alone and progress.workers:
        strips = "1 strip was" if alone == 1 else f"{alone} strips were"
        console.print(f"  {strips} made by a process that shared with nobody, or again at the join.", soft_wrap=True)
    for line in _what_to_do(progress):
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _state(progress: MapProgress, worker: SurveyedWorker) -> str:
    if worker.state == "dead":
        return f"dead, silent for {_duration(worker.silent)}" if worker.silent >= 1 else "dead"
    if worker.state == "left":
        return "left"
    if progress.joined_by == worker.name:
        return "joins the strips"
    return "working" if progress.done < progress.total else "waits"


def _what_to_do(progress: MapProgress) -> list[str]:
    """Return what dead jobs left, and what happens with it."""
    states = {worker.name: worker.state for worker in progress.workers}
    free = [n for name, numbers in progress.in_work.items() if states.get(name) != "working" for n in numbers]
    lines = []
    if free:
        what = "1 strip was" if len(free) == 1 else f"{len(free)} strips were"
        others = "; others take them" if "working" in states.values() else ""
        lines.append(f"{what} claimed by jobs that are gone{others}.")
    if "working" not in states.values():
        rest = "joins them" if progress.done == progress.total else "goes on with the rest"
        lines.append(f"No job is at work: the same command {rest}.")
    return lines


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
