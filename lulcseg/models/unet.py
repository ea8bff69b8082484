"""The paper's U-Net (section 2.6.1, Figure 8)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lulcseg.models.norms import norm_layer
from lulcseg.settings.model import BATCH, ModelSettings


def _double_convolution(inputs: int, outputs: int, norm: str, *, shallow: bool = False) -> nn.Sequential:
    """Two 3×3 convolutions, each with a norm and ReLU; size kept. IBN-Net mixes the first norm of a block alone."""
    layers: list[nn.Module] = []
    for channels, mixes in ((inputs, shallow), (outputs, False)):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            norm_layer(norm, outputs, shallow=mixes),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def build_unet(settings: ModelSettings, bands: int, classes: int) -> UNet:
    """Build the U-Net that the settings describe."""
    return UNet(bands, classes, settings.filters, settings.depth, norm=settings.norm, dropout=settings.dropout)


class UNet(nn.Module):
    """U-Net: two convolutions per level, 2×2 max pooling, skip connections.

    With 3 bands, 9 classes, 32 filters and 4 poolings (levels of 32, 64, 128, 256 and 512 filters)
    it has 7.76 million parameters.

    Args:
        bands: Bands of the input.
        classes: Classes of the output.
        filters: Filters of the first level; they double at each.
        depth: Number of poolings.
        norm: Normalisation, as in ``model.norm``; ``instance_batch`` mixes on the way down, above the bottom level.
        dropout: Share of the bottom level's channels that are dropped in training.
    """

    def __init__(
        self, bands: int, classes: int, filters: int = 32, depth: int = 4, *, norm: str = BATCH, dropout: float = 0.0
    ) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(depth + 1)]
        self.depth = depth
        self.down = nn.ModuleList(
            _double_convolution(i, o, norm, shallow=True)
            for i, o in zip([bands, *widths[:-2]], widths[:-1], strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.bottom = _double_convolution(widths[-2], widths[-1], norm)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(_double_convolution(2 * w, w, norm) for w in reversed(widths[:-1]))
        self.head = nn.Conv2d(filters, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return class scores.

        Args:
            image: (B, C, H, W) float; any H and W (padded by replication to a multiple of
                2 ** depth, and cropped).

        Returns:
            (B, K, H, W) logits.
        """
        height, width = image.shape[-2:]
        step = 2**self.depth
        rows, cols = -height % step, -width % step
        x: Tensor = nn.functional.pad(image, (0, cols, 0, rows), mode="replicate") if rows or cols else image
        skips = []
        for level in self.down:
            x = level(x)
            skips.append(x)
            x = self.pool(x)
        x = self.dropout(self.bottom(x))
        for up, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = merge(torch.cat([skip, up(x)], dim=1))
        x = self.head(x)
        return x[..., :height, :width] if rows or cols else x
