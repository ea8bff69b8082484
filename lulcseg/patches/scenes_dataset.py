"""Patches of several scenes behind one index."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lulcseg.scene.dataset import SceneDataset

Place = tuple[str, tuple[slice, slice]]
"""A patch's place: the scene's name and the slices of its x and y coordinates."""


class ScenesDataset(Dataset[dict[str, Tensor]]):
    """Scenes side by side: two dates of the same ground stay two scenes.

    Args:
        scenes: Datasets by the scene's name.
        margin: Pixels to read around each patch; beyond the imagery they are invalid and ignored.
    """

    def __init__(self, scenes: Mapping[str, SceneDataset], margin: int = 0) -> None:
        self.scenes = dict(scenes)
        self.margin = margin
        self._numbers = {name: number for number, name in enumerate(self.scenes)}

    def __getitem__(self, place: Place) -> dict[str, Tensor]:
        """Read the patch at a place.

        Returns:
            ``image`` (C, S, S), ``mask`` (S, S), ``valid`` (S, S), with S = P + 2 · margin; and
            ``scene``, the scene's number in the order given, () int64.
        """
        name, (x, y) = place
        data = self.scenes[name]
        wide, high = (self.margin * size for size in data.res)
        sample = data[slice(x.start - wide, x.stop + wide), slice(y.start - high, y.stop + high)]
        return {**sample, "scene": torch.tensor(self._numbers[name])}
