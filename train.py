"""Train a model on one or several scenes, map and assess scenes with it, write a report."""

from __future__ import annotations

from lulcseg.launch.entry import run_hydra
from lulcseg.settings.config import TrainConfig


def main() -> None:
    """Compose the settings and run them."""

    def task(config: TrainConfig) -> float | None:
        from lulcseg.scene.spec import find_scene

        # before imports that take ten seconds
        for name in [*config.scenes.train, *config.scenes.assess, *([config.scene] if config.scene else [])]:
            find_scene(name)

        from lulcseg.run.train import train

        return train(config)

    run_hydra("train", task)


if __name__ == "__main__":
    main()
