"""Maps a scene: predicts strips on one or several devices, joins them, and writes the files beside the map."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.maps.areas import ClassArea
from lulcseg.mosaic.begun_format import request_map
from lulcseg.mosaic.devices import threads_of
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.join_strips import join_strips
from lulcseg.mosaic.map_model import MapModel
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.memory import limited_cache
from lulcseg.mosaic.outputs import MapFiles, leftover_files
from lulcseg.mosaic.review_thresholds import review_confidence
from lulcseg.mosaic.shared_mapping import report_strip_rows, shared_work
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.progress import Bars
from lulcseg.run_folder.folder import MAPS
from lulcseg.run_folder.record_parts import MapEntry
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.processor import processor_kind


@dataclass(frozen=True)
class MapResult:
    """A map, and the work it took.

    Attributes:
        path: The class map.
        files: All files that were written.
        areas: The area of each class.
        patches: Patches predicted, over all passes and processes.
        samples: Forward samples: patches times their views, of each model.
        seconds: Total wall time, in seconds.
        forward_seconds: Time in the model, in seconds; the longest of several processes.
        strips: Number of strips of the map.
        strips_resumed: Number of strips kept from an interrupted prediction.
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
    model: MapModel | Ensemble,
    scene: Scene,
    settings: MosaicSettings,
    out: Path,
    *,
    label: str,
    share: MapShare | None = None,
) -> MapResult | None:
    """Map a scene with one model, or with the mean of several, on their devices.

    Nodata in the imagery is nodata in the map; at the mosaic's edges patches see its reflection. Memory depends on the
    mosaic's width, the patch size and the batch size, not on the height. Finished strips are kept in a hidden folder
    beside the map until it is complete; a call with the same checkpoint, imagery and settings predicts only the
    missing ones. Nothing is at the output paths before the map is complete.

    Args:
        model: The model, or several that are averaged. If they scale by the mosaic's statistics, those are computed
            here.
        scene: The scene to map.
        settings: Passes, patch size, batch size and outputs.
        out: Path of the class map; other files are written beside it.
        label: Name of the passes, for the map's tags.
        share: This process's part in the map, if several have made its strips and this one joins them. The hidden
            folder then stays.

    Returns:
        The map; None in a process other than the run's first.

    Raises:
        LulcsegError: The request is not valid, or something can't be read or written; finished strips are kept.
    """
    began = time.perf_counter()
    ensemble = Ensemble.of(model)
    request = request_map(ensemble, scene, settings, out)
    ensemble = request.ensemble
    if share is not None and request.folder(out).path != share.store.folder:
        raise _changed(scene)
    trainer = ensemble.devices.trainer()
    if not is_rank_zero():
        with limited_cache(request.cache):
            request.predict(trainer, lambda: request.join_store(out), None)
        return None
    print_line(request.describe_memory())
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
            processor=processor_kind(),
            joins=share is not None,
        ) as store,
        _reporting_kept_strips(store),
    ):
        if share is None:
            _report_earlier_work(store)
            report_strip_rows(store, settings)
        title = f"{scene.name}, {label}" + (f", {len(ensemble)} models" if len(ensemble) > 1 else "")
        request.adapt(store)
        several = f", first of {trainer.world_size} devices" if trainer.world_size > 1 else ""
        bar = bars(f"Mapping {title}{several}", "patches")
        patches, samples, forward = request.predict(trainer, lambda: store, bar)
        if scene.imagery.state() != request.identity["imagery"]:
            raise _changed(scene)
        tags = request.tags() | {"mosaic": label}
        with bars.busy("Writing the map"):
            rasters = join_strips(store, request.legend, tags)
        files = MapFiles(store, request.legend, settings, scene, bars, review_confidence(ensemble, settings))
        made = request.properties(store) | tags | {"checkpoint": ensemble.checkpoints}
        areas = files.write(title, rasters, made)
        strips = len(store.strips())
        placed = store.publish(keeps=share is not None)
    for old in leftover_files(out, placed):
        print_line(f"{old.name} belongs to an earlier map and was left as it is.")
    seconds = time.perf_counter() - began
    if share is None:
        return MapResult(out, placed, areas, patches, samples, seconds, forward, strips, store.resumed)
    all_patches, all_samples, seconds, longest = shared_work(store.folder)
    return MapResult(
        out, placed, areas, patches + all_patches, samples + all_samples, seconds, max(forward, longest), strips, 0
    )


def _changed(scene: Scene) -> LulcsegError:
    return LulcsegError("the imagery changed while it was mapped", where=scene.file.path, remedy="map it again")


def map_entry(result: MapResult, scene: Scene, label: str, ensemble: Ensemble, scale: float = 1.0) -> MapEntry:
    """Return a map's entry in a run's record.

    Args:
        result: The map, at ``<run>/maps/``.
        scene: The scene.
        label: Name of its passes.
        ensemble: The models.
        scale: At which their networks saw patches (``mosaic.scale``).
    """
    return MapEntry(
        scene=scene.name,
        mosaic=label,
        scaled_over=ensemble.scaled_over,
        calibration=ensemble.describe_calibration(),
        adapted=ensemble.adaptation(scene),
        scale=None if scale == 1 else scale,
        combine=ensemble.combine if ensemble.joins else None,
        path=f"{MAPS}/{result.path.name}",
        files=[f"{MAPS}/{path.name}" for path in result.files],
        bytes=result.path.stat().st_size,
        checkpoint=ensemble.checkpoints,
        patches=result.patches,
        samples=result.samples,
        seconds=round(result.seconds, 3),
        forward_seconds=round(result.forward_seconds, 3),
        strips_resumed=result.strips_resumed,
        areas=[asdict(area) for area in result.areas],
    )


def _report_earlier_work(store: StripStore) -> None:
    """Report the strips that are kept from an earlier prediction, and unfinished maps by other settings."""
    if store.resumed:
        print_line(f"Resuming: {store.resumed} of {len(store.strips())} strips are done.")
    for folder, differing in store.others:
        print_line(
            f"An unfinished map by other settings ({', '.join(differing) or 'format'}) was left as it is: {folder}"
        )
    if store.resumed and store.processor != processor_kind():
        print_line("It was begun on another kind of processor: pixels may differ where two classes are nearly tied.")


@contextmanager
def _reporting_kept_strips(store: StripStore) -> Iterator[None]:
    """Report that finished strips are kept, if an error interrupts the block."""
    try:
        yield
    except BaseException:
        done = len(store.strips()) - len(store.missing())
        if done:
            print_line(
                f"{done} of {len(store.strips())} strips are done and kept: "
                "predict.py with the same checkpoint, scene and settings resumes with the rest."
            )
        raise
