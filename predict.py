"""Map a scene with a trained model, and assess the map where there are reference points."""

from __future__ import annotations

from lulcseg.compose import run_hydra
from lulcseg.config import PredictConfig


def main() -> None:
    """Compose the settings and run them."""

    def task(config: PredictConfig) -> None:
        from lulcseg.run import predict

        predict(config)

    run_hydra("predict", task)


if __name__ == "__main__":
    main()
