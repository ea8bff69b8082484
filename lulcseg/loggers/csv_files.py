"""A run's scores and tables as CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pytorch_lightning.loggers import Logger

from lulcseg.files import replacing
from lulcseg.loggers.display import Picture, Value
from lulcseg.run_folder.folder import RunFolder


class CsvDisplay:
    """A run's tables.

    They are ``tables/scores.csv``, and one file per map in ``tables/classes/``, ``tables/confusion/`` and
    ``tables/areas/``. Curves are in ``metrics.csv``, pictures and files in the run's folder, with any logger.

    Args:
        run_dir: The run directory.
    """

    curves: Logger | None = None
    address: Mapping[str, str] = {}

    def __init__(self, run_dir: Path) -> None:
        self._folder = RunFolder(run_dir).tables
        self._scores: dict[str, Value] = {}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Add values to ``scores.csv``, one row per name."""
        self._scores |= values
        rows = pd.DataFrame({"name": list(self._scores), "value": list(self._scores.values())})
        self.table("scores", rows)

    def picture(self, name: str, picture: Picture) -> None:
        """Do nothing: pictures aren't tables."""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table."""
        with replacing(self._folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Write a confusion matrix, one row per cell."""
        self.table(name, counts)

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Do nothing: the files are in the run directory."""

    def close(self, *, failed: bool) -> None:
        """Do nothing: every table is complete."""
