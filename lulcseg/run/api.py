"""Mapping and assessing from a script: ``from lulcseg import map_scene, assess``."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from lulcseg.assessment.assess_files import assess_files
from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_model import MapModel
from lulcseg.mosaic.map_request import check_request
from lulcseg.mosaic.mapping import MapResult
from lulcseg.mosaic.mapping import map_scene as map_with
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.run.device_checks import check_device
from lulcseg.run.exported_models import exported_models
from lulcseg.run.open_scenes import check_fits, of_model
from lulcseg.scene.file_names import locate_layer
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.task import SegmentationTask


def map_scene(
    model: SegmentationTask | str | Path | Sequence[SegmentationTask | str | Path],
    scene: Scene | str,
    out: str | Path,
    settings: MosaicSettings | None = None,
    *,
    accelerator: str = "auto",
    precision: str = "auto",
    at_prediction: str | None = None,
    adapt: str = "none",
    combine: str = "mean",
    trust_target: bool = False,
) -> MapResult:
    """Map a scene with a trained model, or with several together, on one device.

    Args:
        model: A checkpoint (``<run>/checkpoints/best.ckpt``), a model loaded from one, or an ONNX file of
            ``lulcseg export``; or a list of them.
        scene: An open scene, or its name or path.
        out: Path of the class map, a GeoTIFF; its legend, style and description are written beside it. If the
            mapping is interrupted, the same call continues it.
        settings: Passes, patch size, and what else is written; None: one pass.
        accelerator: ``auto``, ``cpu``, ``gpu`` or ``mps``.
        precision: As in ``trainer.precision``.
        at_prediction: As for :meth:`SegmentationTask.load_from_checkpoint`; only with a path.
        adapt: How a mosaic that the model wasn't trained on is adapted to it: ``none``, ``histogram``,
            ``batch_norm`` or ``both``.
        combine: What several models make together: ``mean``, the mean of their class probabilities, or
            ``one_against_all``, one map of models of one class each.
        trust_target: As for :meth:`SegmentationTask.load_from_checkpoint`; only with a path.

    Returns:
        The map's path and files, the areas of its classes in m², and its times in seconds.

    Raises:
        LulcsegError: A model that was not loaded from a checkpoint, several that don't fit together, a scene that
            doesn't fit them, or settings that make no sense.
    """
    check_device(accelerator)
    models = list(model) if isinstance(model, Sequence) and not isinstance(model, str) else [model]
    devices, files = Devices(accelerator), [Path(each) for each in models if not isinstance(each, SegmentationTask)]
    fixed = {"at_prediction": at_prediction is not None, "precision": precision not in {"auto", "32-true"}}
    members: tuple[MapModel, ...] = exported_models(files, devices, fixed) if len(files) == len(models) else ()
    if not members:
        loaded = [_loaded(each, at_prediction=at_prediction, trust_target=trust_target) for each in models]
        members = tuple(TrainedModel(task, path, precision, devices) for task, path in loaded)
    ensemble = Ensemble(members, adapt, combine)
    opened = scene if isinstance(scene, Scene) else Scene.open(scene)
    ensemble = ensemble.in_order_of([opened])
    opened = of_model(opened, ensemble.record)
    chosen = settings or MosaicSettings()
    for record in ensemble.records:
        check_fits(record, opened, chosen.scale)
    check_request(opened, chosen, ensemble)
    path = Path(out).expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    label, _ = plan_from(chosen)
    result = map_with(ensemble, opened, chosen, path, label=label)
    assert result is not None  # it is of processes other than the first
    return result


def _loaded(
    model: SegmentationTask | str | Path, *, at_prediction: str | None, trust_target: bool
) -> tuple[SegmentationTask, Path]:
    """Return a model and its checkpoint."""
    if not isinstance(model, SegmentationTask):
        model = SegmentationTask.load_from_checkpoint(model, at_prediction=at_prediction, trust_target=trust_target)
    elif at_prediction is not None:
        raise LulcsegError(
            "at_prediction is chosen when a model is loaded",
            where="map_scene",
            remedy="give it to load_from_checkpoint",
        )
    if model.checkpoint is None:
        raise LulcsegError(
            "the model was not loaded from a checkpoint, by which a map is identified",
            where="map_scene",
            remedy="save it with its trainer, and give the file",
        )
    return model, model.checkpoint


def assess(
    mapped: str | PathLike[str],
    reference: str | PathLike[str],
    *,
    legend: Legend | None = None,
    mapped_column: str | None = None,
    reference_column: str | None = None,
    mapped_layer: str | None = None,
    reference_layer: str | None = None,
    mapped_crs: str | None = None,
    reference_crs: str | None = None,
) -> Assessment:
    """Compare a map with a reference, each of them points, polygons or a class raster, here or at an address.

    A layer or a CRS may also follow a vector file's name: ``farm.gpkg|layername=work``, ``points.csv|crs=EPSG:28355``.

    Args:
        mapped: The map, such as ``map_scene(...).path``.
        reference: The reference, such as points with a column of their class.
        legend: The classes; None: the legend that the map carries, else the classes that occur.
        mapped_column: Column of the map's class, if it is a vector file; None: the only plausible one.
        reference_column: The same for the reference.
        mapped_layer: Layer of the map, if it is a vector file; None: the only one with geometries.
        reference_layer: The same for the reference.
        mapped_crs: CRS of the map, if it is a vector file that states none (CSV).
        reference_crs: The same for the reference.

    Returns:
        The assessment, with ``confusion`` (rows: reference, columns: map) and ``scores``.

    Raises:
        LulcsegError: Files that can't be read or compared (:func:`lulcseg.assessment.assess_files.assess_files`).
    """
    file, layer, crs = locate_layer(reference, "reference", layer=reference_layer, crs=reference_crs)
    map_file, map_layer, map_crs = locate_layer(mapped, "mapped", layer=mapped_layer, crs=mapped_crs)
    return assess_files(
        file,
        map_file,
        reference_column=reference_column,
        mapped_column=mapped_column,
        reference_layer=layer,
        mapped_layer=map_layer,
        reference_crs=crs,
        mapped_crs=map_crs,
        legend=legend,
    )
