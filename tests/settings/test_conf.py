"""Every file of conf/ and sweeps/ composes, and holds nothing but deltas: no value equals the one that it overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lulcseg.launch.command_line import groups, program_of
from lulcseg.launch.compose import SCHEMAS, compose
from lulcseg.launch.jobs import jobs_of
from lulcseg.scene.spec import SceneSpec, SyntheticSpec
from lulcseg.settings.configuration_folders import CONF
from lulcseg.settings.from_plain import fill
from lulcseg.settings.schema import defaults_of
from tests.support.checkout import ROOT

HYDRAS = CONF / "hydra"  # options of Hydra's own groups, whose defaults are a plugin's
FILES = sorted(p for p in [*CONF.rglob("*.yaml"), *(ROOT / "sweeps").rglob("*.yaml")] if HYDRAS not in p.parents)
SECTIONS = {*defaults_of(SCHEMAS["train"]), *defaults_of(SCHEMAS["predict"])}


def redundant(path: Path, content: dict[str, Any]) -> list[str]:
    """Name the values of a file that equal those that they override, in every program that the file is for."""
    if path.name == "series.yaml":
        return []  # interpolations alone: see test_every_experiment_composes
    if path.parent == CONF / "scenes":
        known = defaults_of(SceneSpec) | {"synthetic": defaults_of(SyntheticSpec)}
        return [key for key, value in leaves(content) if value == at(known, key)]
    found: list[set[str]] = [
        {key for key, value in leaves(content) if equals(value, at(overridden(path, content, program), key))}
        for program in programs_of(path, content)
    ]
    return sorted(set.intersection(*found))


def equals(value: Any, default: Any) -> bool:
    """Whether a value is the default; what is interpolated may differ from it."""
    return value == default and type(value) is type(default) and not (isinstance(value, str) and "${" in value)


def overridden(path: Path, content: dict[str, Any], program: str) -> dict[str, Any]:
    """Return what a file's values override: the schema's defaults, and what the files of its defaults list say."""
    whole = defaults_of(SCHEMAS[program])
    base = whole if is_global(path) else whole.get(path.parent.name, {})
    for entry in content.get("defaults", []):
        for chosen, option in entry.items() if isinstance(entry, dict) else [("", entry)]:
            group = str(chosen).removeprefix("override ").removeprefix("/")
            if option in {f"{program}_defaults", "_self_"} or group.startswith("hydra"):
                continue
            folder = CONF / group if group else path.parent
            other = folder / f"{option}.yaml"
            under = overridden(other, read(other), program) | {}
            stated = merged(under, without_defaults(read(other)))
            base = merged(base, stated if is_global(other) or not is_global(path) else {group: stated})
    return base


def programs_of(path: Path, content: dict[str, Any]) -> list[str]:
    if path.parent == CONF:
        return [path.stem]
    if path.parent.name == "sweeps":
        return [program_of(path.stem)]
    if path.parent.name == "base":
        return [path.stem]
    keys = {path.parent.name} if not is_global(path) else set(without_defaults(content)) - {"hydra"}
    return [program for program in SCHEMAS if keys <= set(defaults_of(SCHEMAS[program]))]


def is_global(path: Path) -> bool:
    return path.parent == CONF or path.read_text().startswith("# @package _global_")


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text()) or {}


def without_defaults(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "defaults"}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if key in {"defaults", "hydra"}:
            continue
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def at(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part, ...) if isinstance(content, dict) else ...
    return content


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_deltas_alone(path: Path) -> None:
    assert redundant(path, read(path)) == [], "values that equal the default: leave them out"


def test_a_value_that_equals_its_default_is_found() -> None:
    for name, content, expected in (
        ("loss/cross_entropy.yaml", {"label_smoothing": 0.0}, ["label_smoothing"]),
        ("mosaic/single.yaml", {"name": "single", "trim": None}, ["trim"]),
        ("experiment/demo.yaml", {"sampling": {"patch_size": 512, "patches": 3}}, ["sampling.patch_size"]),
        ("trainer/slurm.yaml", {"defaults": ["ddp"], "strategy": "ddp"}, ["strategy"]),
        (
            "experiment/transfer_augmented.yaml",
            {"defaults": ["transfer_plain"], "model": {"depth": 3}},
            ["model.depth"],
        ),
        ("experiment/demo.yaml", {"defaults": [{"override /optim": "sgd"}], "optim": {"name": "sgd"}}, ["optim.name"]),
        ("train.yaml", {"seed": 0, "run_dir": "runs/${name}"}, ["seed"]),
    ):
        assert redundant(CONF / name, content) == expected, name
    swept = ROOT / "sweeps" / "passes.yaml"
    assert redundant(swept, read(swept) | {"trial": {"program": "predict"}}) == ["trial.program"]


@cache
def of_train() -> dict[str, Any]:
    return defaults_of(compose("train"))


@pytest.mark.parametrize("name", groups()["experiment"])
def test_every_experiment_composes_and_changes_what_it_names(name: str) -> None:
    changed = compose("train", [f"+experiment={name}"])
    assert changed.name == name
    path = CONF / "experiment" / f"{name}.yaml"
    mine = defaults_of(changed)
    default = flat(of_train())
    changes = {key for key, value in flat(mine).items() if value != default.get(key)} - {"name", "run_dir"}
    assert bool(changes) != (name in {"transfer_source", "transfer_exchange"}), "arms of a trial that are the default"
    if path.is_file():
        assert len(path.read_text().splitlines()) < 25
        for key, value in leaves(without_defaults(read(path))):
            number = re.fullmatch(r"\$\{(.*)\}", str(value))
            assert at(mine, key) == (at(of_train(), number[1]) if number else value)


def flat(content: dict[str, Any]) -> dict[str, Any]:
    return dict(leaves(content))


@pytest.mark.parametrize("name", groups()["sweeps"])
def test_every_sweep_composes(name: str) -> None:
    jobs = jobs_of(program_of(name), [f"+sweeps={name}", "seed=0,1"])
    assert len({(job.settings.trial.value, job.settings.seed) for job in jobs}) == len(jobs)


LANDSCAPES = {
    "synthetic2018": (2048, 1, "2018"), "synthetic2015": (2048, 1, "2015"),
    "small2018": (512, 1, "2018"), "small2015": (512, 1, "2015"),
    "mini2018_dev": (3072, 10, "2018"),
    "mini2018_dev_training": (3072, 10, "2018_training"),
    "synthetic2018_sources": (2048, 1, "2018"), "small2018_sources": (512, 1, "2018"),
}  # fmt: skip


def test_every_scene_file_is_the_landscape_that_its_name_says() -> None:
    files = {path.stem: read(path) for path in (CONF / "scenes").glob("*.yaml")}
    found = {name: fill(SyntheticSpec, content["synthetic"], name) for name, content in files.items()}
    assert {name: (spec.size, spec.seed, spec.scene) for name, spec in found.items()} == LANDSCAPES
    for name, spec in found.items():
        assert spec.sources == (["dsm", "nir"] if name.endswith("_sources") else [])
