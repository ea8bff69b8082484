"""Composing a run's settings with Hydra, strictly: a misspelt key never runs the baseline.

Hydra adds ``+anything=…`` silently. So every override's key is checked before Hydra starts
(:mod:`lulcseg.launch.command_line`), and the composed configuration is filled into the typed settings.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.launch.experiments import series_of_experiments
from lulcseg.settings import presets
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.settings.configuration_folders import CONF, group_names
from lulcseg.settings.from_plain import fill
from lulcseg.settings.schema import TARGET, defaults_of, free_keys, known_keys, suggest_key

SCHEMAS: dict[str, type] = {"train": TrainConfig, "predict": PredictConfig}
_EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/ray": "ray",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/sweeper/optuna": "optuna",
}
"""Plugins of Hydra and the extras that install them."""
_PLUGINS = {
    "joblib": "hydra-joblib-launcher",
    "ray": "hydra-ray-launcher",
    "slurm": "hydra-submitit-launcher",
    "optuna": "hydra-optuna-sweeper",
}
"""What these extras install."""
_SEED = re.compile(r"seed=\d+")
_REFUSED = re.compile(r"Could not override '([\w.]+)'")


def register_defaults() -> None:
    """Register what ``conf/`` builds on: the settings' defaults, series of experiments, and the resolver of the time.

    Defaults are registered as plain containers, so that a wrong value is reported in this package's words.
    """
    from hydra.core.utils import setup_globals

    from lulcseg.launch.configuration_sources import register_sources

    setup_globals()
    register_sources()
    _store_defaults()


@lru_cache(maxsize=1)
def _store_defaults() -> None:
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    for name, schema in SCHEMAS.items():
        store.store(name=f"{name}_defaults", node=defaults_of(schema))
    for name, content in series_of_experiments().items():
        store.store(group="experiment", name=name, node=content, package="_global_")


def compose(name: str, overrides: Sequence[str] = ()) -> Any:
    """Compose settings without a command line, as tests and notebooks need.

    Args:
        name: "train" or "predict".
        overrides: As on the command line.

    Returns:
        The typed settings.

    Raises:
        LulcsegError: Whatever is wrong with the overrides.
    """
    return compose_all(name, [overrides])[0]


def compose_all(name: str, jobs: Sequence[Sequence[str]]) -> list[Any]:
    """Compose the settings of several jobs: see :func:`compose`."""
    with hydra_of(name):
        return load_jobs(name, jobs)


@contextmanager
def hydra_of(name: str) -> Iterator[Any]:
    """Initialise Hydra on ``conf/``, and clear it afterwards.

    Args:
        name: "train" or "predict", the job's name for launchers.

    Yields:
        Hydra's own object (:class:`hydra._internal.hydra.Hydra`).
    """
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    register_defaults()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF), job_name=name):
            yield GlobalHydra.instance().hydra
    finally:
        GlobalHydra.instance().clear()


def load(name: str, overrides: Sequence[str], *, several: bool = False) -> Any:
    """Compose a configuration within :func:`hydra_of`.

    Args:
        name: "train" or "predict".
        overrides: As on the command line.
        several: Whether it is for several jobs, whose swept overrides are then left out.

    Returns:
        The configuration with Hydra's own node ``hydra``, not resolved.

    Raises:
        LulcsegError: Whatever Hydra finds wrong with the overrides.
    """
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException, MissingConfigException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    mode = RunMode.MULTIRUN if several else RunMode.RUN
    loader = GlobalHydra.instance().config_loader()
    try:
        with warnings.catch_warnings():  # of our options that are named as a plugin's; they are whole without its
            warnings.filterwarnings(
                "ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema"
            )
            config = loader.load_configuration(name, list(overrides), mode, from_shell=False)
    except MissingConfigException as error:
        missing = str(error.missing_cfg_file)
        if missing not in _EXTRAS:
            group, _, option = missing.rpartition("/")
            remedy = did_you_mean(option, error.options) if group and error.options else None
            raise LulcsegError(str(error).splitlines()[0], where="configuration", remedy=remedy) from error
        raise _not_installed(missing, _EXTRAS[missing]) from error
    except (HydraException, OmegaConfBaseException) as error:
        first = str(error).splitlines()[0]
        if (refused := _REFUSED.match(first)) is not None:
            raise LulcsegError(
                f"'{refused[1]}' names no setting", where="configuration", remedy=_remedy(name, refused[1], overrides)
            ) from error
        raise LulcsegError(first, where="configuration") from error
    except Exception as error:  # what Hydra's own code raises on values that it doesn't foresee, of any type
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise LulcsegError(
            f"Hydra can't compose these overrides ({first[:200]})", where="command line", remedy="write key=value"
        ) from error
    _check_installed(config)
    return config


def _check_installed(config: Any) -> None:
    """Check that a launcher whose configuration is here is installed.

    Raises:
        LulcsegError: It isn't.
    """
    package = ".".join(str(config.hydra.launcher._target_).split(".")[:2])
    extra = next((extra for extra, plugin in _PLUGINS.items() if package.endswith(plugin.replace("-", "_"))), None)
    if extra is not None and not _is_importable(package):
        raise _not_installed(f"hydra/launcher/{config.hydra.runtime.choices.get('hydra/launcher')}", extra)


def _is_importable(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it lies in
        return False


def _not_installed(option: str, extra: str) -> LulcsegError:
    return LulcsegError(
        f"{option} isn't installed",
        where="configuration",
        remedy=f"run pip install 'lulcseg[{extra}]', which adds {_PLUGINS[extra]}",
    )


def _remedy(name: str, key: str, overrides: Sequence[str]) -> str:
    """Suggest what to write for a key that Hydra doesn't find: the same with a plus, or the nearest setting.

    An unknown key of a section whose target is set is likely an argument of the target.
    """
    section = key.partition(".")[0]
    if any(override.startswith(f"{section}.{TARGET}=") for override in overrides):
        return f"write +{key}=…"
    for mapping in free_keys(SCHEMAS[name]):
        if key.startswith(f"{mapping}."):
            return f"write +{key}=…"
        if key == mapping:
            return f"write +{key}.…=…, one for each of its keys"
    free = section in {known.partition(".")[0] for known in known_keys(SCHEMAS[name]) if known.endswith(f".{TARGET}")}
    others = [program for program in SCHEMAS if program != name and section in defaults_of(SCHEMAS[program])]
    if others and section not in defaults_of(SCHEMAS[name]):
        return f"leave it out: it is a setting of {others[0]}"
    near = suggest_key(key, SCHEMAS[name])
    if near.startswith(f"did you mean '{section}."):
        return near
    return f"write +{key}=…" if free or key in group_names() else near


def load_jobs(name: str, jobs: Sequence[Sequence[str]], master: Any = None) -> list[Any]:
    """Compose the settings of several jobs within :func:`hydra_of`.

    Jobs that differ in their seed alone are composed once.

    Args:
        name: "train" or "predict".
        jobs: Each job's overrides.
        master: Configuration for all of them, whose time they share; None: each has its own.

    Returns:
        The typed settings of each.

    Raises:
        LulcsegError: Whatever is wrong with one of them.
    """
    from omegaconf import OmegaConf

    composed: dict[tuple[str, ...], Any] = {}
    settings = []
    for overrides in jobs:
        seeds = [o.removeprefix("seed=") for o in overrides if _SEED.fullmatch(o)]
        unseeded = tuple(o for o in overrides if not _SEED.fullmatch(o))
        if not seeds or unseeded not in composed:
            composed[unseeded] = load(name, overrides)
            if master is not None:
                OmegaConf.copy_cache(from_config=master, to_config=composed[unseeded])
        if seeds:
            composed[unseeded].seed = int(seeds[-1])
        settings.append(filled(name, composed[unseeded]))
    return settings


def filled(name: str, config: Any, choices: Mapping[str, Any] | None = None) -> Any:
    """Fill a composed configuration into the typed settings, with every value of their presets.

    Args:
        name: "train" or "predict".
        config: The configuration, as :func:`load` returns it or as Hydra passes it to a job.
        choices: Group → name of its chosen option; None: as in ``hydra.runtime.choices`` of the configuration.

    Raises:
        LulcsegError: An unknown key, a wrong value, or settings that make no sense together.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    chosen = dict(config.hydra.runtime.choices) if choices is None else choices
    try:
        task = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
        OmegaConf.copy_cache(from_config=config, to_config=task)  # one time for all that is named by it
        plain = OmegaConf.to_container(task, resolve=True)
    except OmegaConfBaseException as error:
        raise LulcsegError(str(error).splitlines()[0], where="configuration") from error
    assert isinstance(plain, dict)
    content = {str(key): value for key, value in plain.items()}
    settings: Any = fill(SCHEMAS[name], presets.separate_presets(content, chosen), "configuration")
    for section in presets.GROUPS:
        if hasattr(settings, section):
            setattr(settings, section, getattr(settings, section).with_preset())
    return settings
