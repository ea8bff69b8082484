"""Train a model on one or several scenes, map and assess scenes with it, write a report."""

from __future__ import annotations

from lulcseg.compose import run_hydra
from lulcseg.config import TrainConfig


def main() -> None:
    """Compose the settings and run them."""

    def task(config: TrainConfig) -> None:
        from lulcseg.run import train

        train(config)

    run_hydra("train", task)


if __name__ == "__main__":
    main()
