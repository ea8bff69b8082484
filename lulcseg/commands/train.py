"""``lulcseg train`` and ``train.py``: train a model on one or several scenes, map and assess scenes, write a report."""

from __future__ import annotations

from collections.abc import Sequence

from lulcseg.commands.parsers import Commands, add_program
from lulcseg.settings.config import TrainConfig


def add(commands: Commands) -> None:
    """Add the command."""
    add_program(commands, "train", "train a model, map and assess scenes with it (lulcseg train --help)")


def main(words: Sequence[str] | None = None) -> None:
    """Compose the settings and run them.

    Args:
        words: What follows its name on the command line; None: what follows the script's.
    """
    from lulcseg.launch.entry import run_hydra

    run_hydra("train", _train, words)


def _train(config: TrainConfig) -> float | None:
    from lulcseg.scene.spec import find_scene

    # before imports that take ten seconds
    named = [*config.scenes.train, *config.scenes.assess, *config.scenes.unlabelled]
    for name in [*named, *([config.scene] if config.scene else [])]:
        find_scene(name)

    from lulcseg.run.train import train

    return train(config)
