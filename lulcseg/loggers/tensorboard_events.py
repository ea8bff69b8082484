"""A run in TensorBoard: start ``tensorboard --logdir runs``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from lulcseg.loggers.display import Picture, Value
from lulcseg.loggers.run_identity import Identity
from lulcseg.run_folder.folder import RunFolder
from lulcseg.trials.tables import as_markdown


class TensorBoardDisplay:
    """A run's events, in ``<run>/tensorboard``; TensorBoard names a run by its folder.

    Tables are written as text, files as their paths.

    Args:
        identity: The run's names.
        content: Settings and facts.
        run_dir: The run directory.
    """

    address: Mapping[str, str] = {}

    def __init__(self, identity: Identity, content: Mapping[str, Any], run_dir: Path) -> None:
        self._run_dir = run_dir
        self._logger = TensorBoardLogger(
            save_dir=run_dir, name=RunFolder(run_dir).tensorboard.name, version="", default_hp_metric=False
        )
        self._writer = self._logger.experiment
        self._logger.log_hyperparams(dict(content))
        self._text("run", f"{identity.name}, {identity.stage}: {', '.join(identity.tags)}")

    @property
    def curves(self) -> Logger:
        """Lightning's logger."""
        return self._logger

    def scores(self, values: Mapping[str, Value]) -> None:
        """Write numbers as scalars, words as text."""
        for name, value in values.items():
            if isinstance(value, str):
                self._text(name, value)
            else:
                self._writer.add_scalar(name, value, 0)

    def picture(self, name: str, picture: Picture) -> None:
        """Write a picture, and one more for each of its layers."""
        for layer, image in picture.flat().items():
            self._writer.add_image(f"{name}/{layer}" if layer else name, np.asarray(image), 0, dataformats="HWC")

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as text in Markdown."""
        self._text(name, as_markdown(_texts(table)))

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Write a confusion matrix as text; its picture is logged as a picture."""
        order = list(dict.fromkeys(counts["reference"]))
        matrix = counts.pivot_table(index="reference", columns="map", values="count").loc[order, order].astype(int)
        self.table(name, matrix.rename_axis(None, axis=1).rename_axis("reference \\ map").reset_index())

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Write the files' paths."""
        where = [f"- `{file.relative_to(self._run_dir)}`" for file in files]
        self._text(f"files/{kind}", "\n".join([f"{name} ({', '.join(aliases) or kind})", "", *where]))

    def close(self, *, failed: bool) -> None:
        """Write the remaining events."""
        self._logger.finalize("failed" if failed else "success")
        self._writer.close()

    def _text(self, name: str, text: str) -> None:
        self._writer.add_text(name, text, 0)


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table's values as printed: numbers with four significant digits, texts in one line."""

    def text(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())

    return pd.DataFrame([[text(v) for v in row] for row in table.itertuples(index=False)], columns=table.columns)
