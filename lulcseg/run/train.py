"""A training run: plan → train → map → assess → record → report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import path_of, sha256_of, target_of
from lulcseg.loggers.open_display import check_logger, open_display
from lulcseg.loggers.run_contents import facts_of, show_model, show_outcome, show_plan
from lulcseg.loggers.run_identity import identity_of
from lulcseg.mosaic.adaptation import check_adaptable
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_request import check_request
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.pictures.previews import put_previews
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.report.run.run_page import write_report
from lulcseg.run.custom_parts import check_parts, check_smallest_batch
from lulcseg.run.device_checks import check_device, check_split
from lulcseg.run.evaluate import MapRun
from lulcseg.run.fingerprint import train_fingerprint
from lulcseg.run.fit import fit
from lulcseg.run.model_setup import model_record, training_margin
from lulcseg.run.open_scenes import cache_folder, open_scenes, read_ahead
from lulcseg.run.planning import (
    RunPlan,
    adopt_plan_settings,
    count_plan,
    make_plan,
    one_class_notes,
    picture_plan,
    plan_entry,
    settle_epochs,
    weigh_classes,
)
from lulcseg.run.resume import begin_record, earlier_attempt, peaks_with, recording_outcome
from lulcseg.run.settled_computing import decide_computing, mapping_precision, with_computing
from lulcseg.run.unlabelled_scenes import check_unlabelled
from lulcseg.run_folder.creation import join_run_dir, new_run_dir
from lulcseg.run_folder.environment import environment, git_state
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.training.checkpoints import check_resumable
from lulcseg.training.monitor import monitor_of
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings


def train(config: TrainConfig, *, goes_on: bool = False, command: str | None = None) -> float | None:
    """Train on scenes, map and assess scenes, and write a run's folder.

    Args:
        config: The settings.
        goes_on: Whether to resume an earlier attempt in the run's folder.
        command: The command line, for the record; None: this process's.

    Returns:
        The run's score, for a sweeper to optimise: mean F1 of the first assessed scene's map at its reference points,
        0…1. None without one: no reference points, ``stop_after``, or a process other than the run's first.

    Raises:
        LulcsegError: Input that can't be used, before or while training. If no step was done, the run's folder is
            removed, unless it was there before.
    """
    cache = cache_folder(config.cache)
    check_device(config.trainer.accelerator)
    check_logger(config.logger)
    if config.ckpt_path is not None:
        check_resumable(path_of(config.ckpt_path, "ckpt_path"), TrainingSettings.of(config))
    trained, assessed, unlabelled = _scenes(config, cache)
    if not is_rank_zero():
        _help_train(config, trained, unlabelled, cache)
        return None
    fingerprint = train_fingerprint(config, trained, assessed, unlabelled)
    wanted = RunFolder(target_of(config.run_dir, "run_dir").resolve())
    planned = _with_margin(make_plan(config, trained), config, trained)
    plan = planned.plan
    config = settle_epochs(config, plan)
    earlier = earlier_attempt(wanted, fingerprint, config) if goes_on else None
    if config.stop_after != "plan":
        check_smallest_batch(config, check_split(config, plan), trained[0].bands, len(trained[0].legend.names))
        monitor_of(config.trainer, validates=plan.validates)
    counts = count_plan(plan, trained)
    planned = dataclasses.replace(planned, notes=[*planned.notes, *one_class_notes(counts)])
    class_weights = None if config.stop_after == "plan" else weigh_classes(config.loss, plan, trained, counts)
    found = None
    with new_run_dir(config.run_dir, again=earlier is not None) as folder:
        start = {} if earlier is None else earlier.taken_over(plan.digest())
        seen = [scene.name for scene in unlabelled if config.uses_unlabelled]
        start |= {"name": config.name, "seed": config.seed, "unlabelled_scenes": seen}
        start["computing"] = start.get("computing") or decide_computing(config, trained[0].bands)
        writer = begin_record(folder, config, start, fingerprint, command)
        _start(writer, trained, planned, counts, class_weights)
        with recording_outcome(writer, "finished"):
            _picture(writer, trained, plan)
            if config.stop_after != "plan":
                found = _train_and_map(writer, config, trained, assessed, plan, unlabelled=unlabelled, cache=cache)
        if config.stop_after == "plan":
            print_line(f"Plan of {len(plan)} patches: {folder.plan}")
        else:
            print_line(f"Report: {write_report(folder.path)}")
    return found


def _with_margin(planned: RunPlan, config: TrainConfig, scenes: Sequence[Scene]) -> RunPlan:
    """Record in a plan how many pixels are read around its training patches, which training sees too.

    Raises:
        LulcsegError: They may reach into ground that the plan holds out.
    """
    margin = training_margin(config, model_record(config, scenes))
    plan = dataclasses.replace(planned.plan, meta=planned.plan.meta | {"margin": margin})
    return dataclasses.replace(planned, plan=plan)


def _help_train(config: TrainConfig, scenes: Sequence[Scene], unlabelled: Sequence[Scene], cache: Path) -> None:
    """Train alongside the run's first process, with the plan and the counts that it wrote."""
    if config.stop_after == "plan":
        return
    folder = join_run_dir(config.run_dir)
    plan = Plan.load(folder.plan)
    adopt_plan_settings(config, plan)
    config = settle_epochs(config, plan)
    record = RunRecord.load(folder)
    start = _resumed_from(folder, record)
    fit(
        with_computing(config, record.computing), scenes, plan, folder.path, unlabelled=unlabelled,
        prior_shift=record.prior_shift, class_shares=record.class_shares, class_weights=record.class_weights,
        cache=cache, goes_on_from=start,
    )  # fmt: skip


def _resumed_from(folder: RunFolder, record: RunRecord) -> Path | None:
    """Return the checkpoint of an earlier attempt that training resumes from, if any."""
    return None if record.goes_on_from is None else folder.path / record.goes_on_from


def _train_and_map(
    writer: RecordWriter,
    config: TrainConfig,
    trained: Sequence[Scene],
    assessed: Sequence[Scene],
    plan: Plan,
    *,
    unlabelled: Sequence[Scene],
    cache: Path,
) -> float | None:
    """Train, unless an earlier attempt has; map and assess; display all of it. Return the run's score."""
    settings = dataclasses.asdict(config)
    identity = identity_of(settings, [scene.name for scene in trained])
    folder, found = writer.folder, None
    content = settings | facts_of(writer.record, identity)
    with open_display(config.logger, identity, content, folder.path) as display:
        writer.update(shown=dict(display.address) or None)
        show_plan(display, folder, writer.record)
        if (weights := model_record(config, trained).weights) is not None:
            writer.update(encoder_weights=dataclasses.asdict(weights))
        if writer.record.checkpoint is None:
            read = [*trained, *unlabelled]
            before = [scene.imagery.state() for scene in read]
            fitted = fit(
                with_computing(config, writer.record.computing), trained, plan, folder.path, unlabelled=unlabelled,
                prior_shift=writer.record.prior_shift, class_shares=writer.record.class_shares,
                class_weights=writer.record.class_weights, cache=cache, display=display,
                goes_on_from=_resumed_from(folder, writer.record),
            )  # fmt: skip
            _check_unchanged(read, before)
            best = folder.relative(fitted.best)
            writer.update(
                checkpoint=best, checkpoint_sha256=sha256_of(fitted.best), selection=fitted.selection, **fitted.took,
                steps=fitted.steps, dropped_patches=fitted.dropped_patches,
            )  # fmt: skip
            print_line(fitted.selection.sentence)
        best_path = folder.path / str(writer.record.checkpoint)
        if config.stop_after != "training":
            task = SegmentationTask.load_from_checkpoint(best_path, trust_target=config.model.target is not None)
            # on one device: the others' processes have ended with the training
            precision = mapping_precision(config, writer.record.computing)
            model = TrainedModel(task, best_path, precision, Devices(config.trainer.accelerator))
            pictured = [scene.name for scene in trained]
            found = MapRun(writer, Ensemble((model,), adapt=config.adapt), [plan], display, pictured).run(
                assessed, config.mosaic, config.assess
            )
        show_outcome(display, writer.record.updated(**peaks_with(writer.record)))
        show_model(display, identity.model, config.seed, folder, best_path)
    return found


def _check_unchanged(scenes: Sequence[Scene], before: Sequence[Mapping[str, Any]]) -> None:
    """Check that scenes' imagery is as it was when training began.

    Raises:
        LulcsegError: It isn't: some patches were of other imagery than the run's record says.
    """
    for scene, state in zip(scenes, before, strict=True):
        if scene.imagery.state() != state:
            raise LulcsegError("the imagery changed during training", where=scene.file.path, remedy="train again")


def _scenes(config: TrainConfig, cache: Path) -> tuple[list[Scene], list[Scene], list[Scene]]:
    """Open a run's scenes (trained on, assessed, unlabelled), and check that they fit together."""
    names = config.training_scenes
    if not names:
        raise LulcsegError("no scene to train on", where="scene", remedy="write scene=<name or path>")
    assess_names = config.scenes.assess or names
    requested = dict.fromkeys([*names, *assess_names, *config.scenes.unlabelled])
    by_request = dict(zip(requested, open_scenes(list(requested), cache, config.scenes.sources), strict=True))
    trained = [by_request[n] for n in dict.fromkeys(names)]
    for scene in trained:
        if scene.labels is None:
            raise LulcsegError("it has no labels to train on", where=scene.file.path, remedy="add labels:")
        scene.polygons()
    assessed = [by_request[n] for n in dict.fromkeys(assess_names)]
    unlabelled = [by_request[n] for n in dict.fromkeys(config.scenes.unlabelled)]
    model = model_record(config, trained)
    training_margin(config, model)
    check_parts(config, model.bands, model.to_legend().names)
    if model.weights is not None and is_rank_zero():
        print_line(model.weights.describe())
    read_ahead(trained, model)
    read_ahead([scene for scene in assessed if scene not in trained], model, config.mosaic.scale)
    check_unlabelled(config, trained, unlabelled, model)
    for scene in assessed:
        check_request(scene, config.mosaic)
        if config.adapt != "none" and scene not in trained:
            check_adaptable(scene, config.adapt, [(config.sampling.patch_size, config.seed)])
    return trained, assessed, unlabelled


def _start(
    writer: RecordWriter,
    scenes: Sequence[Scene],
    planned: RunPlan,
    counts: Mapping[str, Any],
    class_weights: Mapping[str, float] | None,
) -> None:
    """Write what is known before training: plan, class weights, environment; and print the plan's notes and weights."""
    plan = planned.plan
    plan.save(writer.folder.plan, counts)
    writer.update(
        state="running",
        train_scenes=[scene.name for scene in scenes],
        notes={scene.name: scene.notes for scene in scenes if scene.notes},
        environment=environment(),
        git=git_state(),
        plan=plan_entry(plan, counts, planned.notes),
        class_weights=class_weights,
    )
    for note in planned.notes:
        print_line(note)
    if class_weights is not None:
        print_line("Class weights: " + ", ".join(f"{name} {weight:.4g}" for name, weight in class_weights.items()))


def _picture(writer: RecordWriter, scenes: Sequence[Scene], plan: Plan) -> None:
    """Draw the plan over each scene's imagery."""
    folder = writer.folder
    for scene in scenes:
        entry = put_previews(scene, folder.path)
        writer.put_scene(scene.name, entry)
        preview = folder.path / str(entry.imagery_preview)
        picture_plan(plan, scene, preview, folder.plan_picture(None if len(scenes) == 1 else scene.name))
