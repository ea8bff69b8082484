"""Opening the display that a run's settings choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError
from lulcseg.loggers.display import NOTHING, Display, NoDisplay
from lulcseg.loggers.run_contents import facts_of
from lulcseg.loggers.run_identity import Identity, identity_of
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.from_plain import fill
from lulcseg.settings.logger import LoggerSettings

_NEEDS = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow", "sqlalchemy", "alembic")}
"""Modules that optional loggers need."""


def check_logger(settings: LoggerSettings) -> None:
    """Check that a logger is installed.

    Raises:
        LulcsegError: It isn't.
    """
    missing = [module for module in _NEEDS.get(settings.name, ()) if find_spec(module) is None]
    if missing:
        raise LulcsegError(
            f"{', '.join(missing)} isn't installed",
            where=f"logger={settings.name}",
            remedy=f"run pip install 'lulcseg[{settings.name}]'",
        )


@contextmanager
def open_display(
    settings: LoggerSettings, identity: Identity, content: Mapping[str, Any], run_dir: Path
) -> Iterator[Display]:
    """Open a run's display, and close it however the run ends.

    Only a run's first process may call this.

    Args:
        settings: Which logger, and its settings.
        identity: The run's names.
        content: Settings and facts, plain Python.
        run_dir: The run directory.

    Raises:
        LulcsegError: The logger isn't installed.
    """
    display = _open(settings, identity, content, run_dir)
    try:
        yield display
    except BaseException:
        display.close(failed=True)
        raise
    display.close(failed=False)


@contextmanager
def reopen_display(
    run: RunFolder,
    folder: RunFolder,
    record: RunRecord,
    *,
    request: Mapping[str, Any],
    scenes: Sequence[str],
    detail: str,
) -> Iterator[Display]:
    """Open the display of later maps of a run's model: a run of its own beside the run's, with the same logger.

    A run that has ended isn't resumed: offline there is no way to ask for its last step, and what it logged stays as
    it is. The new run has the same group and tags, the stage ``predict``, and in its settings where the model is from.

    Args:
        run: The run that the model is from; a run without settings displays nothing.
        folder: The folder of the maps.
        record: The record of ``folder``.
        request: Settings of the prediction, plain Python; with a ``trial`` of its own it belongs to that trial.
        scenes: Names of the scenes.
        detail: Name of the maps.

    Raises:
        LulcsegError: The logger isn't installed, or the run's settings are damaged.
    """
    try:
        settings = yaml.safe_load(run.config.read_text(encoding="utf-8"))
        logger = fill(LoggerSettings, settings["logger"], str(run.config))
        trial = request.get("trial") or {}
        if trial.get("name"):  # a replicate of its own, not a later map of the model's run
            settings, detail = settings | {"trial": trial}, ""
        identity = identity_of(settings, scenes, stage="predict", detail=detail)
    except FileNotFoundError:
        yield NOTHING
        return
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise LulcsegError("its settings can't be read", where=run.config, remedy="set show=none") from error
    trained = RunRecord.read(run)
    model_of = None if trained is None else trained.shown
    facts = facts_of(record, identity) | {"predict": dict(request), "model_of": model_of}
    with open_display(logger, identity, settings | facts, folder.path) as display:
        yield display


def _open(settings: LoggerSettings, identity: Identity, content: Mapping[str, Any], run_dir: Path) -> Display:
    check_logger(settings)

    def in_wandb() -> Display:
        from lulcseg.loggers.weights_biases import WandbDisplay

        return WandbDisplay(settings, identity, content, run_dir)

    def in_tensorboard() -> Display:
        from lulcseg.loggers.tensorboard_events import TensorBoardDisplay

        return TensorBoardDisplay(identity, content, run_dir)

    def in_mlflow() -> Display:
        from lulcseg.loggers.mlflow_run import MlflowDisplay

        return MlflowDisplay(settings, identity, content, run_dir)

    def in_tables() -> Display:
        from lulcseg.loggers.csv_files import CsvDisplay

        return CsvDisplay(run_dir)

    openers: Mapping[str, Callable[[], Display]] = {
        "wandb": in_wandb,
        "tensorboard": in_tensorboard,
        "mlflow": in_mlflow,
        "csv": in_tables,
        "none": NoDisplay,
    }
    return openers[settings.name]()
