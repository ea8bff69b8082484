"""One run: plan → train → map → assess → record → report."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lulcseg.attempt import begin, closing, earlier_attempt, of_model, plan_of
from lulcseg.config import PredictConfig, TrainConfig
from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder
from lulcseg.fitting import check_dealing, check_device, fit, model_record, training_margin
from lulcseg.loggers.contents import facts_of, show_model, show_outcome, show_plan
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.identity import identity_of
from lulcseg.loggers.opening import check_logger, shown, shown_as_trained
from lulcseg.mapping import map_scene
from lulcseg.maprun import MapRun, label_of
from lulcseg.mosaic.ranks import Devices
from lulcseg.planning import Planned, adopt, count_plan, make_plan, picture_plan, shift_of
from lulcseg.processes import is_lead
from lulcseg.record import NAME as RECORD
from lulcseg.record import RunRecord, environment, git_state, now, plan_entry
from lulcseg.report.page import write_report
from lulcseg.report.previews import write_previews
from lulcseg.request import Model, check_request
from lulcseg.rundir import join_run_dir, new_run_dir
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene, default_cache
from lulcseg.scenes import check_fits, open_scenes, warped_to
from lulcseg.training.checkpoints import check_resumable
from lulcseg.training.record import ModelRecord
from lulcseg.training.task import SegmentationTask
from lulcseg.trials.fingerprint import predict_fingerprint, train_fingerprint
from lulcseg.usage import larger, peak_memory

_ROOT = Path(__file__).resolve().parent.parent


def train(config: TrainConfig, *, goes_on: bool = False, command: str | None = None) -> None:
    """Train on scenes, map and assess scenes, and leave a run directory.

    Args:
        config: The settings.
        goes_on: Whether an earlier attempt that the run directory holds is gone on from.
        command: The command line, for the record; None: this process's.

    Raises:
        LulcsegError: Input that can't be used; nothing has been written then, but by a checkpoint to go
            on from that turns out to be of another model or plan (the record says ``failed``).
    """
    cache = _cache(config.cache)
    check_device(config.trainer.accelerator)
    check_logger(config.logger)
    if config.ckpt_path is not None:
        check_resumable(Path(config.ckpt_path), dataclasses.asdict(config))
    trained, assessed = _scenes(config, cache)
    if not is_lead():
        _help_train(config, trained, cache)
        return
    fingerprint = train_fingerprint(config, trained, assessed)
    wanted = Path(config.run_dir).expanduser().resolve()
    earlier = earlier_attempt(wanted, fingerprint, config) if goes_on else None
    planned = _with_margin(make_plan(config, trained), config, trained)
    plan = planned.plan
    if config.stop_after != "plan":
        check_dealing(config, plan)
    counts = count_plan(plan, trained)
    run_dir = new_run_dir(config.run_dir, again=earlier is not None)
    start = {} if earlier is None else earlier.taken_over(plan.digest())
    record = begin(run_dir, config, {"name": config.name, "seed": config.seed} | start, fingerprint, command)
    _start(record, trained, planned, counts)
    with closing(record, "finished"):
        _picture(record, trained, plan)
        if config.stop_after != "plan":
            _train_and_map(record, config, trained, assessed, plan, cache=cache)
    if config.stop_after == "plan":
        _say(f"Plan of {len(plan)} patches: {run_dir / 'plan.gpkg'}")
    else:
        _say(f"Report: {write_report(run_dir)}")


def _with_margin(planned: Planned, config: TrainConfig, scenes: Sequence[Scene]) -> Planned:
    """Note in a plan how many pixels will be read around its training patches: ground seen in training too.

    Raises:
        LulcsegError: They may reach into ground that the plan, perhaps one handed in, holds out.
    """
    margin = training_margin(config, model_record(config, scenes))
    plan = dataclasses.replace(planned.plan, meta=planned.plan.meta | {"margin": margin})
    return dataclasses.replace(planned, plan=plan)


def _help_train(config: TrainConfig, scenes: Sequence[Scene], cache: Path) -> None:
    """Train beside the run's first process, by the plan and the counts that it wrote."""
    if config.stop_after == "plan":
        return
    run_dir = join_run_dir(config.run_dir)
    plan = Plan.load(run_dir / "plan.gpkg")
    adopt(config, plan)
    record = RunRecord.load(run_dir)
    fit(
        config, scenes, plan, run_dir, prior_shift=shift_of(record.content["plan"]), cache=cache,
        goes_on_from=record.goes_on_from,
    )  # fmt: skip


def _train_and_map(
    record: RunRecord,
    config: TrainConfig,
    trained: Sequence[Scene],
    assessed: Sequence[Scene],
    plan: Plan,
    *,
    cache: Path,
) -> None:
    """Train, unless an earlier attempt has; map and assess; show it where that is wished."""
    settings = dataclasses.asdict(config)
    identity = identity_of(settings, [scene.name for scene in trained])
    run_dir = record.run_dir
    with shown(config.logger, identity, settings | facts_of(record.content, identity), run_dir) as display:
        record.update(shown=dict(display.address) or None)
        show_plan(display, run_dir, record.content)
        if "checkpoint" not in record.content:
            fitted = fit(
                config, trained, plan, run_dir, prior_shift=shift_of(record.content["plan"]), cache=cache,
                display=display, goes_on_from=record.goes_on_from,
            )  # fmt: skip
            best = str(fitted.best.relative_to(run_dir))
            record.update(checkpoint=best, **fitted.took, steps=fitted.steps, dropped_patches=fitted.dropped_patches)
        if config.stop_after != "training":
            best_path = run_dir / record.content["checkpoint"]
            task = SegmentationTask.from_checkpoint(best_path)
            # on one device: the others' processes have ended with the training
            model = Model(task, best_path, config.trainer.precision, Devices(config.trainer.accelerator))
            pictured = [scene.name for scene in trained]
            MapRun(record, model, plan, display, pictured).run(assessed, config.mosaic, config.assess)
        show_outcome(display, record.content | larger(peak_memory(), record.content))
        show_model(display, identity.model, config.seed, run_dir, record.content)


def predict(config: PredictConfig, *, goes_on: bool = False, command: str | None = None) -> None:
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
    task = SegmentationTask.from_checkpoint(checkpoint, at_prediction=config.at_prediction)
    if config.scene is None:
        raise _missing("scene")
    if config.seed is not None and config.seed != task.record.seed:
        raise LulcsegError(
            f"it was trained from seed {task.record.seed}, not {config.seed}", where=checkpoint,
            remedy="give the checkpoint of that seed",
        )  # fmt: skip
    devices = Devices(config.accelerator, config.devices, config.strategy)
    model = Model(task, checkpoint, config.precision, devices)
    scenes = open_scenes([config.scene], _cache(config.cache))
    fingerprint = predict_fingerprint(config, scenes) if config.trial.name is not None and is_lead() else None
    if config.warp:
        scenes = [warped_to(scene, task.record) for scene in scenes]
    _check_mappable(scenes, task.record)
    devices.trainer()
    for scene in scenes:
        check_request(scene, config.mosaic)
    folder = _destination(config, checkpoint)
    if not is_lead():
        for scene in scenes:
            label = label_of(config.mosaic, config.at_prediction)
            map_scene(model, scene, config.mosaic, folder / "maps" / f"{scene.name}_{label}.tif", label=label)
        return

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
        start |= {"name": config.trial.value, "seed": task.record.seed} | of_model(checkpoint)
        record = begin(folder, config, start, fingerprint, command)
        record.update(state="running", environment=environment(), git=git_state(_ROOT))
        with closing(record, "mapped"):
            mapped(record, plan_of(checkpoint))
    _say(f"Maps: {folder / 'maps'}")
    _say(f"Report: {write_report(folder)}")


def _shown_later(
    config: PredictConfig, checkpoint: Path, record: RunRecord, scenes: Sequence[Scene]
) -> AbstractContextManager[Display]:
    """Return what shows later maps."""
    if config.logger == "none":
        return nullcontext(NOTHING)
    names = [scene.name for scene in scenes]
    detail = "_".join([*names, label_of(config.mosaic, config.at_prediction)])
    return shown_as_trained(
        checkpoint.parent.parent,
        record.run_dir,
        record.content,
        request=dataclasses.asdict(config),
        scenes=names,
        detail=detail,
    )


def _missing(key: str) -> LulcsegError:
    return LulcsegError(f"{key} is missing", where="command line", remedy=f"write {key}=…")


def _scenes(config: TrainConfig, cache: Path) -> tuple[list[Scene], list[Scene]]:
    """Open the scenes of a run and see that they fit together."""
    names = config.scenes.train or ([config.scene] if config.scene else [])
    if not names:
        raise LulcsegError("no scene to train on", where="scene", remedy="write scene=<name or path>")
    assess_names = config.scenes.assess or names
    every = open_scenes([*names, *assess_names], cache)
    by_request = dict(zip(dict.fromkeys([*names, *assess_names]), every, strict=True))
    trained = [by_request[n] for n in dict.fromkeys(names)]
    for scene in trained:
        if scene.labels is None:
            raise LulcsegError("it has no labels to train on", where=scene.file.path, remedy="add labels:")
        scene.polygons()
    assessed = [by_request[n] for n in dict.fromkeys(assess_names)]
    model = model_record(config, trained)
    training_margin(config, model)
    _check_mappable([*trained, *assessed], model)
    for scene in assessed:
        check_request(scene, config.mosaic)
    return trained, assessed


def _check_mappable(scenes: Sequence[Scene], model: ModelRecord) -> None:
    """Read what will be needed later, so that bad input is told before anything is trained or written."""
    for scene in dict.fromkeys(scenes):  # a scene trained on is often assessed too
        check_fits(model, scene)
        scene.labels  # noqa: B018 (burns the polygons)
        scene.points  # noqa: B018
        for note in scene.notes:
            _say(f"{scene.name}: {note}")


def _start(record: RunRecord, scenes: Sequence[Scene], planned: Planned, counts: Mapping[str, Any]) -> None:
    """Write what is known before training: plan, environment; and say what was noted of the plan."""
    run_dir, plan = record.run_dir, planned.plan
    plan.save(run_dir / "plan.gpkg", counts)
    record.update(
        state="running",
        train_scenes=[scene.name for scene in scenes],
        notes={scene.name: scene.notes for scene in scenes if scene.notes},
        environment=environment(),
        git=git_state(_ROOT),
        plan=plan_entry(plan, counts, planned.notes),
    )
    for note in planned.notes:
        _say(note)


def _picture(record: RunRecord, scenes: Sequence[Scene], plan: Plan) -> None:
    """Picture the plan over each scene's imagery."""
    for scene in scenes:
        entry = write_previews(scene, record.run_dir / "previews")
        record.put_scene(scene.name, entry)
        name = "plan.png" if len(scenes) == 1 else f"plan_{scene.name}.png"
        picture_plan(plan, scene, record.run_dir / entry["imagery_preview"], record.run_dir / name)


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
    plan = plan_of(checkpoint)
    if own and folder == run:
        return RunRecord.load(run), plan
    start = {"format": 1, "name": checkpoint.stem, "started": now(), "checkpoint": str(checkpoint), "state": "mapped"}
    record = RunRecord.load(folder) if (folder / RECORD).is_file() else RunRecord(folder, start)
    record.update(environment=environment(), git=git_state(_ROOT))
    return record, plan


def _cache(setting: str | None) -> Path:
    return make_folder(Path(setting).expanduser().resolve() if setting else default_cache(), "cache")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
