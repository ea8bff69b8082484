"""The logger that displays a run besides its own folder (``logger:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class LoggerSettings:
    """The logger that displays a run besides its own folder (docs/logging.md)."""

    name: str = setting(
        "wandb",
        "Logger: Weights & Biases, TensorBoard, MLflow, CSV tables in the run's folder, or none.",
        choices=("wandb", "tensorboard", "mlflow", "csv", "none"),
    )
    project: str = setting("lulcseg", "Project in Weights & Biases (wandb).")
    offline: bool = setting(True, "Whether Weights & Biases logs to this machine only, until `wandb sync` (wandb).")
    address: str | None = setting(
        None, "MLflow's tracking address; null: MLFLOW_TRACKING_URI, or mlflow.db in the working folder (mlflow)."
    )
