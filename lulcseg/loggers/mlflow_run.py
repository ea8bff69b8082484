"""A run in MLflow: start ``mlflow ui`` in the folder that train.py was started in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger, MLFlowLogger

from lulcseg.loggers.display import Picture, Value
from lulcseg.loggers.run_identity import Identity
from lulcseg.settings.logger import LoggerSettings

ADDRESS = "sqlite:///mlflow.db"
"""MLflow's own default."""


class MlflowDisplay:
    """A run in MLflow: the trial is the experiment, value and seed are the run's name.

    Args:
        settings: The address.
        identity: The run's names.
        content: Settings and facts: the run's parameters.
        run_dir: The run directory.
    """

    def __init__(self, settings: LoggerSettings, identity: Identity, content: Mapping[str, Any], run_dir: Path) -> None:
        self._run_dir = run_dir
        uri = settings.address or os.environ.get("MLFLOW_TRACKING_URI") or ADDRESS
        facts = {"stage": identity.stage, "value": identity.trial.value, "seed": identity.seed, "folder": run_dir}
        self._logger = MLFlowLogger(
            experiment_name=identity.trial.name,
            run_name=identity.name,
            tracking_uri=uri,
            tags={name: str(value) for name, value in facts.items()} | _as_tags(identity.tags),
        )
        self._client = self._logger.experiment
        self._id = str(self._logger.run_id)
        self._logger.log_hyperparams(_with_keys(content))

    @property
    def curves(self) -> Logger:
        """Lightning's logger."""
        return self._logger

    @property
    def address(self) -> Mapping[str, str]:
        """Service, experiment and run."""
        return {"service": "mlflow", "experiment": str(self._logger.experiment_id), "id": self._id}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Log numbers as metrics, words as tags."""
        numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
        self._logger.log_metrics({_key(name): float(value) for name, value in numbers.items()})
        for name, value in values.items():
            if isinstance(value, str):
                self._client.set_tag(self._id, _key(name), value)

    def picture(self, name: str, picture: Picture) -> None:
        """Log a picture, and one more for each of its layers."""
        for layer, image in picture.flat().items():
            stem = f"{name}_{layer}" if layer else name
            self._client.log_image(self._id, image, artifact_file=f"{_key(stem)}.png")

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Log a table."""
        self._client.log_table(self._id, table, artifact_file=f"{_key(name)}.json")

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Log a confusion matrix, one row per cell."""
        self.table(name, counts)

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Log files as artifacts of the run; the aliases are a tag."""
        for file in files:
            self._client.log_artifact(self._id, str(file), artifact_path=kind)
        self._client.set_tag(self._id, kind, ", ".join([name, *aliases]))

    def close(self, *, failed: bool) -> None:
        """Finish the run, with how it ended."""
        self._logger.finalize("failed" if failed else "success")


def _as_tags(tags: Sequence[str]) -> dict[str, str]:
    """Split tags such as ``patch:512`` into names and values; several values of a name are joined."""
    found: dict[str, str] = {}
    for tag in tags:
        name, colon, value = tag.partition(":")
        if colon:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _with_keys(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings and facts with keys that MLflow accepts: a class may have any name."""
    return {_key(name): _with_keys(v) if isinstance(v, Mapping) else v for name, v in content.items()}


def _key(name: str) -> str:
    """Return a name with characters that MLflow accepts."""
    return re.sub(r"[^\w./ \-]", "_", name)
