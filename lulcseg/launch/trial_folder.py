"""The layout of a trial: ``<trial>/<value>/seed<k>/`` and ``<trial>/trial.json``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, target_of, write_json
from lulcseg.locks import exclusive
from lulcseg.run_folder.folder import RunFolder, TrialFolder
from lulcseg.run_folder.record_parts import plain_level
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.settings.trial import ContrastSettings

Settings = TrainConfig | PredictConfig


def folder_of(settings: Settings) -> RunFolder:
    """Return the folder that a run's settings name.

    Raises:
        LulcsegError: A prediction without a folder of its own.
    """
    setting = settings.run_dir if isinstance(settings, TrainConfig) else settings.output
    if setting is None:
        raise LulcsegError("a trial's run needs a folder of its own", where="output", remedy="set output=…")
    return RunFolder(target_of(setting, "run_dir or output").resolve())


def in_subfolder(settings: Settings, name: str) -> Settings:
    """Return settings whose run has a subfolder of the folder that they name."""
    folder = str(folder_of(settings).path / name)
    if isinstance(settings, TrainConfig):
        return replace(settings, run_dir=folder)
    return replace(settings, output=folder)


def check_layout(runs: Sequence[Settings]) -> Path:
    """Check that the runs of a sweep are laid out as one trial, each in its own folder.

    Returns:
        The trial's folder.

    Raises:
        LulcsegError: They are not.
    """
    remedy = "leave run_dir, output and name to the file of sweeps/"
    folders = [folder_of(settings) for settings in runs]
    for settings, folder in zip(runs, folders, strict=True):
        trial = TrialFolder.of_run(folder)
        expected = trial.run(str(settings.trial.value), int(settings.seed or 0))
        if folder != expected:
            place = expected.path.relative_to(trial.path).as_posix()
            raise LulcsegError(f"a run of this trial belongs in …/{place}", where=folder.path, remedy=remedy)
    if len(set(folders)) < len(folders):
        twice = next(folder for folder in folders if folders.count(folder) > 1)
        raise LulcsegError("two runs of the sweep would share it", where=twice.path, remedy=remedy)
    roots = {TrialFolder.of_run(folder).path for folder in folders}
    if len(roots) > 1:
        raise LulcsegError(
            f"the sweep's runs lie in {len(roots)} trials", where=min(roots), remedy="give all of them one trial.name"
        )
    return roots.pop()


def write_trial(folder: Path, runs: Sequence[Settings]) -> None:
    """Write ``trial.json``, keeping values and seeds of earlier sweeps of the same trial.

    Args:
        folder: The trial's folder.
        runs: Settings of the sweep's runs, in order.

    Raises:
        LulcsegError: The folder holds another trial, or can't be written to.
    """
    trial, paths = runs[0].trial, TrialFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(paths.description_lock):
        earlier = read_json(paths.description) or {}
        if earlier.get("name", trial.name) != trial.name:
            raise LulcsegError(f"it holds trial '{earlier['name']}'", where=folder, remedy="choose another trial.name")
        levels = {value["name"]: value["level"] for value in earlier.get("values", [])}
        levels |= {str(settings.trial.value): settings.trial.level for settings in runs}
        seeds = dict.fromkeys([*earlier.get("seeds", []), *(settings.seed for settings in runs)])
        content = {
            "format": 1,
            "name": trial.name,
            "title": trial.title or trial.name,
            "description": trial.description,
            "factor": trial.factor,
            "values": [{"name": name, "level": plain_level(level)} for name, level in levels.items()],
            "seeds": sorted(seeds),
            "contrast": _contrast(trial.contrast, levels),
        }
        if content != earlier:
            write_json(paths.description, content)


def _contrast(contrast: ContrastSettings, known: Collection[str]) -> dict[str, Any]:
    """Return the contrast, restricted to the values that the trial has so far."""
    values = [name for name in contrast.values if name in known]
    if contrast.values and len(values) < 2:
        return {"kind": None, "values": None}
    metric = {} if contrast.metric == "kappa" else {"metric": contrast.metric}
    return {"kind": contrast.kind, "values": values or None, **metric}
