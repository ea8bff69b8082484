"""Where a run's curves and pictures go: its own metrics.csv, and Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from lulcseg.config import TrainConfig


def open_loggers(config: TrainConfig, run_dir: Path, *, lead: bool) -> list[Logger]:
    """Open a run's loggers.

    Args:
        config: The run's settings.
        run_dir: Its folder.
        lead: Whether this is the process that writes; the others log to no service.
    """
    loggers: list[Logger] = [CSVLogger(save_dir=run_dir, name="", version="")]
    if config.logger.name == "wandb" and lead:
        run = wandb.init(
            project=config.logger.project,
            name=f"{config.name}_seed{config.seed}",
            group=config.name,
            dir=run_dir,
            mode="offline" if config.logger.offline else "online",
            config=asdict(config),
            settings=wandb.Settings(silent=True, console="off"),
        )
        loggers.append(WandbLogger(experiment=run))
    return loggers


def log_pictures(loggers: Sequence[Logger], pictures: Mapping[str, Any]) -> None:
    """Log pictures (PIL) by name to the loggers that take any."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.log({name: wandb.Image(picture) for name, picture in pictures.items()})
