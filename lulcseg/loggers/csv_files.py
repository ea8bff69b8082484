"""A run's scores and tables as CSV files, for a spreadsheet."""

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

    They are ``tables/scores.csv``, and a file a map in ``tables/classes/``, ``tables/confusion/``, ``tables/areas/``.
    Curves are in ``metrics.csv``, pictures and files in the run directory, with every other logger too.

    Args:
        run_dir: The run directory.
    """

    curves: Logger | None = None
    address: Mapping[str, str] = {}

    def __init__(self, run_dir: Path) -> None:
        """Write nothing yet."""
        self._folder = RunFolder(run_dir).tables
        self._scores: dict[str, Value] = {}

    def scores(self, values: Mapping[str, Value]) -> None:
        """Put values into ``scores.csv``, a row a name."""
        self._scores |= values
        rows = pd.DataFrame({"name": list(self._scores), "value": list(self._scores.values())})
        self.table("scores", rows)

    def picture(self, name: str, picture: Picture) -> None:
        """Write nothing: pictures are no tables."""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table."""
        with replacing(self._folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)

    def confusion(self, name: str, counts: pd.DataFrame) -> None:
        """Write a confusion matrix, a row a cell."""
        self.table(name, counts)

    def files(self, name: str, kind: str, files: Sequence[Path], aliases: Sequence[str] = ()) -> None:
        """Write nothing: the files are there."""

    def close(self, *, failed: bool) -> None:
        """Do nothing: every table is whole."""
