"""Matching of a mosaic's values to those trained on, by operations that ONNX has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lulcseg.augment.band_matching import BandMatching


class PortableMatching(nn.Module):
    """The map of :class:`lulcseg.augment.band_matching.BandMatching`, its knots found by halving intervals.

    ONNX has no search in a sorted list; ⌈log₂(k + 1)⌉ look-ups find the same knot.

    Args:
        matching: Knots and the values that they become.

    Examples:
        >>> portable = PortableMatching(BandMatching([[0, 10, 20]], [[100, 150, 200]]))
        >>> portable(torch.tensor([-1.0, 0.0, 5.0, 20.0, 30.0]).view(1, 1, 1, 5)).flatten().tolist()
        [100.0, 100.0, 125.0, 200.0, 200.0]
    """

    knots: Tensor
    values: Tensor
    sought: Tensor

    def __init__(self, matching: BandMatching) -> None:
        super().__init__()
        count = matching.knots.shape[1]
        self.steps = [2**power for power in reversed(range(count.bit_length()))]
        self.last = count - 1
        padding = sum(self.steps) - count
        sought = functional.pad(matching.knots, (0, padding), value=torch.inf)
        for name, tensor in {"knots": matching.knots, "values": matching.values, "sought": sought}.items():
            self.register_buffer(name, tensor.clone(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return matched values: (B, C, H, W) float32 → (B, C, H, W) float32, in the training mosaics' raw units."""
        by_band = image.transpose(0, 1)
        values = by_band.reshape(image.shape[1], -1)
        below = torch.zeros_like(values, dtype=torch.int64)  # knots that are less than the value
        for step in self.steps:
            below = torch.where(self.sought.gather(1, below + (step - 1)) < values, below + step, below)
        upper = below.clamp(1, self.last)
        x0, x1 = (self.knots.gather(1, at) for at in (upper - 1, upper))
        y0, y1 = (self.values.gather(1, at) for at in (upper - 1, upper))
        width = x1 - x0  # 0 in the padding beyond a band's last knot
        share = ((values - x0) / torch.where(width > 0, width, 1.0)).clamp(0.0, 1.0)
        return torch.lerp(y0, y1, share).reshape(by_band.shape).transpose(0, 1)
