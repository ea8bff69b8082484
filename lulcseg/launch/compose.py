"""Composing a run's settings with Hydra, strictly: a misspelt key never runs the baseline.

Hydra adds ``+anything=…`` without a word. So every override is checked against the schema before
Hydra starts (under ``-m`` before the first job), and the composed configuration is filled into
the schema once more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.filling import fill
from lulcseg.settings.programs import PredictConfig, TrainConfig
from lulcseg.settings.schema import TARGET, defaults_of, free_keys, known_keys, suggest_key

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
SCHEMAS: dict[str, type] = {"train": TrainConfig, "predict": PredictConfig}
SWEEPS = "sweeps"
_SEED = re.compile(r"seed=\d+")
_NO_GROUPS = {"scenes", "hydra"}  # scene files are named by plain strings; launchers are Hydra's own group


def register_defaults() -> None:
    """Register what ``conf/`` builds on: the settings' defaults, and the resolver of the time, as Hydra does itself.

    Defaults are registered as plain containers, so that a misspelt value gets this package's sentence, not OmegaConf's.

    The root is a variable of the environment, so that the processes that a launcher starts know it too.
    """
    from hydra.core.config_store import ConfigStore
    from hydra.core.utils import setup_globals

    setup_globals()
    for name, schema in SCHEMAS.items():
        ConfigStore.instance().store(name=f"{name}_defaults", node=defaults_of(schema))
    os.environ["LULCSEG_ROOT"] = str(ROOT)


def compose(name: str, overrides: Sequence[str] = ()) -> Any:
    """Compose settings without a command line, as tests and notebooks need.

    Args:
        name: "train" or "predict".
        overrides: As on the command line.

    Raises:
        LulcsegError: Whatever is wrong with the overrides.
    """
    return compose_all(name, [overrides])[0]


def compose_all(name: str, jobs: Sequence[Sequence[str]]) -> list[Any]:
    """Compose the settings of several jobs: see :func:`compose`.

    Those that differ in their seed alone are composed once.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    register_defaults()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            known: dict[tuple[str, ...], Any] = {}
            plain = []
            for overrides in jobs:
                seeds = [o.removeprefix("seed=") for o in overrides if _SEED.fullmatch(o)]
                unseeded = tuple(o for o in overrides if not _SEED.fullmatch(o))
                if not seeds or unseeded not in known:
                    known[unseeded] = hydra_compose(name, overrides=list(overrides))
                if seeds:
                    known[unseeded].seed = int(seeds[-1])
                plain.append(OmegaConf.to_container(known[unseeded], resolve=True))
    except (HydraException, OmegaConfBaseException) as error:
        raise LulcsegError(str(error).splitlines()[0], where="configuration") from error
    finally:
        GlobalHydra.instance().clear()
    return [filled(name, content) for content in plain]


def filled(name: str, content: Any) -> Any:
    """Fill composed settings into the schema."""
    assert isinstance(content, dict)
    return fill(SCHEMAS[name], {str(k): v for k, v in content.items()}, "configuration")


def check_command_line(name: str, argv: Sequence[str]) -> None:
    """Check the command line of an entry script before Hydra sees it.

    Args:
        name: "train" or "predict".
        argv: What follows the script's name.

    Raises:
        LulcsegError: An override that names no setting or no file of a group, ``+sweeps=`` without
            ``-m``, or values that don't compose.
    """
    from hydra._internal.utils import get_args_parser
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    args = get_args_parser().parse_args(list(argv))
    try:
        overrides = OverridesParser.create().parse_overrides(args.overrides)
    except OverrideParseException as error:
        message = str(error).splitlines()[0]
        raise LulcsegError(
            f"can't read the override '{error.override}' ({message})", where="command line", remedy="write key=value"
        ) from error
    fixed: list[str] = []
    swept: list[tuple[str, list[str]]] = []
    targets = _may_have_targets(name, [str(override.key_or_group) for override in overrides])
    for override in overrides:
        key = str(override.key_or_group)
        _check_override(name, key, override.input_line or key, targets)
        if key == SWEEPS:
            if not args.multirun:
                raise LulcsegError(
                    "+sweeps= needs -m", where="command line", remedy=f"write python {name}.py -m {override.input_line}"
                )
            _check_option(key, override)
            _check_program(name, override)
            fixed.append(override.input_line or "")
        elif key.startswith("hydra"):
            continue
        elif override.is_sweep_override():
            if not args.multirun:
                raise LulcsegError(
                    f"'{override.input_line}' gives several values for {key}",
                    where="command line",
                    remedy="add -m to run them all, or write a list in brackets: [a,b]",
                )
            prefix = (override.input_line or "").split("=", 1)[0]
            swept.append((prefix, [str(v) for v in override.sweep_string_iterator()]))
        else:
            fixed.append(override.input_line or "")
        _check_option(key, override)
    first = [f"{prefix}={values[0]}" for prefix, values in swept]
    compose(name, [*fixed, *first])
    for i, (prefix, values) in enumerate(swept):
        others = first[:i] + first[i + 1 :]
        for value in values[1:]:
            compose(name, [*fixed, *others, f"{prefix}={value}"])


def groups() -> dict[str, list[str]]:
    """Return the Hydra groups and the names of their files."""
    found = {
        folder.name: sorted(p.stem for p in folder.glob("*.yaml"))
        for folder in CONF.iterdir()
        if folder.is_dir() and folder.name not in _NO_GROUPS
    }
    found[SWEEPS] = sorted(p.stem for p in (ROOT / SWEEPS).glob("*.yaml"))
    return found


def _may_have_targets(name: str, given: Sequence[str]) -> set[str]:
    """Return the sections that may have a ``_target_``, which takes any argument: a command line or a file sets it.

    Args:
        name: "train" or "predict".
        given: Keys of the command line.
    """
    sections = {key.removesuffix(f".{TARGET}") for key in known_keys(SCHEMAS[name]) if key.endswith(f".{TARGET}")}
    if {"experiment", SWEEPS} & set(given):
        return sections
    return {section for section in sections if {section, f"{section}.{TARGET}"} & set(given)}


def _check_override(name: str, key: str, line: str, targets: Collection[str]) -> None:
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        return
    schema, known = SCHEMAS[name], groups()
    if key in known_keys(schema) and key not in known and (ROOT / key).is_dir():
        raise LulcsegError(
            f"a folder hides the setting {key}: Hydra takes it for a group of settings", where=ROOT / key,
            remedy="give the folder another name",
        )  # fmt: skip
    if key in known or key in known_keys(schema):
        return
    if line.startswith("+") and any(key.startswith(f"{free}.") for free in (*targets, *free_keys(schema))):
        return  # an argument of a target, or an entry of a mapping
    hint = did_you_mean(key, [*known, *(k for k in known_keys(schema) if "." not in k)])
    if not hint.startswith("did you mean") or "." in key:
        hint = suggest_key(key, schema)
    raise LulcsegError(f"'{line}' names no setting", where="command line", remedy=hint)


def _check_program(name: str, override: Any) -> None:
    """See that a sweep is of this script."""
    content = yaml.safe_load((ROOT / SWEEPS / f"{override.value()}.yaml").read_text(encoding="utf-8"))
    program = content["trial"].get("program", "train")
    if program != name:
        what = "predicts models that are trained already" if program == "predict" else "trains models"
        raise LulcsegError(
            f"+sweeps={override.value()} {what}", where="command line",
            remedy=f"write python {program}.py -m {override.input_line}",
        )  # fmt: skip


def _check_option(key: str, override: Any) -> None:
    """Check that a group's file exists, so that the error is one sentence."""
    options = groups().get(key)
    if options is None or override.is_delete():
        return
    values = list(override.sweep_string_iterator()) if override.is_sweep_override() else [override.value()]
    for value in values:
        if isinstance(value, str) and value not in options:
            raise LulcsegError(
                f"'{override.input_line}': there is no conf/{key}/{value}.yaml",
                where="command line",
                remedy=did_you_mean(value, options),
            )
