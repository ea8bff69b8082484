"""Opening scenes, and checking which of them a model can map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import default_cache, make_folder, target_of
from lulcseg.mosaic.model_differences import RESOLUTION_TOLERANCE
from lulcseg.processes import print_line
from lulcseg.scene.band_table import describe_difference
from lulcseg.scene.points import check_place
from lulcseg.scene.scene import Scene
from lulcseg.training.model_record import ModelRecord


def open_scenes(names: Sequence[str], cache: Path, sources: Sequence[str] = ()) -> list[Scene]:
    """Open scenes by name or path; their names must be unique.

    Args:
        names: The scenes.
        cache: Folder for label rasters.
        sources: Names of the sources to use of those that they list; empty: all.

    Raises:
        LulcsegError: Two scenes have the same name.
    """
    scenes = [Scene.open(name, cache, sources) for name in dict.fromkeys(names)]
    by_name: dict[str, Scene] = {}
    for scene in scenes:
        if scene.name in by_name:
            raise LulcsegError(
                f"two scenes are named '{scene.name}'", where=scene.file.path, remedy="give one of them another name"
            )
        by_name[scene.name] = scene
    return scenes


def of_model(scene: Scene, record: ModelRecord) -> Scene:
    """Return a scene with the sources that a model was trained on; as it is if it has no others, or lacks one."""
    if scene.band_table is None or record.named_bands is None:
        return scene
    own, trained = ({band.source for band in bands} for bands in (scene.band_table, record.named_bands))
    return scene.of_sources(sorted(trained)) if trained < own and scene.file.sources[0].name in trained else scene


def warped_to(scene: Scene, record: ModelRecord) -> Scene:
    """Return a scene at the resolution that a model was trained at, warped if it has another."""
    own, trained = (scene.grid.xres, scene.grid.yres), record.resolution
    if all(abs(mine / theirs - 1) <= RESOLUTION_TOLERANCE for mine, theirs in zip(own, trained, strict=True)):
        return scene
    spec = replace(scene.spec, resolution=trained[0])
    return Scene(replace(scene.file, spec=spec), scene.cache)


def check_fits(record: ModelRecord, scene: Scene, scale: float = 1.0) -> None:
    """Check that a model can map a scene.

    Args:
        record: The model's.
        scene: The scene.
        scale: At which the network sees patches (``mosaic.scale``).

    Raises:
        LulcsegError: It has another number of bands, another dtype, a resolution that differs by more than a tenth (as
            it is and at the scale), or, if it has labels or points, another legend.
    """
    check_imagery(record, scene, scale)
    has_classes = scene.spec.labels is not None or scene.spec.points is not None
    if has_classes and scene.legend.names != record.to_legend().names:
        raise LulcsegError(
            f"its classes ({', '.join(scene.legend.names)}) are not the model's "
            f"({', '.join(record.to_legend().names)})",
            where=scene.file.path,
            remedy="use the model's legend, with a crosswalk from your class names",
        )


def check_imagery(record: ModelRecord, scene: Scene, scale: float = 1.0, *, remedy: str = "") -> None:
    """Check that a scene's imagery is such as a model was trained on; whatever its classes are.

    Args:
        record: The model's.
        scene: The scene.
        scale: At which the network sees patches (``mosaic.scale``): it may bring other pixels to those trained on.
        remedy: What else may be done about another resolution than to warp the scene; empty: to map at a scale.

    Raises:
        LulcsegError: Its sources' bands have other names or another order, or one is missing; it has another number of
            bands, another dtype, or a resolution that differs by more than a tenth, as it is and at the scale.
    """
    where = scene.file.path
    difference = describe_difference(scene.band_table, record.named_bands)
    if difference is not None:
        raise LulcsegError(
            difference,
            where=where,
            remedy="list the sources under imagery: as in the scene that the model was trained on",
        )
    if scene.bands != record.bands:
        raise LulcsegError(
            f"its imagery has {scene.bands} bands, the model was trained on {record.bands}",
            where=where,
            remedy="choose bands with imagery.bands",
        )
    if scene.dtype.name != record.dtype:
        raise LulcsegError(
            f"its imagery is {scene.dtype.name}, the model was trained on {record.dtype}",
            where=where,
            remedy="convert the imagery",
        )
    ratios = [mine / theirs for mine, theirs in zip((scene.grid.xres, scene.grid.yres), record.resolution, strict=True)]
    if not any(all(abs(ratio / by - 1) <= RESOLUTION_TOLERANCE for ratio in ratios) for by in (1.0, scale)):
        raise LulcsegError(
            f"its pixels measure {scene.grid.xres:g} × {scene.grid.yres:g} m, the model was trained on "
            f"{record.resolution[0]:g} × {record.resolution[1]:g} m",
            where=where,
            remedy=f"set resolution: {record.resolution[0]:g} in the scene file to warp it"
            + (
                f", or {remedy}"
                if remedy
                else f" (predict.py: warp=true), or map it as it is with mosaic.scale={ratios[0]:.3g}, if that is 0.25 "
                "to 4"
            ),
        )


def cache_folder(setting: str | None) -> Path:
    """Return the folder for label rasters and synthetic scenes, created if missing; by default the user's cache.

    Raises:
        LulcsegError: It can't be created.
    """
    return make_folder(target_of(setting, "cache").resolve() if setting else default_cache(), "cache")


def read_ahead(scenes: Sequence[Scene], model: ModelRecord, scale: float = 1.0) -> None:
    """Read what will be needed later, so that invalid input is reported before anything is trained or written.

    Args:
        scenes: The scenes.
        model: The record of the model that maps them.
        scale: At which the network sees patches (``mosaic.scale``).

    Raises:
        LulcsegError: A scene can't be read, or isn't what the model maps.
    """
    for scene in dict.fromkeys(scenes):  # a scene trained on is often assessed too
        check_fits(model, scene, scale)
        scene.labels  # noqa: B018 (rasterises the polygons)
        if scene.spec.points is not None and scene.points is not None:
            check_place(scene.points, scene.grid, scene.file.place(scene.spec.points.file))
        for note in scene.notes:
            print_line(f"{scene.name}: {note}")
