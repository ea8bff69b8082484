"""Patches of several scenes behind one index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """

    def __init__(self, scenes: Mapping[str, SceneDataset]) -> None:
        """Keep the datasets; they open their files where they are read."""
        self.scenes = dict(scenes)

    def __getitem__(self, place: Place) -> dict[str, Tensor]:
        """Read the patch at a place: ``image`` (C, P, P), ``mask`` (P, P), ``valid`` (P, P)."""
        name, location = place
        return self.scenes[name][location]


def stack(samples: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Stack samples into a batch: ``image`` (B, C, P, P), ``mask`` (B, P, P), ``valid`` (B, P, P)."""
    return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}
