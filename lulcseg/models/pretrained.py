"""What is recorded of an encoder's pretrained weights, and the normalisation that they expect."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PretrainedWeights:
    """Pretrained weights as they are recorded with a model.

    Attributes:
        source: Where they are from: a name of timm, smp or TorchGeo, a package, or a file's name.
        licence: Their licence, as their source states it; "not known" if it doesn't.
        mean: Mean that they expect of each band, on the scale 0…1 that values have after scaling.
        deviation: Standard deviation, likewise.
        bands: Bands that they were trained with; None if not known.
        sha256: Digest of the file that they were read from; None if a library downloaded them.
        notes: How they were adapted to the imagery, as sentences.
    """

    source: str
    licence: str
    mean: list[float]
    deviation: list[float]
    bands: int | None = None
    sha256: str | None = None
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return the normalisation in words, with the notes, as sentences."""
        mean, deviation = (", ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.deviation))
        said = f"Values of 0 to 1 are normalised as {self.source} expects: mean {mean}, deviation {deviation}."
        return " ".join([said, *self.notes])


class Normalisation(nn.Module):
    """The last step before a network with pretrained weights: (x - mean) / deviation of each band.

    It has no parameters; a checkpoint holds it in the model's record alone.

    Args:
        weights: The pretrained weights; None: values stay as they are.

    Examples:
        >>> normalise = Normalisation(PretrainedWeights("a file", "not known", [0.5], [0.25]))
        >>> normalise(torch.tensor([[[[0.5, 1.0, 0.0]]]]), torch.tensor([[[True, True, False]]]))
        tensor([[[[0., 2., 0.]]]])
    """

    mean: Tensor | None
    deviation: Tensor | None

    def __init__(self, weights: PretrainedWeights | None) -> None:
        super().__init__()
        for name in ("mean", "deviation"):
            values = None if weights is None else torch.tensor(getattr(weights, name), dtype=torch.float32)
            self.register_buffer(name, None if values is None else values[:, None, None], persistent=False)

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Normalise scaled patches.

        Args:
            image: (B, C, H, W) float32, on the scale 0…1.
            valid: (B, H, W) bool.

        Returns:
            (B, C, H, W) float32; 0, which is the mean, where there is no imagery.
        """
        if self.mean is None or self.deviation is None:
            return image
        return torch.where(valid.unsqueeze(1), (image - self.mean) / self.deviation, 0.0)
