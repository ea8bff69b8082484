"""Hydra's runs and sweeps of settings that are composed already."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf, open_dict


class PreparedLoader(ConfigLoaderImpl):
    """Hydra's loader with a configuration at hand, so that sweepers and launchers compose nothing again.

    A launcher's process gets the configuration of the whole sweep with the job's overrides in
    ``hydra.overrides.task``, by which its settings are found.

    Args:
        loader: The loader that composed it.
        config: The configuration.
    """

    def __init__(self, loader: ConfigLoaderImpl, config: DictConfig) -> None:
        super().__init__(config_search_path=loader.get_search_path())
        self.config = config

    def load_configuration(self, *_: Any, **__: Any) -> DictConfig:
        """Return the configuration."""
        return self.config

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Return the sweep's configuration with a job's overrides."""
        config = copy.deepcopy(master_config)
        with open_dict(config):
            config.hydra.overrides.task = list(sweep_overrides)
        return config


def overrides_of(config: Any) -> list[str]:
    """Return the overrides that a configuration was composed with, as they were written.

    An interpolation in them (``run_dir=runs/${trial.value}``) is of the job, not of the configuration that lists it.
    """
    overrides: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return list(overrides)


def run_one(hydra: Any, config: DictConfig, task: Callable[[], Any]) -> Any:
    """Let Hydra run one job.

    Args:
        hydra: Hydra's object (:func:`lulcseg.launch.compose.hydra_of`).
        config: The configuration it is composed to.
        task: The job.

    Returns:
        What the job returned.
    """
    hydra.config_loader = PreparedLoader(hydra.config_loader, config)
    return hydra.run(config.hydra.job.config_name, lambda _: task(), overrides_of(config)).return_value


def run_all(hydra: Any, master: DictConfig, task: Callable[[Sequence[str]], Any]) -> None:
    """Let Hydra's sweeper and launcher run the jobs of a sweep.

    Args:
        hydra: Hydra's object (:func:`lulcseg.launch.compose.hydra_of`).
        master: The configuration of the whole sweep.
        task: Called with each job's overrides, perhaps in a launcher's process: it must be picklable.
    """
    hydra.config_loader = PreparedLoader(hydra.config_loader, master)
    hydra.multirun(master.hydra.job.config_name, _WithOverrides(task), overrides_of(master))


def run_equal(hydra: Any, master: DictConfig, task: Callable[[Sequence[str]], Any], count: int) -> list[Any]:
    """Let Hydra's launcher run one job several times over.

    Args:
        hydra: Hydra's object (:func:`lulcseg.launch.compose.hydra_of`).
        master: The configuration, composed for several jobs.
        task: Called with the job's overrides, perhaps in a launcher's process: it must be picklable.
        count: How many times.

    Returns:
        What each job returned.
    """
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    loader = PreparedLoader(hydra.config_loader, master)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks(master)),
        task_function=_WithOverrides(task),
        config=master,
    )
    jobs = launcher.launch([overrides_of(master)] * count, initial_job_idx=0)
    return [job.return_value for job in jobs]


class _WithOverrides:
    """A job that looks up its own overrides, and begins in the folder in which the command was given."""

    def __init__(self, task: Callable[[Sequence[str]], Any]) -> None:
        self.task, self.folder = task, Path.cwd()

    def __call__(self, _: DictConfig) -> Any:
        from hydra.core.hydra_config import HydraConfig

        config: Any = HydraConfig.instance().cfg
        if not config.hydra.job.chdir:
            os.chdir(self.folder)  # Ray's processes begin anywhere
        return self.task(overrides_of(config))
