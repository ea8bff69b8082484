"""Light augmentation with Kornia: nothing moves in from outside a patch, so no label is lost."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from kornia.augmentation import (
    ColorJiggle,
    RandomBrightness,
    RandomContrast,
    RandomGamma,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from torch import Tensor, nn


class LightAugmentation(nn.Module):
    """Flips, quarter turns, brightness, contrast, gamma and (for three bands) hue and saturation.

    Every sample draws for itself. Geometry moves image, labels and validity alike.

    Args:
        bands: Bands of the images.
    """

    def __init__(self, bands: int) -> None:
        """Build the operations with their strengths."""
        super().__init__()
        self.flips = nn.ModuleList([RandomHorizontalFlip(p=0.5), RandomVerticalFlip(p=0.5)])
        self.colour = nn.ModuleList(
            [RandomBrightness((0.8, 1.2), p=0.5), RandomContrast((0.75, 1.3), p=0.5), RandomGamma((0.75, 1.35), p=0.5)]
        )
        if bands == 3:
            self.colour.append(ColorJiggle(0.0, 0.0, 0.25, 0.03, p=0.5))

    def forward(self, image: Tensor, mask: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Change a batch.

        Args:
            image: (B, C, P, P) float, 0…1.
            mask: (B, P, P) class index.
            valid: (B, P, P) bool.

        Returns:
            The three, changed; image values stay in 0…1.
        """
        bands = image.shape[1]
        stacked = torch.cat([image, mask.unsqueeze(1).to(image.dtype), valid.unsqueeze(1).to(image.dtype)], dim=1)
        for flip in self.flips:
            stacked = flip(stacked)
        stacked = quarter_turns(stacked)
        image, mask = stacked[:, :bands], stacked[:, bands].round().to(mask.dtype)
        valid = stacked[:, bands + 1] > 0.5
        for operation in self.colour:
            image = operation(image)
        return image.clamp(0.0, 1.0), mask, valid


def quarter_turns(stacked: Tensor) -> Tensor:
    """Turn each sample by 0, 90, 180 or 270 degrees, moving pixels without resampling them.

    (Kornia's quarter turn warps: under autocast it blends neighbouring labels.)

    Args:
        stacked: (B, C, P, P).
    """
    turns = torch.randint(0, 4, (len(stacked),), device=stacked.device)
    out = stacked.clone()
    for turn in (1, 2, 3):
        chosen = turns == turn
        out[chosen] = torch.rot90(stacked[chosen], turn, dims=(-2, -1))
    return out


def draw_seed(parts: Sequence[int]) -> int:
    """Mix whole numbers (run seed, epoch, step, rank) into one seed for the global generator.

    Kornia takes no generator; the training step seeds the global one from this inside
    ``torch.random.fork_rng``, so that draws repeat, ranks differ, and nothing else is disturbed.
    """
    import numpy as np

    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])
