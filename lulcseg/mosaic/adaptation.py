"""How a mosaic is adapted to the models before it is mapped; decided once, and kept with the unfinished map."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lulcseg.augment.band_matching import LEAST_PIXELS, QUANTILES, BandMatching, Quantiles
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.models.tensor_archive import check_archive
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.norm_sample import (
    BATCH,
    CANDIDATES,
    LEAST_EFFECTIVE,
    ROUNDS,
    SAMPLE,
    draw_candidates,
    statistics_of_mosaic,
)
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.sampling.patches_anywhere import LEAST_VALID
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.adapt import BY_BATCH_NORM, BY_HISTOGRAM
from lulcseg.training.batch_norm import BatchNormStatistics

_FILE = "batch_norm.pt"


@dataclass(frozen=True)
class Adaptation:
    """How a mosaic is adapted to the models.

    Attributes:
        name: As in maps' file names and tags; None: not at all. Without the following, it is done inside the files.
        quantiles: The mosaic's, if its values are matched to those trained on.
        by_batch_norm: Whether batch norm's statistics are those of the mosaic.
        scale: At which the networks see patches, of which the statistics are taken (``mosaic.scale``).
    """

    name: str | None = None
    quantiles: Quantiles | None = None
    by_batch_norm: bool = False
    scale: float = 1.0

    @classmethod
    def of(cls, ensemble: Ensemble, scene: Scene, scale: float = 1.0) -> Adaptation:
        """Return how a scene's mosaic is adapted to models, whose networks see patches at a scale.

        Raises:
            LulcsegError: A model can't be adapted.
        """
        name = ensemble.adaptation(scene)
        if name is None:
            return cls()
        quantiles = None
        if ensemble.adapt in BY_HISTOGRAM:
            quantiles = mosaic_statistics(scene.imagery, scene.cache).quantiles(QUANTILES)
        return cls(name, quantiles, ensemble.adapt in BY_BATCH_NORM, scale)

    def identity(self) -> dict[str, Any]:
        """Return its entry in a map's identity; empty if the mosaic isn't adapted.

        Statistics of batch norm aren't in it: they follow from the model, the imagery and these numbers.
        """
        if self.name is None:
            return {}
        entry: dict[str, Any] = {"by": self.name}
        if self.quantiles is not None:
            entry["quantiles"] = self.quantiles
        if self.by_batch_norm:
            entry["batch_norm"] = [CANDIDATES, SAMPLE, BATCH, LEAST_EFFECTIVE, LEAST_VALID, ROUNDS]
        return {"adapted": entry}

    def tags(self) -> dict[str, str]:
        """Return its metadata in the map's files; none if the mosaic isn't adapted."""
        return {} if self.name is None else {"adapted": self.name}

    def is_settled(self, folder: Path) -> bool:
        """Whether an unfinished map holds the statistics that it is made with, or needs none."""
        return not self.by_batch_norm or _kept(folder) is not None

    def settle(
        self,
        ensemble: Ensemble,
        scene: Scene,
        device: torch.device,
        statistics: Mapping[str, Any] | None,
        folder: Path,
    ) -> None:
        """Take batch norm's statistics for each model, unless an earlier attempt at the map has.

        Args:
            ensemble: The models.
            scene: The scene.
            device: Where to compute.
            statistics: Those of the mosaic, if the models scale by them.
            folder: Of the unfinished map, where they are kept for its resumption and its other processes.
        """
        if self.is_settled(folder):
            return
        found = [
            dict(statistics_of_mosaic(member, scene, device, statistics, self.quantiles, scale=self.scale))
            for member in ensemble.members
            if isinstance(member, TrainedModel)  # all are: exported models refuse to be adapted
        ]
        with replacing(folder / _FILE) as part:
            torch.save(found, part)

    def batch_norm(self, folder: Path) -> Sequence[BatchNormStatistics]:
        """Return the statistics for each model that an unfinished map is made with; empty if it isn't by them.

        Raises:
            LulcsegError: They can't be read.
        """
        if not self.by_batch_norm:
            return []
        found = _kept(folder)
        if found is None:
            raise LulcsegError(
                "batch norm's statistics of the unfinished map can't be read",
                where=folder / _FILE,
                remedy="map it again",
            )
        return found


def _kept(folder: Path) -> list[BatchNormStatistics] | None:
    """Return the statistics that an unfinished map holds; None if they are missing or damaged."""
    path = folder / _FILE
    try:
        check_archive(path)
        found: list[BatchNormStatistics] = torch.load(path, map_location="cpu", weights_only=True)
    except (LulcsegError, zipfile.BadZipFile, OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return found


def check_adaptable(scene: Scene, adapt: str, samples: Iterable[tuple[int, int]]) -> None:
    """Check that a scene's mosaic can be adapted.

    Args:
        scene: The scene.
        adapt: How, as in the settings.
        samples: Patch size and seed of each model.

    Raises:
        LulcsegError: A band has a single value, there is too little imagery, or the mosaic can't be read.
    """
    if adapt == "none":
        return
    statistics = mosaic_statistics(scene.imagery, scene.cache)
    if (pixels := statistics.bands[0].count) < LEAST_PIXELS:
        raise LulcsegError(
            f"its mosaic has imagery in {pixels:,} pixels, of at least {LEAST_PIXELS:,} that it can be adapted by",
            where=scene.file.path,
            remedy="set adapt=none",
        )
    quantiles = statistics.quantiles(QUANTILES)
    shown = quantiles if scene.imagery.optical is None else [quantiles[k] for k in scene.imagery.optical]
    if all(band[0] == band[-1] for band in shown):
        raise LulcsegError(
            "its mosaic has a single colour, which says nothing of what to adapt", where=scene.file.path,
            remedy="set adapt=none",
        )  # fmt: skip
    if adapt in BY_HISTOGRAM:
        BandMatching(shown, shown, where=scene.file.path)
    if adapt in BY_BATCH_NORM:
        for patch_size, seed in dict.fromkeys(samples):
            draw_candidates(scene, patch_size, seed)
