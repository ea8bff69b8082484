"""A prediction: map scenes with a trained model → assess → record → report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.opening import reopen_display
from lulcseg.mosaic.map_request import TrainedModel, check_request
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.ranks import Devices
from lulcseg.processes import is_lead, say
from lulcseg.report.run.run_page import write_report
from lulcseg.run.device_checks import check_device
from lulcseg.run.evaluate import MapRun, label_of
from lulcseg.run.fingerprint import predict_fingerprint
from lulcseg.run.open_scenes import cache_folder, open_scenes, read_ahead, warped_to
from lulcseg.run.resume import begin_record, earlier_attempt, model_entries, recording_outcome, training_plan
from lulcseg.run_folder.joining import new_run_dir
from lulcseg.run_folder.record import RECORD_NAME as RECORD
from lulcseg.run_folder.record import RunRecord, environment, git_state, timestamp
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.settings.programs import PredictConfig
from lulcseg.training.task import SegmentationTask


def predict(config: PredictConfig, *, goes_on: bool = False, command: str | None = None) -> float | None:
    """Map a scene with a trained model and assess the map.

    Without ``output`` the map joins the checkpoint's run, and the run's report is made anew.

    Args:
        config: The settings.
        goes_on: Whether an earlier attempt that the folder of a trial's run holds is gone on from.
        command: The command line, for the record; None: this process's.

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
    model = TrainedModel(task, checkpoint, config.precision, devices)
    scenes = open_scenes(names, cache_folder(config.cache))
    fingerprint = predict_fingerprint(config, scenes) if config.trial.name is not None and is_lead() else None
    if config.warp:
        scenes = [warped_to(scene, task.record) for scene in scenes]
    read_ahead(scenes, task.record)
    devices.trainer()
    for scene in scenes:
        check_request(scene, config.mosaic)
    folder = _destination(config, checkpoint)
    if not is_lead():
        for scene in scenes:
            label = label_of(config.mosaic, config.at_prediction)
            map_scene(model, scene, config.mosaic, folder / "maps" / f"{scene.name}_{label}.tif", label=label)
        return None

    def mapped(record: RunRecord, plan: Plan | None) -> None:
        with _shown_later(config, checkpoint, record, scenes) as display:
            mapping = MapRun(record, model, plan, display, variant=config.at_prediction)
            mapping.run(scenes, config.mosaic, config.assess)

    if fingerprint is None:
        mapped(*_joined(folder, checkpoint))
    else:
        earlier = earlier_attempt(folder, fingerprint, config) if goes_on else None
        new_run_dir(str(folder), again=earlier is not None)
        start = {} if earlier is None else earlier.taken_over(None)
        start |= {"name": config.trial.value, "seed": task.record.seed} | model_entries(checkpoint)
        record = begin_record(folder, config, start, fingerprint, command)
        record.update(state="running", environment=environment(), git=git_state())
        with recording_outcome(record, "mapped"):
            mapped(record, training_plan(checkpoint))
    say(f"Maps: {folder / 'maps'}")
    say(f"Report: {write_report(folder)}")
    return None


def _shown_later(
    config: PredictConfig, checkpoint: Path, record: RunRecord, scenes: Sequence[Scene]
) -> AbstractContextManager[Display]:
    """Return what shows later maps."""
    if config.show == "none":
        return nullcontext(NOTHING)
    names = [scene.name for scene in scenes]
    detail = "_".join([*names, label_of(config.mosaic, config.at_prediction)])
    return reopen_display(
        checkpoint.parent.parent,
        record.run_dir,
        record.content,
        request=dataclasses.asdict(config),
        scenes=names,
        detail=detail,
    )


def _missing(key: str) -> LulcsegError:
    return LulcsegError(f"{key} is missing", where="command line", remedy=f"write {key}=…")


def _destination(config: PredictConfig, checkpoint: Path) -> Path:
    """Return where predictions go: the checkpoint's run, or the folder asked for."""
    run = checkpoint.parent.parent
    if config.output is None and (run / RECORD).is_file():
        return run
    return make_folder(Path(config.output or "predictions").expanduser().resolve(), "output")


def _joined(folder: Path, checkpoint: Path) -> tuple[RunRecord, Plan | None]:
    """Return the record that a prediction joins, or a new one; and the plan that its model was trained by."""
    run = checkpoint.parent.parent
    own = (run / RECORD).is_file()
    plan = training_plan(checkpoint)
    if own and folder == run:
        return RunRecord.load(run), plan
    start = {
        "format": 1,
        "name": checkpoint.stem,
        "started": timestamp(),
        "checkpoint": str(checkpoint),
        "state": "mapped",
    }
    record = RunRecord.load(folder) if (folder / RECORD).is_file() else RunRecord(folder, start)
    record.update(environment=environment(), git=git_state())
    return record, plan
