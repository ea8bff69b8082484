"""How a run computes: decided once, when it begins, and kept over interruptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from lulcseg.files import path_of
from lulcseg.processes import print_line
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.config import TrainConfig
from lulcseg.training.kept_speed import kept_measurement
from lulcseg.training.measured_speed import Work
from lulcseg.training.precision import (
    AUTO,
    BY_CHECKPOINT,
    BY_MEASUREMENT,
    BY_SETTINGS,
    ChosenComputing,
    choose_computing,
)

TRAINING, MAPPING = "training", "mapping"
_OPEN = {"precision": AUTO, "channels_last": None, "threads": 0}
"""Values that leave a setting to be decided."""


def decide_computing(config: TrainConfig, bands: int) -> dict[str, dict[str, Any]]:
    """Return how a run will train and map, as plain Python for its record.

    A training that goes on from another run's checkpoint (``ckpt_path``) leaves open settings as that run had them.

    Args:
        config: Its settings.
        bands: Bands of its imagery.
    """
    settings, patch = config.trainer, config.sampling.patch_size
    if config.stop_after == "plan":
        return {}
    work, device = Work(config.model, bands, patch), settings.accelerator
    before = {key: value for key, value in _of_checkpoint(config).items() if getattr(settings, key) == _OPEN[key]}
    asked = replace(settings, **before)
    chosen = choose_computing(asked.precision, device, work, channels_last=asked.channels_last, threads=asked.threads)
    if before and chosen.decided_by == BY_SETTINGS:
        chosen = replace(chosen, decided_by=BY_CHECKPOINT)
    found = {TRAINING: chosen}
    _say(chosen, work)
    if config.stop_after != "training":
        maps = replace(work, training=False)
        found[MAPPING] = choose_computing(settings.precision, device, maps)
    return {name: asdict(chosen) for name, chosen in found.items()}


def with_computing(config: TrainConfig, computing: Mapping[str, Mapping[str, Any]] | None) -> TrainConfig:
    """Return a run's settings with what was decided in the place of ``auto``.

    Args:
        config: Its settings.
        computing: Of its record; None: of a version that decided nothing.
    """
    if not computing:
        return config
    chosen = {key: computing[TRAINING][key] for key in ("precision", "channels_last", "threads")}
    return replace(config, trainer=replace(config.trainer, **chosen))


def mapping_precision(config: TrainConfig, computing: Mapping[str, Mapping[str, Any]] | None) -> str:
    """Return the number format that a run maps in."""
    decided = (computing or {}).get(MAPPING)
    return config.trainer.precision if decided is None else str(decided["precision"])


def _of_checkpoint(config: TrainConfig) -> dict[str, Any]:
    """Return how the run of the checkpoint that training goes on from was computed; empty if that isn't known."""
    if config.ckpt_path is None:
        return {}
    run = RunFolder.of_checkpoint(path_of(config.ckpt_path, "ckpt_path"))
    record = RunRecord.read(run)
    known = (record.computing if record else None) or {}
    return {key: known[TRAINING][key] for key in _OPEN if key in known.get(TRAINING, {})}


def _say(chosen: ChosenComputing, work: Work) -> None:
    """Say what a measurement decided, as it changes results in their last digits."""
    if chosen.decided_by != BY_MEASUREMENT:
        return
    kept = kept_measurement(work)
    layout = "channels-last" if chosen.channels_last else "contiguous"
    threads = "" if chosen.threads is None else f", threads: {chosen.threads}"
    place = "" if kept is None else f" ({kept.path})"
    print_line(f"Computing in {chosen.precision}, {layout}{threads}, as was measured to be fastest here{place}")
