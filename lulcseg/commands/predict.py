"""``lulcseg predict`` and ``predict.py``: map a scene with a trained model, and assess the map."""

from __future__ import annotations

from collections.abc import Sequence

from lulcseg.commands.parsers import Commands, add_program
from lulcseg.settings.config import PredictConfig


def add(commands: Commands) -> None:
    """Add the command."""
    add_program(commands, "predict", "map a scene with a trained model, and assess the map (lulcseg predict --help)")


def main(words: Sequence[str] | None = None) -> None:
    """Compose the settings and run them.

    Args:
        words: What follows its name on the command line; None: what follows the script's.
    """
    from lulcseg.launch.entry import run_hydra

    run_hydra("predict", _predict, words)


def _predict(config: PredictConfig) -> float | None:
    from lulcseg.scene.spec import find_scene

    if config.scene is not None:
        find_scene(config.scene)  # before imports that take ten seconds

    from lulcseg.run.predict import predict

    return predict(config)
