"""A prediction: map scenes with a trained model → assess → record → report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.open_display import reopen_display
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.map_request import check_request
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.report.run.run_page import write_report
from lulcseg.run.device_checks import check_device
from lulcseg.run.evaluate import MapRun, label_of
from lulcseg.run.fingerprint import predict_fingerprint
from lulcseg.run.open_scenes import cache_folder, open_scenes, read_ahead, warped_to
from lulcseg.run.resume import begin_record, earlier_attempt, model_entries, recording_outcome, training_plan
from lulcseg.run_folder.creation import new_run_dir
from lulcseg.run_folder.environment import environment, git_state
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord, timestamp
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import PredictConfig
from lulcseg.training.calibration import find_calibration
from lulcseg.training.task import SegmentationTask


def predict(config: PredictConfig, *, goes_on: bool = False, command: str | None = None) -> float | None:
    """Map a scene with a trained model and assess the map.

    Without ``output`` the map is added to the checkpoint's run, and the run's report is regenerated.

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
    if config.checkpoint is None:
        raise _missing("checkpoint")
    check_device(config.accelerator)
    checkpoint = Path(config.checkpoint).expanduser().resolve()
    task = SegmentationTask.load_from_checkpoint(
        checkpoint, at_prediction=config.at_prediction, trust_target=config.trust_target
    )
    names = config.scenes.assess or ([config.scene] if config.scene else [])
    if not names:
        raise _missing("scene")
    if config.seed is not None and config.seed != task.record.seed:
        raise LulcsegError(
            f"it was trained from seed {task.record.seed}, not {config.seed}", where=checkpoint,
            remedy="give the checkpoint of that seed",
        )  # fmt: skip
    devices = Devices(config.accelerator, config.devices, config.strategy)
    calibration = find_calibration(checkpoint, config.calibration, task.record.to_legend().names)
    if calibration is not None and is_rank_zero():
        print_line(f"Probabilities are calibrated: {calibration.describe()}.")
    model = TrainedModel(task, checkpoint, config.precision, devices, calibration)
    scenes = open_scenes(names, cache_folder(config.cache))
    fingerprint = predict_fingerprint(config, scenes) if config.trial.name is not None and is_rank_zero() else None
    if config.warp:
        scenes = [warped_to(scene, task.record) for scene in scenes]
    read_ahead(scenes, task.record)
    devices.trainer()
    for scene in scenes:
        check_request(scene, config.mosaic)
    folder = _destination(config, checkpoint)
    if not is_rank_zero():
        for scene in scenes:
            label = label_of(config.mosaic, config.at_prediction)
            map_scene(model, scene, config.mosaic, folder.map_file(f"{scene.name}_{label}"), label=label)
        return None

    def map_scenes(writer: RecordWriter, plan: Plan | None) -> float | None:
        with _display_of(config, checkpoint, writer, scenes) as display:
            mapping = MapRun(writer, model, plan, display, variant=config.at_prediction)
            return mapping.run(scenes, config.mosaic, config.assess)

    if fingerprint is None:
        found = map_scenes(*_joined(folder, checkpoint))
    else:
        earlier = earlier_attempt(folder, fingerprint, config) if goes_on else None
        new_run_dir(str(folder.path), again=earlier is not None)
        start = {} if earlier is None else earlier.taken_over(None)
        start |= {"name": config.trial.value, "seed": task.record.seed} | model_entries(checkpoint)
        writer = begin_record(folder, config, start, fingerprint, command)
        writer.update(state="running", environment=environment(), git=git_state())
        with recording_outcome(writer, "mapped"):
            found = map_scenes(writer, training_plan(checkpoint))
    print_line(f"Maps: {folder.maps}")
    print_line(f"Report: {write_report(folder.path)}")
    return found


def _display_of(
    config: PredictConfig, checkpoint: Path, writer: RecordWriter, scenes: Sequence[Scene]
) -> AbstractContextManager[Display]:
    """Return the display of these maps, beside that of the model's run."""
    if config.show == "none":
        return nullcontext(NOTHING)
    names = [scene.name for scene in scenes]
    detail = "_".join([*names, label_of(config.mosaic, config.at_prediction)])
    return reopen_display(
        RunFolder.of_checkpoint(checkpoint),
        writer.folder,
        writer.record,
        request=dataclasses.asdict(config),
        scenes=names,
        detail=detail,
    )


def _missing(key: str) -> LulcsegError:
    return LulcsegError(f"{key} is missing", where="command line", remedy=f"write {key}=…")


def _destination(config: PredictConfig, checkpoint: Path) -> RunFolder:
    """Return the folder for the maps: the requested one, or that of the checkpoint's run."""
    run = RunFolder.of_checkpoint(checkpoint)
    if config.output is None and run.has_record:
        return run
    return RunFolder(make_folder(Path(config.output or "predictions").expanduser().resolve(), "output"))


def _joined(folder: RunFolder, checkpoint: Path) -> tuple[RecordWriter, Plan | None]:
    """Return the record that a prediction is added to, or a new one; and the plan that its model was trained on."""
    run = RunFolder.of_checkpoint(checkpoint)
    plan = training_plan(checkpoint)
    if run.has_record and folder == run:
        return RecordWriter.load(run), plan
    if folder.has_record:
        writer = RecordWriter.load(folder)
    else:
        started = RunRecord.of(
            format=1, name=checkpoint.stem, started=timestamp(), checkpoint=str(checkpoint), state="mapped"
        )
        writer = RecordWriter(folder, started)
    writer.update(environment=environment(), git=git_state())
    return writer, plan
