"""The jobs of a sweep: what Hydra will run, worked out beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lulcseg.launch.compose import ROOT, SWEEPS, compose_all
from lulcseg.scene.spec import read_yaml


@dataclass(frozen=True)
class Job:
    """One run of a sweep.

    Attributes:
        overrides: What sets it apart, as on a command line.
        settings: Its settings, whole.
    """

    overrides: list[str]
    settings: Any


def jobs_of(name: str, overrides: Sequence[str]) -> list[Job]:
    """Return the jobs of a command line with their settings, in Hydra's order.

    Args:
        name: "train" or "predict".
        overrides: What follows ``-m``; one of them may be ``+sweeps=…``.

    Raises:
        LulcsegError: Whatever is wrong with one of them.
    """
    split = split_jobs(overrides)
    return [Job(job, settings) for job, settings in zip(split, compose_all(name, split), strict=True)]


def split_jobs(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job, as Hydra's own sweeper makes them of a command line.

    Args:
        overrides: What follows ``-m``. What is written there stands over the parameters of ``+sweeps=…``.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    given = [o for o in parser.parse_overrides(list(overrides)) if not o.key_or_group.startswith(("hydra.", "hydra/"))]
    chosen = [str(o.value()) for o in given if o.key_or_group == SWEEPS]
    parameters = [f"{key}={value}" for sweep in chosen for key, value in parameters_of(sweep).items()]
    (split,) = BasicSweeper.split_arguments([*parser.parse_overrides(parameters), *given], None)
    return split


def parameters_of(sweep: str) -> dict[str, str]:
    """Return the sweeper's parameters of a file of ``sweeps/``: override → its values as Hydra writes them."""
    content = read_yaml(ROOT / SWEEPS / f"{sweep}.yaml")
    return {str(key): str(value) for key, value in content["hydra"]["sweeper"]["params"].items()}
