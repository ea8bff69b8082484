"""The jobs of a command line: the settings of every run, composed before the first one starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lulcseg.launch.command_line import read_command_line
from lulcseg.launch.compose import compose_all, load_jobs
from lulcseg.launch.hydra_runner import overrides_of
from lulcseg.settings.configuration_folders import SWEEPS, files_of
from lulcseg.settings.plain_yaml import read_yaml


@dataclass(frozen=True)
class Job:
    """One run of a command line.

    Attributes:
        overrides: The overrides that set it apart, as on a command line.
        settings: Its typed settings.
    """

    overrides: list[str]
    settings: Any


def jobs_from(program: str, argv: Sequence[str]) -> list[Job]:
    """Check a command line wholly, and return its jobs: one without ``-m``.

    Args:
        program: "train" or "predict".
        argv: What follows the script's name.

    Raises:
        LulcsegError: Whatever is wrong with the command line or the settings of one of its runs.
    """
    line = read_command_line(program, argv)
    split = split_jobs(line.overrides) if line.multirun else [line.overrides]
    return [Job(job, settings) for job, settings in zip(split, compose_all(program, split), strict=True)]


def jobs_of(program: str, overrides: Sequence[str]) -> list[Job]:
    """Return the jobs of a sweep with their settings, in Hydra's order.

    Args:
        program: "train" or "predict".
        overrides: What follows ``-m``; one of them may be ``+sweeps=…``.

    Raises:
        LulcsegError: Whatever is wrong with one of them.
    """
    split = split_jobs(overrides)
    return [Job(job, settings) for job, settings in zip(split, compose_all(program, split), strict=True)]


def prepared_jobs(program: str, master: Any) -> list[Job]:
    """Return the jobs of a sweep within :func:`lulcseg.launch.compose.hydra_of`.

    Args:
        program: "train" or "predict".
        master: The sweep's configuration, composed for several jobs.

    Raises:
        LulcsegError: Whatever is wrong with one of them.
    """
    parameters = [f"{key}={value}" for key, value in (master.hydra.sweeper.params or {}).items()]
    split = _split([*parameters, *overrides_of(master)])
    return [Job(job, settings) for job, settings in zip(split, load_jobs(program, split, master), strict=True)]


def split_jobs(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job, as Hydra's own sweeper makes them of a command line.

    Args:
        overrides: What follows ``-m``, which takes precedence over the parameters of ``+sweeps=…``.
    """
    own = [o for o in overrides if not o.lstrip("+~").startswith(("hydra.", "hydra/"))]
    chosen = [o.partition("=")[2] for o in own if o.lstrip("+").partition("=")[0] == SWEEPS]
    parameters = [f"{key}={value}" for sweep in chosen for key, value in parameters_of(sweep).items()]
    return _split([*parameters, *own])


def parameters_of(sweep: str) -> dict[str, str]:
    """Return the sweeper's parameters of a file of ``sweeps/``: override → its values as Hydra writes them."""
    content = read_yaml(files_of(SWEEPS)[sweep])
    return {str(key): str(value) for key, value in content["hydra"]["sweeper"]["params"].items()}


def _split(overrides: Sequence[str]) -> list[list[str]]:
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    (split,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(list(overrides)), None)
    return split
