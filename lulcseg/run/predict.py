"""A prediction: map scenes with a trained model → assess → record → report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import check_folder_name, target_of
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.open_display import reopen_display
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_request import check_request
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.report.run.run_page import write_report
from lulcseg.run.chosen_checkpoints import chosen_checkpoints
from lulcseg.run.device_checks import check_device
from lulcseg.run.evaluate import MapRun, label_of
from lulcseg.run.exported_models import exported_models
from lulcseg.run.fingerprint import predict_fingerprint
from lulcseg.run.map_destination import check_maps_of, map_destination
from lulcseg.run.model_remarks import prediction_remarks
from lulcseg.run.open_scenes import cache_folder, of_model, open_scenes, read_ahead, warped_to
from lulcseg.run.other_scenes import put_trained_scenes
from lulcseg.run.part_in_maps import Shares, stand_apart, taking_part
from lulcseg.run.resume import begin_record, earlier_attempt, model_entries, recording_outcome, training_plans
from lulcseg.run_folder.creation import new_run_dir
from lulcseg.run_folder.environment import environment, git_state
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord, timestamp
from lulcseg.run_folder.sole_writer import sole_writer
from lulcseg.scene.scene import Scene
from lulcseg.settings.adapt import ADAPTATIONS
from lulcseg.settings.config import PredictConfig
from lulcseg.training.calibration import AUTO, NONE, find_calibration
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.task import SegmentationTask


def predict(config: PredictConfig, *, goes_on: bool = False, command: str | None = None) -> float | None:
    """Map a scene with a trained model and assess the map.

    Without ``output`` the map of one model is added to its run, and the run's report is regenerated; see
    :func:`lulcseg.run.map_destination.map_destination`.

    Args:
        config: The settings.
        goes_on: Whether to resume an earlier attempt in the folder of a trial's run.
        command: The command line, for the record; None: this process's.

    Returns:
        The run's score, for a sweeper to optimise: mean F1 of the first scene's map at its reference points, 0…1.
        None without one: no reference points, or a process other than the run's first.

    Raises:
        LulcsegError: Input that can't be used.
    """
    if config.mosaic.shares > 1:
        stand_apart(config.accelerator)
    check_device(config.accelerator)
    if config.output is not None:
        check_folder_name(target_of(config.output, "output"), "output")
    checkpoints = chosen_checkpoints(config)
    ensemble = _loaded(config, checkpoints)
    names = config.scenes.assess or ([config.scene] if config.scene else [])
    if not names:
        raise _missing("scene")
    seed = _seed_of(config, ensemble, checkpoints)
    scenes = open_scenes(names, cache_folder(config.cache))
    fingerprint = predict_fingerprint(config, scenes) if config.trial.name is not None and is_rank_zero() else None
    ensemble = ensemble.in_order_of(scenes)
    scenes = _as_trained_on(scenes, ensemble.record, warp=config.warp)
    for record in ensemble.records:
        read_ahead(scenes, record, config.mosaic.scale)
    ensemble.devices.trainer()
    for scene in scenes:
        check_request(scene, config.mosaic, ensemble)
    labels = [label_of(config.mosaic, config.at_prediction, ensemble.adaptation(scene)) for scene in scenes]
    stems = [f"{scene.name}_{label}" for scene, label in zip(scenes, labels, strict=True)]
    folder = map_destination(config, checkpoints, ensemble.digests)
    if not is_rank_zero():
        for scene, stem, label in zip(scenes, stems, labels, strict=True):
            map_scene(ensemble, scene, config.mosaic, folder.map_file(stem), label=label)
        return None
    for remark in prediction_remarks(ensemble, scenes, config.mosaic.scale):
        print_line(remark)

    def map_scenes(writer: RecordWriter, shares: Shares | None = None) -> float | None:
        put_trained_scenes(writer, checkpoints)
        left = scenes if shares is None else [scene for scene in scenes if scene.name in shares]
        with _display_of(config, checkpoints, writer, left) as display:
            plans, variant = training_plans(checkpoints), config.at_prediction
            mapping = MapRun(writer, ensemble, plans, display, variant=variant, shares=shares or {})
            return mapping.run(left, config.mosaic, config.assess)

    if config.mosaic.shares > 1:
        check_maps_of(folder, stems, checkpoints, ensemble.digests)
        with taking_part(ensemble, dict(zip(stems, scenes, strict=True)), config.mosaic, folder) as shares:
            return _joined_maps(folder, lambda: map_scenes(_joined(folder, checkpoints, ensemble), shares), shares)
    if fingerprint is None:
        with sole_writer(folder, "output"):
            check_maps_of(folder, stems, checkpoints, ensemble.digests)
            found = map_scenes(_joined(folder, checkpoints, ensemble))
            _say_where(folder)
        return found
    earlier = earlier_attempt(folder, fingerprint, config) if goes_on else None
    with new_run_dir(str(folder.path), again=earlier is not None):
        start = {} if earlier is None else earlier.taken_over(None)
        start |= {"name": config.trial.value, "seed": seed} | model_entries(checkpoints)
        start |= {"checkpoint_sha256": ensemble.checksums}
        writer = begin_record(folder, config, start, fingerprint, command)
        writer.update(state="running", environment=environment(), git=git_state())
        with recording_outcome(writer, "mapped"):
            found = map_scenes(writer)
        _say_where(folder)
    return found


def _as_trained_on(scenes: Sequence[Scene], record: ModelRecord, *, warp: bool) -> list[Scene]:
    """Return scenes with the sources that a model was trained on and, if requested, at its resolution."""
    found = [of_model(scene, record) for scene in scenes]
    return [warped_to(scene, record) for scene in found] if warp else found


def _seed_of(config: PredictConfig, ensemble: Ensemble, checkpoints: Sequence[Path]) -> int | None:
    """Return the seed of the model, or that of the settings where several are mapped with."""
    alone = len(ensemble) == 1 and config.members != "others"
    seed = ensemble.record.seed if alone else config.seed
    if config.seed is not None and config.seed != seed:
        raise LulcsegError(
            f"it was trained from seed {seed}, not {config.seed}", where=checkpoints[0],
            remedy="give the checkpoint of that seed",
        )  # fmt: skip
    return seed


def _joined_maps(folder: RunFolder, map_scenes: Callable[[], float | None], shares: Shares) -> float | None:
    """Join the maps of several processes, if that is this one's to do."""
    if not shares:
        return None
    with sole_writer(folder, "output"):
        found = map_scenes()
        _say_where(folder)
    return found


def _say_where(folder: RunFolder) -> None:
    print_line(f"Maps: {folder.maps}")
    print_line(f"Report: {write_report(folder.path)}")


def _display_of(
    config: PredictConfig, checkpoints: Sequence[Path], writer: RecordWriter, scenes: Sequence[Scene]
) -> AbstractContextManager[Display]:
    """Return the display of these maps, beside that of the model's run; maps of several models have none."""
    if config.show == "none" or len(checkpoints) > 1:
        return nullcontext(NOTHING)
    names = [scene.name for scene in scenes]
    detail = "_".join([*names, label_of(config.mosaic, config.at_prediction, ADAPTATIONS[config.adapt])])
    return reopen_display(
        RunFolder.of_checkpoint(checkpoints[0]),
        writer.folder,
        writer.record,
        request=dataclasses.asdict(config),
        scenes=names,
        detail=detail,
    )


def _missing(key: str) -> LulcsegError:
    return LulcsegError(f"{key} is missing", where="command line", remedy=f"write {key}=…")


def _loaded(config: PredictConfig, checkpoints: Sequence[Path]) -> Ensemble:
    """Load the models: checkpoints, or exported files."""
    devices = Devices(config.accelerator, config.devices, config.strategy)
    chosen = {
        "at_prediction": config.at_prediction is not None,
        "calibration": config.calibration not in {AUTO, NONE},
        "precision": config.precision not in {"auto", "32-true"},
        "mosaic.compile": config.mosaic.compile,
    }
    if exported := exported_models(checkpoints, devices, chosen):
        return Ensemble(exported, config.adapt, config.combine)
    members = []
    for path in checkpoints:
        task = SegmentationTask.load_from_checkpoint(
            path, at_prediction=config.at_prediction, trust_target=config.trust_target
        )
        calibration = find_calibration(path, config.calibration, task.record.to_legend().names)
        members.append(TrainedModel(task, path, config.precision, devices, calibration))
    return Ensemble(tuple(members), config.adapt, config.combine)


def _joined(folder: RunFolder, checkpoints: Sequence[Path], ensemble: Ensemble) -> RecordWriter:
    """Return the record that a prediction is added to, or a new one."""
    run = RunFolder.of_checkpoint(checkpoints[0])
    if run.has_record and folder == run:
        return RecordWriter.load(run)
    if folder.has_record:
        writer = RecordWriter.load(folder)
    else:
        start: dict[str, Any] = {"name": checkpoints[0].stem, "started": timestamp(), "checkpoint": str(checkpoints[0])}
        if len(checkpoints) > 1:
            start |= {"name": folder.path.name} | model_entries(checkpoints)
        start |= {"checkpoint_sha256": ensemble.checksums}
        writer = RecordWriter(folder, RunRecord.of(format=1, **start, state="mapped"))
    writer.update(environment=environment(), git=git_state())
    return writer
