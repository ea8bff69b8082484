"""From a checkpoint and a scene to a map: predicted on one or several devices, joined, described, put in place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from lulcseg.errors import LulcsegError
from lulcseg.maps.areas import ClassArea
from lulcseg.mosaic.map_request import MapRequest, TrainedModel
from lulcseg.mosaic.memory import limited_cache
from lulcseg.mosaic.outputs import MapFiles, earlier_files
from lulcseg.mosaic.predict import join_strips
from lulcseg.mosaic.ranks import threads_of
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.processes import is_lead, say
from lulcseg.progress import Bars
from lulcseg.run_folder.folder import MAPS
from lulcseg.run_folder.record_parts import MapEntry
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings


@dataclass(frozen=True)
class MapResult:
    """A map and what it took.

    Attributes:
        path: The class map.
        files: All files that were written.
        areas: What each class covers.
        patches: Patches predicted, over all passes and processes.
        samples: Forward samples: patches times their views.
        seconds: Wall time of it all, in seconds.
        forward_seconds: Time in the model, in seconds; of several processes, the longest.
        strips: Strips of the map.
        strips_resumed: Those that were there already, of a prediction that was cut off.
    """

    path: Path
    files: list[Path]
    areas: list[ClassArea]
    patches: int
    samples: int
    seconds: float
    forward_seconds: float
    strips: int
    strips_resumed: int


def map_scene(
    model: TrainedModel, scene: Scene, settings: MosaicSettings, out: Path, *, label: str
) -> MapResult | None:
    """Map a scene, on all devices that the model is to predict on.

    Finished strips are kept in a hidden folder beside the map until it is whole; called again with the same
    checkpoint, imagery and settings, it goes on with what is missing.

    Args:
        model: The model. Where it scales by the mosaic, that is measured here.
        scene: What to map.
        settings: Passes, patch, batch, and what is written.
        out: Path of the class map; other files go beside it.
        label: What the passes are called, for the map's tags.

    Returns:
        The map; None in a process other than the run's first.

    Raises:
        LulcsegError: What can't be made, written or read; finished strips are kept.
    """
    began = time.perf_counter()
    request = MapRequest.of(model, scene, settings)
    trainer = model.devices.trainer()
    if not is_lead():
        with limited_cache(request.cache):
            request.predict(trainer, lambda: request.begun(out), None)
        return None
    say(request.memory_told())
    with (
        limited_cache(request.cache),
        Bars() as bars,
        StripStore.begin(
            out,
            scene.grid,
            request.part,
            request.products,
            request.identity,
            strip_rows=settings.strip,
            threads=threads_of(trainer),
            processor=torch.backends.cpu.get_cpu_capability(),
        ) as work,
        _told_if_kept(work),
    ):
        _tell_of_earlier(work)
        several = f", first of {trainer.world_size} devices" if trainer.world_size > 1 else ""
        bar = bars(f"Mapping {scene.name}, {label}{several}", "patches")
        patches, samples, forward = request.predict(trainer, lambda: work, bar)
        if scene.imagery.state() != request.identity["imagery"]:
            raise LulcsegError("the imagery changed while it was mapped", where=scene.file.path, remedy="map it again")
        tags = request.tags() | {"mosaic": label}
        with bars.busy("Writing the map"):
            made = join_strips(work, request.legend, tags)
        files = MapFiles(work, request.legend, settings, scene, bars)
        areas = files.write(f"{scene.name}, {label}", made, request.described(work) | tags)
        strips = len(work.strips())
        placed = work.publish()
    for old in earlier_files(out, placed):
        say(f"{old.name} is of an earlier map and was left as it is.")
    seconds = time.perf_counter() - began
    return MapResult(out, placed, areas, patches, samples, seconds, forward, strips, work.resumed)


def map_entry(mapped: MapResult, scene: str, label: str, model: TrainedModel) -> MapEntry:
    """Return a map's entry in the run's record.

    Args:
        mapped: The map, at ``<run>/maps/``.
        scene: Name of the scene.
        label: What its passes are called.
        model: The model.
    """
    return MapEntry(
        scene=scene,
        mosaic=label,
        scaled_over=model.scaled_over,
        path=f"{MAPS}/{mapped.path.name}",
        files=[f"{MAPS}/{path.name}" for path in mapped.files],
        bytes=mapped.path.stat().st_size,
        checkpoint=str(model.checkpoint),
        patches=mapped.patches,
        samples=mapped.samples,
        seconds=round(mapped.seconds, 3),
        forward_seconds=round(mapped.forward_seconds, 3),
        strips_resumed=mapped.strips_resumed,
        areas=[asdict(area) for area in mapped.areas],
    )


def _tell_of_earlier(work: StripStore) -> None:
    """Say what is there already, and what was left alone."""
    if work.resumed:
        say(f"Goes on: {work.resumed} of {len(work.strips())} strips are there.")
    for folder, differing in work.others:
        say(f"An unfinished map by other settings ({', '.join(differing) or 'format'}) was left as it is: {folder}")
    if work.resumed and work.processor != torch.backends.cpu.get_cpu_capability():
        say("It was begun on another kind of processor: pixels may differ where two classes are all but equal.")


@contextmanager
def _told_if_kept(work: StripStore) -> Iterator[None]:
    """Say that finished strips are kept where something cuts the work off."""
    try:
        yield
    except BaseException:
        done = len(work.strips()) - len(work.missing())
        if done:
            say(
                f"{done} of {len(work.strips())} strips are done and kept: "
                "predict.py with the same checkpoint, scene and settings goes on with the rest."
            )
        raise
