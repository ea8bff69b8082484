"""Where a run is shown besides its own folder (``logger:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class LoggerSettings:
    """Where a run is shown besides its own folder (docs/logging.md)."""

    name: str = setting(
        "wandb",
        "Weights & Biases, TensorBoard, MLflow, CSV tables in the run, or none.",
        choices=("wandb", "tensorboard", "mlflow", "csv", "none"),
    )
    project: str = setting("lulcseg", "Project in Weights & Biases.")
    offline: bool = setting(True, "Whether Weights & Biases stays on this machine until synced.")
    address: str | None = setting(
        None, "MLflow's tracking address; null: MLFLOW_TRACKING_URI, or mlflow.db in the working folder (mlflow)."
    )
