"""Map a scene with a trained model, and assess the map where there are reference points."""

from __future__ import annotations

from lulcseg.launch.entry import run_hydra
from lulcseg.scene.spec import find_scene
from lulcseg.settings.config import PredictConfig


def main() -> None:
    """Compose the settings and run them."""

    def task(config: PredictConfig) -> float | None:
        if config.scene is not None:
            find_scene(config.scene)  # before imports that take ten seconds

        from lulcseg.run.predict import predict

        return predict(config)

    run_hydra("predict", task)


if __name__ == "__main__":
    main()
