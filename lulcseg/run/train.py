"""A training run: plan → train → map → assess → record → report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.loggers.contents import facts_of, show_model, show_outcome, show_plan
from lulcseg.loggers.identity import identity_of
from lulcseg.loggers.opening import check_logger, open_display
from lulcseg.mosaic.map_request import TrainedModel, check_request
from lulcseg.mosaic.ranks import Devices
from lulcseg.pictures.previews import put_previews
from lulcseg.processes import is_lead, say
from lulcseg.report.run.run_page import write_report
from lulcseg.run.custom_parts import check_parts
from lulcseg.run.device_checks import check_device, check_split
from lulcseg.run.evaluate import MapRun
from lulcseg.run.fingerprint import train_fingerprint
from lulcseg.run.fit import fit
from lulcseg.run.model_setup import model_record, training_margin
from lulcseg.run.open_scenes import cache_folder, open_scenes, read_ahead
from lulcseg.run.planning import (
    Planned,
    adopt_plan_settings,
    count_plan,
    make_plan,
    picture_plan,
    plan_entry,
    prior_shift_of,
    settle_epochs,
)
from lulcseg.run.resume import begin_record, earlier_attempt, recording_outcome
from lulcseg.run_folder.joining import join_run_dir, new_run_dir
from lulcseg.run_folder.record import RunRecord, environment, git_state
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.settings.programs import TrainConfig
from lulcseg.training.checkpoints import check_resumable
from lulcseg.training.resources import larger_peaks, peak_memory
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings


def train(config: TrainConfig, *, goes_on: bool = False, command: str | None = None) -> float | None:
    """Train on scenes, map and assess scenes, and leave a run directory.

    Args:
        config: The settings.
        goes_on: Whether an earlier attempt that the run directory holds is gone on from.
        command: The command line, for the record; None: this process's.

    Raises:
        LulcsegError: Input that can't be used; nothing has been written then, but by a checkpoint to go
            on from that turns out to be of another model or plan (the record says ``failed``).
    """
    cache = cache_folder(config.cache)
    check_device(config.trainer.accelerator)
    check_logger(config.logger)
    if config.ckpt_path is not None:
        check_resumable(Path(config.ckpt_path), TrainingSettings.of(config))
    trained, assessed = _scenes(config, cache)
    if not is_lead():
        _help_train(config, trained, cache)
        return None
    fingerprint = train_fingerprint(config, trained, assessed)
    wanted = Path(config.run_dir).expanduser().resolve()
    planned = _with_margin(make_plan(config, trained), config, trained)
    plan = planned.plan
    config = settle_epochs(config, plan)
    earlier = earlier_attempt(wanted, fingerprint, config) if goes_on else None
    if config.stop_after != "plan":
        check_split(config, plan)
    counts = count_plan(plan, trained)
    run_dir = new_run_dir(config.run_dir, again=earlier is not None)
    start = {} if earlier is None else earlier.taken_over(plan.digest())
    record = begin_record(run_dir, config, {"name": config.name, "seed": config.seed} | start, fingerprint, command)
    _start(record, trained, planned, counts)
    with recording_outcome(record, "finished"):
        _picture(record, trained, plan)
        if config.stop_after != "plan":
            _train_and_map(record, config, trained, assessed, plan, cache=cache)
    if config.stop_after == "plan":
        say(f"Plan of {len(plan)} patches: {run_dir / 'plan.gpkg'}")
    else:
        say(f"Report: {write_report(run_dir)}")
    return None


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
    adopt_plan_settings(config, plan)
    config = settle_epochs(config, plan)
    record = RunRecord.load(run_dir)
    fit(
        config, scenes, plan, run_dir, prior_shift=prior_shift_of(record.content["plan"]), cache=cache,
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
    with open_display(config.logger, identity, settings | facts_of(record.content, identity), run_dir) as display:
        record.update(open_display=dict(display.address) or None)
        show_plan(display, run_dir, record.content)
        if "checkpoint" not in record.content:
            fitted = fit(
                config, trained, plan, run_dir, prior_shift=prior_shift_of(record.content["plan"]), cache=cache,
                display=display, goes_on_from=record.goes_on_from,
            )  # fmt: skip
            best = str(fitted.best.relative_to(run_dir))
            record.update(checkpoint=best, **fitted.took, steps=fitted.steps, dropped_patches=fitted.dropped_patches)
        if config.stop_after != "training":
            best_path = run_dir / record.content["checkpoint"]
            task = SegmentationTask.load_from_checkpoint(best_path, trust_target=config.model.target is not None)
            # on one device: the others' processes have ended with the training
            model = TrainedModel(task, best_path, config.trainer.precision, Devices(config.trainer.accelerator))
            pictured = [scene.name for scene in trained]
            MapRun(record, model, plan, display, pictured).run(assessed, config.mosaic, config.assess)
        show_outcome(display, record.content | larger_peaks(peak_memory(), record.content))
        show_model(display, identity.model, config.seed, run_dir, record.content)


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
    check_parts(config, model.bands, len(model.legend))
    read_ahead([*trained, *assessed], model)
    for scene in assessed:
        check_request(scene, config.mosaic)
    return trained, assessed


def _start(record: RunRecord, scenes: Sequence[Scene], planned: Planned, counts: Mapping[str, Any]) -> None:
    """Write what is known before training: plan, environment; and say what was noted of the plan."""
    run_dir, plan = record.run_dir, planned.plan
    plan.save(run_dir / "plan.gpkg", counts)
    record.update(
        state="running",
        train_scenes=[scene.name for scene in scenes],
        notes={scene.name: scene.notes for scene in scenes if scene.notes},
        environment=environment(),
        git=git_state(),
        plan=plan_entry(plan, counts, planned.notes),
    )
    for note in planned.notes:
        say(note)


def _picture(record: RunRecord, scenes: Sequence[Scene], plan: Plan) -> None:
    """Picture the plan over each scene's imagery."""
    for scene in scenes:
        entry = put_previews(scene, record.run_dir)
        record.put_scene(scene.name, entry)
        name = "plan.png" if len(scenes) == 1 else f"plan_{scene.name}.png"
        picture_plan(plan, scene, record.run_dir / entry["imagery_preview"], record.run_dir / name)
