"""Predicts strips of a map beside other processes, on one machine or many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from lulcseg.errors import LulcsegError
from lulcseg.maps.writer import reporting_write_errors
from lulcseg.mosaic.begun_format import request_map
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_folder import SHARES, MapFolder
from lulcseg.mosaic.map_request import MapRequest
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.memory import limited_cache
from lulcseg.mosaic.share_workers import ShareWorker, SurveyedWorker, WorkerNote, file_system_time, survey_workers
from lulcseg.mosaic.strip_job import StripJob
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.processes import print_line
from lulcseg.progress import Bars, Progress
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.processor import processor_kind


@contextmanager
def shared_map(ensemble: Ensemble, scene: Scene, settings: MosaicSettings, out: Path) -> Iterator[MapShare | None]:
    """Take part in a map until all of its strips are done.

    Args:
        ensemble: The model, or several that are averaged.
        scene: The scene to map.
        settings: Passes, patch size, batch size, outputs and the number of processes.
        out: Path of the class map.

    Yields:
        This process's part, with which it gives signs of life as long as the context lasts; None: the map is there
        already.

    Raises:
        LulcsegError: The request is not valid, processes with other models, imagery or settings are making the map,
            something can't be read or written, or the imagery changed.
    """
    request = request_map(ensemble, scene, settings, out)
    folder = request.folder(out)
    store = StripStore.share(
        folder,
        scene.grid,
        request.products,
        strip_rows=settings.strip,
        threads=torch.get_num_threads(),
        processor=processor_kind(),
    )
    if folder.is_made() and len(store.missing()) == len(store.strips()):
        store.discard()
        yield None
        return
    note = WorkerNote.of_this_process(_describe(request.setup.device))
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        with reporting_write_errors(out):
            worker = stack.enter_context(ShareWorker(folder.path / SHARES, note))
        _check_others(folder, store, worker)
        share = MapShare(store, worker, settings.shares)
        report_strip_rows(store, settings)
        print_line(request.describe_memory())
        with limited_cache(request.cache), Bars() as bars:
            _map_strips(request, share, bars(f"Mapping {scene.name}, all jobs", "strips"))
        if share.is_over and not folder.is_made():
            raise LulcsegError(
                "the folder of the unfinished map was removed", where=folder.path, remedy="give the same command again"
            )
        yield share


def report_strip_rows(store: StripStore, settings: MosaicSettings) -> None:
    """Report that a begun map keeps the height of its strips, where the settings ask for another."""
    if store.strip_rows != settings.strip:
        print_line(
            f"The map was begun in strips of {store.strip_rows} rows, and keeps them: "
            f"mosaic.strip={settings.strip} is not used."
        )


def _map_strips(request: MapRequest, share: MapShare, progress: Progress) -> None:
    """Predict strips until none is left."""
    store, adaptation = share.store, request.adaptation
    predictors = None
    total = len(share.strips)

    def goes_on(row: int) -> int:
        progress(share.done, total)
        return share.goes_on(row)

    while run := share.next_run():
        if predictors is None:
            torch.set_num_threads(store.threads)
            share.once("adaptation", lambda: adaptation.is_settled(store.folder), lambda: request.adapt(store))
            predictors = request.predictors(store, request.setup.device)
        imagery = request.scene.imagery
        with StripJob(predictors, imagery, request.setup, store, run, mask=request.region, goes_on=goes_on) as job:
            job.run()
        note = share.worker.note
        share.worker.put(
            replace(
                note,
                patches=note.patches + job.patches,
                samples=note.samples + job.samples,
                forward_seconds=note.forward_seconds + job.forward_seconds,
            )
        )
        if imagery.state() != request.identity["imagery"]:
            raise LulcsegError(
                "the imagery changed while it was mapped", where=request.scene.file.path, remedy="map it again"
            )
    progress(total, total)


def _check_others(folder: MapFolder, store: StripStore, worker: ShareWorker) -> None:
    """Check that all processes that are making the map make the same one; say where pixels may differ.

    Of two that disagree and begin at the same time, the later one ends.

    Raises:
        LulcsegError: Others are making it with other models, imagery or settings, or a process alone is making it.
    """
    now = worker.now()
    for path, differing in folder.others():
        alive = [other for other in survey_workers(path / SHARES, now) if other.state == "working"]
        earlier = [other for other in alive if (other.note.since, other.name) < (worker.note.since, worker.name)]
        if earlier:
            if not worker.others() and len(store.missing()) == len(store.strips()):
                store.discard()
            raise LulcsegError(
                f"this job's {_in_words(differing)} differs from that of those making this map ({_names(earlier)})",
                where=folder.target,
                remedy="give all jobs the same files, settings and versions",
            )
        print_line(
            f"An unfinished map by other settings ({', '.join(differing) or 'format'}) was left as it is: {path}"
        )
    known = survey_workers(folder.path / SHARES, now)
    others = [other for other in known if other.name != worker.name]
    if not any(other.state == "working" for other in others):
        folder.lock().close()
    if unlike := [other for other in others if other.note.device != worker.note.device]:
        print_line(
            f"This job computes on {worker.note.device}, {unlike[0].note.name} on {unlike[0].note.device}: pixels may "
            "differ where two classes are nearly tied."
        )


def shared_work(folder: Path) -> tuple[int, int, float, float]:
    """Return the work of all processes that made a map.

    Args:
        folder: The map's folder.

    Returns:
        Patches, forward samples, the longest time of one process from its beginning to its last sign of life, and the
        longest in the model, in seconds.
    """
    now = file_system_time(folder)
    workers = survey_workers(folder / SHARES, now)
    patches, samples = sum(each.note.patches for each in workers), sum(each.note.samples for each in workers)
    longest = max((now - each.silent - each.note.since for each in workers), default=0.0)
    return patches, samples, longest, max((each.note.forward_seconds for each in workers), default=0.0)


def _in_words(differing: list[str]) -> str:
    return ", ".join(differing) or "format"


def _names(workers: list[SurveyedWorker]) -> str:
    return ", ".join(dict.fromkeys(worker.note.name for worker in workers[:3]))


def _describe(device: torch.device) -> str:
    """Return what a process computes on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}: {processor_kind()}"
