"""The values of a mosaic that a model was not trained on, beside those it was: a file of a run's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, replacing


@dataclass(frozen=True)
class SceneValues:
    """Quantiles of each band's values, evenly spaced from the least value to the greatest, in raw units.

    Attributes:
        trained_on: Names of the scenes that the models were trained on.
        mosaic: Quantiles of the scene's mosaic, a list for each band.
        training: Those of the mosaics trained on, by the first model's record; empty: it doesn't state them.
        matched: Those of the scene's mosaic once it is matched to them (``adapt=histogram``); empty: it can't be.
    """

    trained_on: Sequence[str]
    mosaic: Sequence[Sequence[float]]
    training: Sequence[Sequence[float]] = ()
    matched: Sequence[Sequence[float]] = ()

    def save(self, path: Path) -> None:
        """Write the file, values to seven digits.

        Raises:
            LulcsegError: It can't be written.
        """
        plain = asdict(self)
        for key in ("mosaic", "training", "matched"):
            plain[key] = [[float(f"{value:.7g}") for value in band] for band in plain[key]]
        with replacing(path) as part:
            part.write_text(json.dumps(plain) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> SceneValues:
        """Read the file.

        Raises:
            LulcsegError: It is missing or damaged.
        """
        plain = read_json(path) or {}
        try:
            found = cls(*(tuple(plain[key]) for key in ("trained_on", "mosaic", "training", "matched")))
            is_sound = found._is_sound()
        except (KeyError, TypeError):
            is_sound = False
        if not is_sound:
            raise LulcsegError("missing, or not a mosaic's values", where=path, remedy="map the scene again")
        return found

    def _is_sound(self) -> bool:
        """Whether each part that is known has as many bands as the mosaic, of several quantiles each."""
        known = [part for part in (self.mosaic, self.training, self.matched) if part]
        of_all_bands = {len(part) for part in known} == {len(self.mosaic)}
        return of_all_bands and all(len(band) > 1 for part in known for band in part)
