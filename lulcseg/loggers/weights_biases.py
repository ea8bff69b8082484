"""A run in Weights & Biases, offline until it is synced unless asked otherwise."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import wandb
from pytorch_lightning.loggers import Logger, WandbLogger

from lulcseg.legend import IGNORE
from lulcseg.loggers.display import Picture, Value
from lulcseg.loggers.run_identity import Identity
from lulcseg.run_folder.folder import RunFolder
from lulcseg.settings.logger import LoggerSettings

STEP, EPOCH = "trainer/global_step", "epoch"
"""Axes of the curves, as Lightning names them."""

BEST = {"val/kappa": "max", "val/mean_f1": "max", "val/loss": "min", "train/kappa": "max", "train/loss_epoch": "min"}
"""Curves whose best value, instead of the last, is in the run's summary."""

_DATA_DIR = "WANDB_DATA_DIR"
_WAIT_TO_START, _WAIT_TO_FINISH = 60.0, 900.0
"""Longest time for an online run to start, and to send what remains, in seconds."""


class WandbDisplay:
    """A run in Weights & Biases.

    Everything that an offline run will send is in the run directory, files of tables included.

    Args:
        settings: The project, and whether to stay offline. If the service isn't available, the run is offline
            anyway, and says so.
        identity: The run's names.
        content: Settings and facts, to filter and group runs by.
        run_dir: The run directory.
    """

    def __init__(self, settings: LoggerSettings, identity: Identity, content: Mapping[str, Any], run_dir: Path) -> None:
        self._data_dir_before = os.environ.get(_DATA_DIR)
        os.environ.setdefault(_DATA_DIR, str(RunFolder(run_dir).wandb / "data"))
        self._run = self._begin(settings, identity, content, run_dir)
        for axis in (STEP, EPOCH):
            self._run.define_metric(axis, hidden=True)
        for curves, axis in (("train/*", EPOCH), ("val/*", EPOCH), ("train/loss_step", STEP), ("lr-*", STEP)):
            self._run.define_metric(curves, step_metric=axis)
        for curve, best in BEST.items():
            self._run.define_metric(curve, step_metric=EPOCH, summary=best)
        self._logger = WandbLogger(experiment=self._run, project=settings.project, save_dir=run_dir)

    @property
    def curves(self) -> Logger:
        """Lightning's logger."""
        return self._logger

    @property
    def address(self) -> Mapping[str, str]:
        """Service, project, group and id."""
        run = self._run
        return {"service": "wandb", "project": run.project, "group": run.group, "id": run.id}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Add values to the run's summary, the columns of the table of runs."""
        self._run.summary.update(dict(values))

    def picture(self, name: str, picture: Picture) -> None:
        """Log a picture; its layers become masks that can be toggled."""
        labels = {c.code: c.name for c in picture.legend} if picture.legend is not None else {}
        codes = None if picture.legend is None else picture.legend.index_to_code()
        masks = {
            layer: {"mask_data": codes[index], "class_labels": labels | {IGNORE: "no class"}}
            for layer, index in picture.layers.items()
            if codes is not None
        }
        self._run.log({name: wandb.Image(picture.image, masks=masks or None)})

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Log a table."""
        self._run.log({name: wandb.Table(dataframe=table)})

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Log a confusion matrix as the service's own chart, from the counts themselves."""
        fields = {"Actual": "reference", "Predicted": "map", "nPredictions": "count"}
        chart = wandb.plot_table(
            data_table=wandb.Table(dataframe=counts),
            vega_spec_name="wandb/confusion_matrix/v1",
            fields=fields,
            string_fields={"title": name},
        )
        self._run.log({name: chart})

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Log an artifact that refers to the files in place; files that may still change are copied."""
        artifact = wandb.Artifact(_fit_for_artifacts(name), type=kind)
        for file in files:
            changes = file.suffix in {".json", ".yaml"}  # the record, when the run is resumed
            artifact.add_file(str(file), policy="mutable" if changes else "immutable", skip_cache=True)
        self._run.log_artifact(artifact, aliases=[_fit_for_artifacts(alias) for alias in aliases])

    def close(self, *, failed: bool) -> None:
        """Finish the run."""
        self._logger.finalize("failed" if failed else "success")
        self._run.finish(exit_code=int(failed))
        if self._data_dir_before is None:
            os.environ.pop(_DATA_DIR, None)

    def _begin(
        self, settings: LoggerSettings, identity: Identity, content: Mapping[str, Any], run_dir: Path
    ) -> wandb.Run:
        def begin(mode: Literal["online", "offline"]) -> wandb.Run:
            return wandb.init(
                project=settings.project,
                name=identity.name,
                group=identity.trial.name,
                job_type=identity.stage,
                tags=list(identity.tags),
                dir=run_dir,
                mode=mode,
                config=dict(content),
                reinit="create_new",
                settings=wandb.Settings(
                    silent=True, console="off", init_timeout=_WAIT_TO_START, finish_timeout=_WAIT_TO_FINISH
                ),
            )

        if settings.offline:
            return begin("offline")
        try:
            if wandb.login(prompt=False):
                return begin("online")
            why = "there is no key; wandb login sets one"
        except wandb.Error as error:
            why = str(error).splitlines()[0]
        sys.stdout.write(
            f"Weights & Biases can't be reached ({why}): the run is kept offline, "
            f"wandb sync {RunFolder(run_dir).wandb} sends it.\n"
        )
        return begin("offline")


def _fit_for_artifacts(name: str) -> str:
    """Return a name of only letters, digits, ``_``, ``-`` and ``.``."""
    return re.sub(r"[^\w.\-]", "_", name, flags=re.ASCII)[:128]
