"""A file of ``sweeps/`` as a sweep of Weights & Biases, whose agents run the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.launch.command_line import groups, program_of
from lulcseg.launch.compose import compose
from lulcseg.launch.jobs import parameters_of, split_jobs
from lulcseg.scene.spec import find_scene
from lulcseg.settings.configuration_folders import SWEEPS
from lulcseg.settings.plain_yaml import read_yaml


def wandb_sweep(sweep: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Return the definition of a sweep: a grid.

    Each run that an agent starts is the trial's own, of one value and one seed, in the trial's folder.

    Args:
        sweep: The file's name, without ending.
        overrides: Settings that every run gets.

    Raises:
        LulcsegError: An unknown sweep, or overrides that can't be used.
    """
    known = groups()[SWEEPS]
    if sweep not in known:
        raise LulcsegError(f"there is no sweeps/{sweep}.yaml", where="sweep", remedy=did_you_mean(sweep, known))
    program = program_of(sweep)
    given = {override.split("=", 1)[0]: override for override in overrides}
    swept = {key: values for key, values in parameters_of(sweep).items() if key not in given}
    first = compose(program, split_jobs([f"+sweeps={sweep}", *overrides])[0])
    online = ["logger.offline=false"] if program == "train" and "logger" not in given else []
    return {
        "program": f"{program}.py",
        "name": first.trial.name,
        "description": first.trial.title,
        "method": "grid",
        "metric": {"name": _metric(first), "goal": "maximize"},
        "parameters": {key: {"values": _values(values)} for key, values in swept.items()},
        "command": [
            "${env}", "${interpreter}", "-m", "lulcseg", program, "-m", f"+sweeps={sweep}", *online, *overrides,
            "${args_no_hyphens}",
        ],
    }  # fmt: skip


def _values(written: str) -> list[str | int]:
    """Return the values of a sweeper's parameter, whole numbers as such."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(f"key={written}")
    values = list(override.sweep_string_iterator()) if override.is_sweep_override() else [written]
    return [int(value) if value.isdigit() else value for value in map(str, values)]


def _metric(settings: Any) -> str:
    """Return the name of the first map's kappa in the logger."""
    scenes = getattr(settings, "scenes", None)
    name = next(iter([*(scenes.assess or getattr(scenes, "train", []))] if scenes else []), settings.scene)
    if name is None:
        return "kappa"
    from lulcseg.mosaic.passes import plan_from

    label, _ = plan_from(settings.mosaic)
    return f"{_scene_name(name)}_{label}/kappa"


def _scene_name(scene: str) -> str:
    """Return a scene's own name without opening it."""
    path = find_scene(scene)
    content = read_yaml(path)
    if content.get("synthetic") is not None:
        return f"synthetic_{content['synthetic'].get('scene', '2018')}"
    return str(content.get("name") or path.stem)
